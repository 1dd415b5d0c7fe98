import Foundation
import Posteriors
import SpecCLIP
import Spectra
import Support
import Torch

/// Reads labels from a model's features, with the heads of each instrument, as stored in a model file.
public struct LabelReader {
    package static let part = "labels"

    /// What gives labels.
    private enum Head {
        /// Each label as a Gaussian, or as a value alone.
        case gaussian(LabelHead)
        /// The joint posterior.
        case posterior(EnsembleSampler)
    }

    /// By the instrument's `embeddingKey`.
    private let heads: [String: [(head: Head, description: LabelHeadDescription)]]
    private let embeddingWidths: [String: Int]
    /// Samples of a posterior that values and intervals are taken from.
    public var draws = 2000

    /// - Throws: `Diagnostic` for heads that cannot be read.
    public init(_ file: ModelFile, device: Device = .cpu) throws {
        let descriptions = try LabelHeadDescription.all(in: file) ?? [:]
        var heads: [String: [(head: Head, description: LabelHeadDescription)]] = [:]
        for (name, description) in descriptions.sorted(by: { $0.key < $1.key }) {
            let key = LabelHeadDescription.embeddingKey(ofHead: name)
            let module = Self.make(description, key, file.description)
            try file.load(module, part: "\(Self.part).\(name)")
            try module.to(device)
            module.evaluate()
            let head =
                try (module as? FlowEnsemble).map { Head.posterior(try $0.sampler()) }
                ?? (module as? LabelHead).map(Head.gaussian)
            if let head { heads[key, default: []].append((head, description)) }
        }
        self.heads = heads
        embeddingWidths = heads.keys.reduce(into: [:]) { $0[$1] = file.description.embeddingWidth(ofKey: $1) }
    }

    /// Whether it reads anything from an instrument's spectra.
    func reads(_ instrument: Instrument) -> Bool { heads[instrument.embeddingKey] != nil }

    /// Whether a model file has label heads.
    static func isPart(of file: ModelFile) -> Bool { file.header(part) != nil }

    /// The error of a model without label heads.
    static func absent(from file: ModelFile) -> Diagnostic {
        Diagnostic(file.url, problem: "this model has no label heads", remedy: "make them with `specclip labels fit`")
    }

    private static func make(
        _ description: LabelHeadDescription, _ key: String, _ model: ModelDescription
    ) -> Module {
        Initializer.$isSkipped.withValue(true) {
            if let flow = description.posterior {
                return FlowEnsemble(
                    (0..<(description.members ?? 1)).map { _ in
                        ConditionalFlow(
                            labels: description.labels.count, context: model.featureWidth(ofKey: key), flow)
                    })
            }
            return LabelHead(
                embedding: model.embeddingWidth(ofKey: key), hidden: description.hidden, dropout: description.dropout,
                labels: description.labels.count, givesErrors: description.givesErrors)
        }
    }

    /// The labels read from an instrument's spectra.
    public func labels(for instrument: Instrument) throws -> [StellarLabel] {
        try descriptions(for: instrument).flatMap(\.labels)
    }

    /// All labels that are read from some instrument, in the order of a catalogue: those that several instruments have
    /// first, as their heads give them.
    public var allLabels: [StellarLabel] {
        let lists = heads.sorted { $0.key < $1.key }.map { $0.value.flatMap(\.description.labels) }
        var labels: [StellarLabel] = []
        for label in lists.joined() where !labels.contains(label) { labels.append(label) }
        let shared = labels.filter { label in lists.allSatisfy { $0.contains(label) } }
        return shared + labels.filter { !shared.contains($0) }
    }

    /// What is known of the heads of an instrument, in the order of their labels.
    public func descriptions(for instrument: Instrument) throws -> [LabelHeadDescription] {
        try heads(of: instrument).map(\.description)
    }

    /// The labels of stars with what speaks against them.
    /// - Parameters:
    ///   - features: `[B, F]` from `SpecCLIPModel.features`; embeddings are enough where no head gives posteriors.
    ///   - instrument: whose spectra they are.
    ///   - snr: signal to noise per pixel, NaN where unknown; posteriors are calibrated by it.
    /// - Returns: for each star, its labels in the order of `labels(for:)`.
    public func read(
        _ features: Tensor, from instrument: Instrument, snr: [Double]? = nil
    ) throws -> [StarLabels] {
        try readings(features, from: instrument, snr: snr).stars
    }

    /// As `read(_:from:snr:)`, the labels alone.
    public func predict(
        _ features: Tensor, from instrument: Instrument, snr: [Double]? = nil
    ) throws -> [[LabelEstimate]] {
        try read(features, from: instrument, snr: snr).map(\.estimates)
    }

    /// Labels and the calibrated samples they come from, of the first head that has any.
    /// - Parameter velocities: removed from the spectra before, km/s.
    func readings(
        _ features: Tensor, from instrument: Instrument, snr: [Double]?, velocities: [Double]? = nil
    ) throws -> (stars: [StarLabels], posterior: PosteriorSamples?) {
        var stars = [StarLabels](repeating: StarLabels(), count: features.shape[0])
        var posterior: PosteriorSamples?
        for (head, description) in heads[instrument.embeddingKey] ?? [] {
            switch head {
            case .gaussian(let head):
                let width = embeddingWidths[instrument.embeddingKey] ?? features.shape[1]
                read(features.narrow(1, start: 0, length: width), with: head, description, into: &stars)
            case .posterior(let sampler):
                var samples = try PosteriorSamples(sampler, given: features, draws: draws, labels: description.labels)
                description.calibration?.apply(to: &samples, snr: snr)
                if let velocities { samples.add(velocities, to: RadialVelocity.label) }
                let summary = PosteriorSummary(samples, ranges: description.ranges)
                for star in stars.indices {
                    stars[star].estimates += summary.estimates[star]
                    stars[star].flags.formUnion(summary.flags[star])
                }
                posterior = posterior ?? samples
            }
        }
        return (stars, posterior)
    }

    /// The joint posterior of an instrument with what is known of it; nil where it has none.
    func posterior(of instrument: Instrument) throws -> (sampler: EnsembleSampler, description: LabelHeadDescription)? {
        for (head, description) in heads[instrument.embeddingKey] ?? [] {
            if case .posterior(let sampler) = head { return (sampler, description) }
        }
        return nil
    }

    /// The prior of what is read from an instrument's spectra; nil where it is not known.
    func prior(of instrument: Instrument) throws -> LabelPrior? {
        (heads[instrument.embeddingKey] ?? []).lazy.compactMap(\.description.prior).first
    }

    /// How an instrument's spectra are brought to rest; nil where no posterior tells their velocity.
    func restFrame(_ model: SpecCLIPModel, _ instrument: Instrument) throws -> RestFrame? {
        for (head, description) in heads[instrument.embeddingKey] ?? [] {
            guard case .posterior(let sampler) = head else { continue }
            if let rest = RestFrame(model, instrument, sampler, labels: description.labels) { return rest }
        }
        return nil
    }

    private func read(
        _ embeddings: Tensor, with head: LabelHead, _ description: LabelHeadDescription, into stars: inout [StarLabels]
    ) {
        let (mean, logSigma) = withoutGradient { head(embeddings) }
        let (values, sigmas) = (mean.doubles(), logSigma?.exp().doubles())
        let count = description.labels.count
        for star in stars.indices {
            for i in 0..<count {
                let (at, std) = (star * count + i, description.std[i])
                stars[star].estimates.append(
                    LabelEstimate(
                        label: description.labels[i], value: description.mean[i] + std * values[at],
                        error: sigmas.map { std * $0[at] * description.errorScale[i] }))
            }
        }
    }

    private func heads(
        of instrument: Instrument
    ) throws -> [(head: Head, description: LabelHeadDescription)] {
        guard let own = heads[instrument.embeddingKey] else {
            throw Diagnostic(
                problem: "this model has no label head for \(instrument.name)",
                remedy: "it has heads for \(heads.keys.sorted().joined(separator: ", "))")
        }
        return own
    }
}

/// What was read from one star.
public struct StarLabels: Sendable, Hashable {
    /// The labels.
    public var estimates: [LabelEstimate] = []
    /// What their posteriors say against them.
    public var flags: QualityFlags = []
    /// The same of labels that somebody taught the model, by the name of the set.
    public var adaptedFlags: [String: QualityFlags] = [:]
    /// How the observations of a star compare that was observed more than once; nil for one that was not.
    public var compared: ComparedObservations?

    /// Nothing yet.
    public init() {}
}
