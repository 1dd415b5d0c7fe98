import Foundation
import SpecCLIP
import Spectra
import Support
import Torch

/// Spectra of which a band is missing, read by an encoder that knows no masks: what is missing is drawn, several times, from what goes
/// with the rest, and each completed spectrum is read. What all of them tell together is wider than what any one tells, by what the
/// missing band might have told (multiple imputation; Rubin 1987, Multiple Imputation for Nonresponse in Surveys).
extension StarReader {
    /// How often what is missing is drawn.
    static let completions = 16

    /// The instruments of which a missing band is drawn: their encoder knows no masks, and the model knows their spectra.
    public var instrumentsWithDrawnBands: [Instrument] {
        guard let file = try? spectraFile() else { return [] }
        return instruments.filter {
            !model.inputs(of: $0).contains(.valid) && SpectrumGenerator.isPart(of: file, for: $0)
        }
    }

    /// Observations with what is missing of them drawn, by their places; none for those of which nothing is missing.
    /// - Throws: `Diagnostic` where a spectrum is of no use without its missing band, and the model cannot draw it.
    func completed(_ observations: [Observation]) throws -> [Int: [Observation]] {
        let lacking = observations.indices.filter {
            !model.inputs(of: observations[$0].instrument).contains(.valid) && observations[$0].lacksBand
        }
        guard !lacking.isEmpty else { return [:] }
        var found: [Int: [Observation]] = [:]
        for instrument in instrumentsWithDrawnBands {
            for isUnscaled in [false, true] {
                let places = lacking.filter {
                    observations[$0].instrument == instrument && observations[$0].prepared.scaleIsUnknown == isUnscaled
                }
                guard !places.isEmpty,
                    let generator = try drawing.value(for: instrument, make: { try generator(of: instrument) })
                else { continue }
                let own = places.map { observations[$0] }
                for (place, drawn) in zip(places, try Self.completed(own, by: generator)) { found[place] = drawn }
            }
        }
        if let place = lacking.first(where: { found[$0] == nil && observations[$0].prepared.scaleIsUnknown }) {
            throw Diagnostic(
                observations[place].name, field: "flux", problem: "lacks a band that this model cannot do without",
                remedy: "leave the spectrum out")
        }
        return found
    }

    /// Spectra of one instrument, all with a scale or all without.
    private static func completed(
        _ observations: [Observation], by generator: SpectrumGenerator
    ) throws -> [[Observation]] {
        let (count, pixels) = (observations.count, observations[0].prepared.flux.count)
        let flux = Tensor(observations.flatMap(\.prepared.flux), shape: [count, pixels])
        let ivar = Tensor(
            observations.flatMap { observation -> [Float] in
                let own = observation.prepared.ivar ?? observation.prepared.estimatedIvar
                return zip(own, observation.prepared.mask).map { $1 ? 0 : $0 }
            }, shape: [count, pixels])
        let isUnscaled = observations[0].prepared.scaleIsUnknown
        var known = SpectrumKnowledge(stars: count)
        // Bright stars are others than faint ones.
        known.add(ownSNR: observations.map { $0.prepared.snr ?? .nan })
        let drawn = try generator.distribution(known)
            .given(flux, ivar: ivar, scaleIsUnknown: isUnscaled).samples(completions)
        let (values, weights) = (drawn.contiguous().floats(), ivar.floats())
        return observations.enumerated().map { star, observation in
            let known = weights[star * pixels..<(star + 1) * pixels]
            return (0..<completions).map { completion in
                let start = (star * completions + completion) * pixels
                return observation.completed(by: values[start..<start + pixels], where: known)
            }
        }
    }
}

extension StarReader {
    /// What fills single pixels that spectra of an instrument lack; nil where its encoder knows no masks, or the model does not know its
    /// spectra.
    func missingPixels(of instrument: Instrument) throws -> MissingPixels? {
        guard model.inputs(of: instrument).isSuperset(of: [.valid, .ivar]) else { return nil }
        return try filling.value(for: instrument) {
            try drawing.value(for: instrument) { try generator(of: instrument) }.map(MissingPixels.init)
        }
    }
}

extension Observation {
    /// Whether a band is missing; single pixels are bridged.
    var lacksBand: Bool { prepared.scaleIsUnknown || maskedShare > Self.missingBand }
    private static let missingBand = 0.1

    /// What is said of a spectrum of which a band is drawn.
    static let drawnBand = "a band is missing: it is drawn from what goes with the rest, and errors say so (flag 2)"

    /// The spectrum with another one in its missing pixels.
    /// - Parameters:
    ///   - drawn: at all pixels; NaN where nothing is known.
    ///   - ivar: of its own pixels; 0 where missing.
    fileprivate func completed(by drawn: ArraySlice<Float>, where ivar: ArraySlice<Float>) -> Observation {
        var whole = self
        var factor: Float = 1
        if prepared.scaleIsUnknown {
            // By how much its own pixels lie below those of the drawn one.
            var (product, square) = (0.0, 0.0)
            for (own, (other, weight)) in zip(prepared.flux, zip(drawn, ivar)) where weight > 0 && other.isFinite {
                product += Double(weight) * Double(own) * Double(other)
                square += Double(weight) * Double(own) * Double(own)
            }
            factor = square > 0 ? Float(product / square) : 1
            whole.prepared.scaleIsUnknown = false
            whole.prepared.ivar = prepared.ivar?.map { $0 / (factor * factor) }
        }
        whole.prepared.flux = zip(prepared.flux, zip(drawn, ivar)).map { own, other in
            other.1 > 0 || !other.0.isFinite ? own * factor : other.0
        }
        // The file's spectrum has no such pixels.
        whole.raw = nil
        return whole
    }
}

extension LabelInference.Reading {
    /// What completed spectra of one star tell together.
    init(pooling parts: [(reading: LabelInference.Reading, row: Int)]) throws {
        let stars = parts.map { $0.reading.stars[$0.row] }
        let joint = PosteriorSamples(pooling: parts.map { ($0.reading.posterior, $0.row) })
        var star = StarLabels()
        star.estimates = stars[0].estimates.indices.map { label in
            LabelEstimate(pooling: stars.map { $0.estimates[label] })
        }
        if let joint {
            let summary = PosteriorSummary(joint, ranges: nil)
            star.estimates.replaceSubrange(0..<joint.labels.count, with: summary.estimates[0])
            star.flags = summary.flags[0]
        }
        // Two peaks of one may not be those of all; what else is doubtful must be so of half of them.
        for flag in QualityFlags.all.map(\.flag) where flag != .multimodal {
            if 2 * stars.count(where: { $0.flags.contains(flag) }) >= stars.count { star.flags.insert(flag) }
        }
        for own in stars { star.adaptedFlags.merge(own.adaptedFlags) { $0.union($1) } }
        try self.init(meanOf: parts, star: star, posterior: joint)
    }
}

extension LabelEstimate {
    /// One estimate of several that completed spectra give: errors, and how far these lie apart.
    fileprivate init(pooling parts: [LabelEstimate]) {
        let count = Double(parts.count)
        let value = parts.reduce(0) { $0 + $1.value } / count
        let between = parts.reduce(0) { $0 + ($1.value - value) * ($1.value - value) } / max(1, count - 1)
        let within = parts.compactMap { $0.error.map { $0 * $0 } }
        let error =
            within.count == parts.count
            ? (within.reduce(0, +) / count + between * (1 + 1 / count)).squareRoot() : nil
        self.init(label: parts[0].label, value: value, error: error, interval: nil)
    }
}

extension PosteriorSamples {
    /// Of one star, draws that are shared out among the posteriors of several, in a random order; nil where one has none.
    fileprivate init?(pooling parts: [(samples: PosteriorSamples?, row: Int)]) {
        guard let first = parts[0].samples, parts.allSatisfy({ $0.samples != nil }) else { return nil }
        var random = SeededGenerator(seed: 0xBA2D)
        let width = first.labels.count
        let turns = (0..<first.draws).map { parts[$0 % parts.count] }.shuffled(using: &random)
        let all = turns.enumerated().flatMap { draw, part -> [Float] in
            let start = (part.row * first.draws + draw) * width
            return part.samples.map { Array($0.values[start..<start + width]) } ?? []
        }
        self.init(all, draws: first.draws, labels: first.labels)
    }
}
