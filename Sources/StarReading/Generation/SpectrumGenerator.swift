import Foundation
import Posteriors
import SpecCLIP
import Spectra
import Statistics
import Support
import Torch

/// Spectra of one instrument as a distribution, given what is known of a star: spectra that other instruments took, labels, both, or
/// nothing. A spectrum of the instrument itself, or a part of one, then makes it narrower (``SpectrumDistribution/given(_:ivar:scaleIsUnknown:)``).
///
/// What the instrument sees is a few numbers (`SpectrumBasis`) whose density is a mixture of Gaussians that a network makes of what
/// is known (`ConditionalMixture`). It learned from observed spectra with their errors, so that it is a density of what is behind the
/// noise.
public final class SpectrumGenerator: Module, @unchecked Sendable {
    /// What it is made of, and how it was made.
    public struct Description: Codable, Sendable, Hashable {
        /// Another instrument whose spectra tell of this one's.
        struct Source: Codable, Sendable, Hashable {
            /// `embeddingKey`, and the numbers of the encoder's summary.
            var key: String, width: Int
            /// Mean and spread of the logarithm of the signal to noise.
            var snr: [Double]
        }
        /// A label that tells of spectra.
        struct Known: Codable, Sendable, Hashable {
            var label: StellarLabel
            /// Mean and spread, as it is learned.
            var mean: Double, std: Double
            /// Between which values nearly all training stars lie, in its unit.
            var range: [Double]
        }
        /// The target's `embeddingKey` and pixels.
        var instrument: String, pixels: Int
        /// Numbers of a spectrum.
        var components: Int
        var mixture: ConditionalMixture.Sizes
        var sources: [Source]
        var labels: [Known]
        /// Mean and spread of the logarithm of the signal to noise of the spectra themselves.
        var ownSNR: [Double]
        /// By how much deviations are stretched so that intervals hold what they say.
        var stretch: SpectrumWidths
        /// Training spectra, and the content of the data sets that they are of.
        public var stars: Int
        /// Hashes of the data sets.
        public var data: [String]

        /// Names of the labels that tell of spectra.
        public var labelNames: [String] { labels.map(\.label.name) }
    }

    /// What it is made of.
    public internal(set) var about: Description
    let basis: SpectrumBasis
    let mixture: ConditionalMixture
    /// Mean and inverse spread of what stands in the context, `[C]`.
    let centre: Buffer, scale: Buffer
    /// What `SpectrumBasis.stretches` gives, kept: nothing is asked before the basis is as it stays.
    private let stretches = SharedCache<Int, Tensor>(capacity: 1)

    static let part = "spectra"

    /// An empty one, to be loaded or to learn.
    init(_ about: Description) throws {
        self.about = about
        basis = SpectrumBasis(pixels: about.pixels, count: about.components)
        mixture = try ConditionalMixture(about.mixture)
        centre = Buffer(Tensor.zeros([about.mixture.context]))
        scale = Buffer(Tensor.ones([about.mixture.context]))
        super.init()
    }

    /// The labels of a model that may tell of spectra at rest.
    static func labels(of reader: StarReader) -> [StellarLabel] { reader.modelLabels.filter { !$0.movesWithStar } }

    /// A label that tells of spectra.
    public func label(named name: String) -> StellarLabel? { about.labels.first { $0.label.name == name }?.label }

    /// Between which values of a label spectra were learned, in its unit.
    public func range(of label: StellarLabel) -> ClosedRange<Double>? {
        about.labels.first { $0.label == label }.flatMap { known in
            known.range.count == 2 && known.range[0] <= known.range[1] ? known.range[0]...known.range[1] : nil
        }
    }

    // MARK: - The context

    /// The columns of each thing that may be known: of each source its summary, signal to noise and mark; of each label its value and
    /// mark; of the spectra themselves their signal to noise and mark.
    var blocks: [Range<Int>] {
        var (blocks, start): ([Range<Int>], Int) = ([], 0)
        for width in about.sources.map({ $0.width + 2 }) + about.labels.map({ _ in 2 }) + [2] {
            blocks.append(start..<start + width)
            start += width
        }
        return blocks
    }

    static func contextWidth(_ sources: [Description.Source], labels: Int) -> Int {
        sources.reduce(0) { $0 + $1.width + 2 } + 2 * labels + 2
    }

    /// What is known as the network reads it, `[B, C]`; 0 where a thing is not known.
    func context(_ known: SpectrumKnowledge) -> Tensor {
        var parts: [Tensor] = []
        /// A number of each star with its mark.
        func marked(_ value: (Int) -> Double?) -> Tensor {
            Tensor(
                (0..<known.count).flatMap { star -> [Float] in
                    guard let value = value(star), value.isFinite else { return [0, 0] }
                    return [Float(min(max(value, -Self.farthest), Self.farthest)), 1]
                }, shape: [known.count, 2])
        }
        func level(_ snr: [Double]?, _ star: Int, _ scale: [Double]) -> Double? {
            guard let snr = snr?[star], snr > 0 else { return nil }
            return (log10(snr) - scale[0]) / scale[1]
        }
        for source in about.sources {
            let isSeen = known.seen[source.key] ?? [Bool](repeating: false, count: known.count)
            let marks = Tensor(isSeen.map { $0 ? Float(1) : 0 }, shape: [known.count, 1])
            let summaries = known.summaries[source.key] ?? Tensor.zeros([known.count, source.width])
            let own = marked { star in isSeen[star] ? level(known.snr[source.key], star, source.snr) : nil }
            parts += [standardised(summaries, from: parts) * marks, own.narrow(1, start: 0, length: 1), marks]
        }
        for own in about.labels {
            parts.append(marked { star in known.labels[own.label.name].map { ($0[star] - own.mean) / own.std } })
        }
        parts.append(marked { star in level(known.ownSNR, star, about.ownSNR) })
        return Tensor.cat(parts, dim: 1)
    }

    /// No spectrum that tells anything is so far from all others, in units of their spread.
    private static let farthest = 6.0

    private func standardised(_ summaries: Tensor, from parts: [Tensor]) -> Tensor {
        let (start, width) = (parts.reduce(0) { $0 + $1.size(1) }, summaries.size(1))
        func own(_ buffer: Buffer) -> Tensor { buffer.value.narrow(0, start: start, length: width) }
        return ((summaries - own(centre)) * own(scale)).clamp(min: -Self.farthest, max: Self.farthest)
    }

    /// What is known of each star.
    private func kinds(_ known: SpectrumKnowledge) -> [SpectrumWidths.Kind] {
        (0..<known.count).map { star in
            SpectrumWidths.Kind(
                seesOthers: about.sources.contains { known.seen[$0.key]?[star] ?? false },
                knowsLabels: about.labels.contains { known.labels[$0.label.name]?[star].isFinite ?? false })
        }
    }

    /// The logarithm of each star's signal to noise; nil where unknown.
    private func levels(_ known: SpectrumKnowledge) -> [Double?] {
        (0..<known.count).map { star in
            let snr = known.ownSNR?[star] ?? .nan
            return snr > 0 ? log10(snr) : nil
        }
    }

    /// The numbers of spectra with the deviations of each star stretched, by the factors of the parts of the wavelengths.
    fileprivate func stretched(_ mixture: Mixture, by factors: [[Double]]) -> Mixture {
        mixture.stretched(
            by: SpectrumWidths.stretch(
                Tensor(factors.joined().map { Float($0) }, shape: [factors.count, SpectrumWidths.parts]),
                of: stretches.value(for: basis.count) { basis.stretches }))
    }

    /// The numbers of spectra once parts of them are seen, as wide as they are to be.
    /// - Parameters:
    ///   - ivar: of what is seen, `[B, P]`; 0 where nothing is.
    ///   - levels: logarithms of the signal to noise; nil where unknown.
    fileprivate func widened(_ mixture: Mixture, seeing ivar: Tensor, levels: [Double?]) -> Mixture {
        let factors = zip(basis.seen(ivar), levels).map { about.stretch.factors(seen: $0, level: $1) }
        guard factors.contains(where: { $0 != nil }) else { return mixture }
        return stretched(mixture, by: factors.map { $0 ?? [Double](repeating: 1, count: SpectrumWidths.parts) })
    }

    // MARK: - Distributions

    /// The spectra that stars may have.
    /// - Parameter known: of the stars.
    public func distribution(_ known: SpectrumKnowledge) throws -> SpectrumDistribution {
        try catchingTorchErrors {
            withoutGradient {
                let levels = levels(known)
                let factors = zip(kinds(known), levels).map { about.stretch.factors($0, level: $1) }
                return SpectrumDistribution(
                    basis, stretched(mixture(context(known)), by: factors), widening: (self, levels))
            }
        }
    }
}

/// Spectra of one instrument that stars may have: one distribution a star.
public struct SpectrumDistribution {
    private let basis: SpectrumBasis
    let mixture: Mixture
    /// What says how wide they are once a part of a spectrum is seen, and the logarithms of the signal to noise; nil where they are as wide
    /// as they come.
    private let widening: (generator: SpectrumGenerator, levels: [Double?])?

    init(
        _ basis: SpectrumBasis, _ mixture: Mixture, widening: (generator: SpectrumGenerator, levels: [Double?])? = nil
    ) {
        (self.basis, self.mixture, self.widening) = (basis, mixture, widening)
    }

    /// Stars.
    public var count: Int { mixture.count }

    /// What is left once a spectrum of the instrument is seen, or a part of one: denoised, and with its gaps filled.
    /// - Parameters:
    ///   - flux: prepared and at rest, `[B, pixels]`.
    ///   - ivar: inverse variance, `[B, pixels]`; 0 where a pixel carries no information.
    ///   - scaleIsUnknown: whether each spectrum may be off by a factor of its own.
    public func given(_ flux: Tensor, ivar: Tensor, scaleIsUnknown: Bool = false) throws -> SpectrumDistribution {
        try catchingTorchErrors {
            withoutGradient {
                let evidence = basis.evidence(flux, ivar: ivar, scaleIsUnknown: scaleIsUnknown)
                return SpectrumDistribution(basis, mixture.given(evidence), widening: widening)
                    .widenedAnew(seeing: ivar)
            }
        }
    }

    /// The same, once more as wide as it is to be where parts of the spectra are missing.
    /// - Parameter ivar: of what is seen, `[B, pixels]`; 0 where nothing is.
    func widenedAnew(seeing ivar: Tensor) -> SpectrumDistribution {
        guard let widening else { return self }
        return withoutGradient {
            SpectrumDistribution(
                basis, widening.generator.widened(mixture, seeing: ivar, levels: widening.levels), widening: widening)
        }
    }

    /// The log density of observed spectra, noise included, `[B]`.
    /// - Parameters:
    ///   - flux: prepared and at rest, `[B, pixels]`.
    ///   - ivar: inverse variance, `[B, pixels]`; 0 where a pixel carries no information.
    public func logLikelihood(_ flux: Tensor, ivar: Tensor) throws -> Tensor {
        try catchingTorchErrors {
            withoutGradient { mixture.logLikelihood(of: basis.evidence(flux, ivar: ivar)) }
        }
    }

    /// Samples of the spectra without noise, `[B, n, pixels]`; NaN at pixels of which nothing was learned.
    /// - Parameters:
    ///   - count: n.
    ///   - seed: equal seeds give equal samples, star by star, whatever stars are beside it.
    public func samples(_ count: Int, seed: UInt64 = 1) throws -> Tensor {
        try catchingTorchErrors {
            withoutGradient {
                basis.logFlux(mixture.draws(count, seed: seed)).exp().maskedFill(basis.known.value.eq(0), .nan)
            }
        }
    }

    /// What may be at each pixel.
    public struct Band {
        /// The median, and half of what lies between the 16th and the 84th percentile, with what the components leave; `[B, pixels]`. NaN at
        /// pixels of which nothing was learned.
        public let flux: Tensor, error: Tensor
    }

    /// The middle of what a spectrum may be, and how far it may be off: of the distribution itself, not of draws from it.
    public func band() throws -> Band {
        try catchingTorchErrors {
            withoutGradient {
                let pixels = mixture.along(basis.components.value)
                func level(_ p: Double) -> Tensor { basis.logFlux(deviation: pixels.quantile(p)).exp() }
                let middle = level(0.5).maskedFill(basis.known.value.eq(0), .nan)
                let half = (level(normalShare(1)) - level(normalShare(-1))) * 0.5
                return Band(
                    flux: middle, error: (half.square() + basis.remainder.value * middle.square()).sqrt())
            }
        }
    }

    /// Of each observed pixel the probability that what is observed lies below it, noise included, `[B, pixels]`; NaN where nothing was
    /// observed or learned. Uniform between 0 and 1 where the distribution is right.
    /// - Parameters:
    ///   - flux: prepared and at rest, `[B, pixels]`.
    ///   - ivar: inverse variance.
    ///   - draws: samples that it is made of.
    ///   - seed: of these. They are the same for all stars here, and off in the same way: where many stars are to tell how right
    ///     distributions are, another seed for every few.
    ///   - step: looks at every so manieth pixel.
    package func probabilities(
        _ flux: Tensor, ivar: Tensor, draws: Int = 200, seed: UInt64, every step: Int = 1
    ) throws -> Tensor {
        func some(_ tensor: Tensor) -> Tensor { tensor.sliced(tensor.rank - 1, step: step) }
        let (flux, ivar) = (some(flux), some(ivar))
        return try catchingTorchErrors {
            withoutGradient {
                let numbers = mixture.draws(draws, seed: seed)
                let expected = (numbers.matmul(some(basis.components.value)) + some(basis.mean.value)).exp()
                    .maskedFill(some(basis.known.value).eq(0), .nan)
                let own = some(basis.noiseFactor.value) / ivar.clamp(min: 1e-12)
                let sigma = (own.unsqueezed(1) + some(basis.remainder.value) * expected.square()).sqrt()
                let score = (flux.unsqueezed(1) - expected) / sigma
                return score.normalShare().mean(dims: [1]).maskedFill(ivar.le(0), .nan)
            }
        }
    }

    /// Random sums that are looked at.
    private static let sums = 16

    /// Of each part of the wavelengths (`SpectrumWidths`) the probability that its mean log flux lies below what is expected of it once more
    /// is seen, such as all of the spectrum, `[B, parts]`; NaN of parts of which more tells no more.
    ///
    /// What is expected then varies by what is known then and was not before: by the difference of the variances.
    func partProbabilities(beside told: SpectrumDistribution) throws -> Tensor {
        try catchingTorchErrors {
            withoutGradient {
                // `[K, parts]`.
                let means = basis.partMeans
                func variance(_ mixture: Mixture) -> Tensor {
                    (mixture.covariance.matmul(means) * means).sum(dims: [1])
                }
                let share = variance(told.mixture) / variance(mixture).clamp(min: 1e-12)
                let centre = mixture.mean.matmul(means)
                let apart = told.mixture.mean.matmul(means) - centre
                return mixture.along(means).share(below: centre + apart / (share * -1 + 1).clamp(min: 1e-6).sqrt())
                    .maskedFill(share.lt(Self.most).logicalNot(), .nan)
            }
        }
    }

    /// Of a part whose variance all of the spectrum makes smaller by less than a half nothing is said.
    private static let most = 0.5

    /// As ``probabilities(_:ivar:draws:seed:every:)``, of sums of all pixels with random weights: right only where it is known how pixels go
    /// together, `[B, 16]`.
    package func sumProbabilities(_ flux: Tensor, ivar: Tensor, draws: Int = 200, seed: UInt64) throws -> Tensor {
        let expected = try samples(draws, seed: seed)
        return try catchingTorchErrors {
            withoutGradient {
                var random = SeededGenerator(seed: 5)
                let weights = Tensor(
                    (0..<Self.sums * basis.pixels).map { _ in Float(random.gaussian()) },
                    shape: [basis.pixels, Self.sums])
                let isSeen = ivar.gt(0).logicalAnd(basis.known.value.ne(0)).unsqueezed(1)
                let level = expected.mean(dims: [1], keepDims: true)
                let drawn = (expected / level).where(isSeen, 0)
                let own = (flux.unsqueezed(1) / level).where(isSeen, 0)
                let noise = (basis.noiseFactor.value / ivar.clamp(min: 1e-12)).unsqueezed(1) / level.square()
                let variance = (noise + basis.remainder.value).where(isSeen, 0).matmul(weights.square())
                let score = (own.matmul(weights) - drawn.matmul(weights)) / variance.sqrt()
                return score.normalShare().mean(dims: [1])
            }
        }
    }
}

// MARK: - Files

extension SpectrumGenerator {
    /// Whether a model file knows spectra of an instrument.
    static func isPart(of file: ModelFile, for instrument: Instrument) -> Bool {
        let all: [String: Description]? = try? file.modules(of: part)
        return all?[instrument.embeddingKey] != nil
    }

    /// The generator of an instrument's spectra in a model file; nil where it has none.
    /// - Throws: `Diagnostic` where it is damaged.
    convenience init?(_ file: ModelFile, of instrument: Instrument) throws {
        let all: [String: Description] = try file.modules(of: Self.part)
        guard let about = all[instrument.embeddingKey] else { return nil }
        guard about.isConsistent, about.pixels == instrument.grid.count else {
            throw Diagnostic(
                file.url, field: Self.part, problem: "contradicts itself", remedy: "get the file anew")
        }
        try self.init(about)
        try file.load(self, part: "\(Self.part).\(instrument.embeddingKey)")
        evaluate()
    }

    /// The part of a model file that holds generators.
    public static func part(_ generators: [SpectrumGenerator]) throws -> ModelFilePart {
        try ModelFilePart(name: part, modules: generators.map { ($0.about.instrument, $0.about, $0) })
    }
}

extension SpectrumGenerator.Description {
    fileprivate var isConsistent: Bool {
        (1...1_000_000).contains(pixels) && (1...1024).contains(components) && mixture.dimensions == components
            && stretch.isComplete
            && sources.allSatisfy { $0.snr.count == 2 && $0.snr[1] > 0 && (1...65536).contains($0.width) }
            && labels.allSatisfy { $0.std > 0 } && ownSNR.count == 2 && ownSNR[1] > 0
            && mixture.context == SpectrumGenerator.contextWidth(sources, labels: labels.count)
    }
}
