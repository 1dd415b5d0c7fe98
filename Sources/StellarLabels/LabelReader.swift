import Foundation
import SpecCLIP
import Spectra
import Torch

/// Reads labels from a model's features, with the heads of each instrument, as stored in a model file.
public struct LabelReader {
    static let part = "labels"

    /// What gives labels.
    private enum Head {
        /// Each label as a Gaussian, or as a value alone.
        case gaussian(LabelHead)
        /// The joint posterior.
        case posterior(FlowEnsemble)
    }

    /// By the instrument's `embeddingKey`.
    private let heads: [String: [(head: Head, description: LabelHeadDescription)]]
    private let embeddingWidths: [String: Int]
    /// Samples of a posterior that values and intervals are taken from.
    public var draws = 2000

    /// - Throws: `LabelError.noLabels` when the model has no label heads.
    public init(_ file: ModelFile, device: Device = .cpu) throws {
        guard let descriptions = try LabelHeadDescription.all(in: file) else {
            throw LabelError.noLabels(file.url.path)
        }
        var heads: [String: [(head: Head, description: LabelHeadDescription)]] = [:]
        for (name, description) in descriptions.sorted(by: { $0.key < $1.key }) {
            let key = LabelHeadDescription.embeddingKey(ofHead: name)
            let (module, head) = Self.make(description, key, file.description)
            try file.load(module, part: "\(Self.part).\(name)")
            try module.to(device)
            module.evaluate()
            heads[key, default: []].append((head, description))
        }
        self.heads = heads
        embeddingWidths = heads.keys.reduce(into: [:]) { $0[$1] = file.description.embeddingWidth(ofKey: $1) }
    }

    private static func make(
        _ description: LabelHeadDescription, _ key: String, _ model: ModelDescription
    ) -> (Module, Head) {
        Initializer.$isSkipped.withValue(true) {
            if let flow = description.posterior {
                let ensemble = FlowEnsemble(
                    (0..<(description.members ?? 1)).map { _ in
                        ConditionalFlow(
                            labels: description.labels.count, context: model.featureWidth(ofKey: key), flow)
                    })
                return (ensemble, .posterior(ensemble))
            }
            let head = LabelHead(
                embedding: model.embeddingWidth(ofKey: key), hidden: description.hidden, dropout: description.dropout,
                labels: description.labels.count, givesErrors: description.givesErrors)
            return (head, .gaussian(head))
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
    ///   - snr: signal to noise per pixel, NaN where unknown; posteriors are calibrated by it.
    /// - Returns: for each star, its labels in the order of `labels(for:)`.
    public func read(
        _ features: Tensor, from instrument: Instrument, snr: [Double]? = nil
    ) throws -> [StarLabels] {
        var stars = [StarLabels](repeating: StarLabels(), count: features.shape[0])
        for (head, description) in try heads(of: instrument) {
            switch head {
            case .gaussian(let head):
                let width = embeddingWidths[instrument.embeddingKey] ?? features.shape[1]
                read(features.narrow(1, start: 0, length: width), with: head, description, into: &stars)
            case .posterior:
                guard let samples = try samples(features, head, description, snr: snr) else { continue }
                let summary = PosteriorSummary(samples, ranges: description.ranges)
                for star in stars.indices {
                    stars[star].estimates += summary.estimates[star]
                    stars[star].flags.formUnion(summary.flags[star])
                }
            }
        }
        return stars
    }

    /// As `read(_:from:snr:)`, the labels alone.
    public func predict(
        _ features: Tensor, from instrument: Instrument, snr: [Double]? = nil
    ) throws -> [[LabelEstimate]] {
        try read(features, from: instrument, snr: snr).map(\.estimates)
    }

    /// Samples of the joint posteriors of stars, calibrated; nil where the instrument has no head that gives them.
    public func posterior(
        _ features: Tensor, from instrument: Instrument, snr: [Double]? = nil
    ) throws -> PosteriorSamples? {
        for (head, description) in try heads(of: instrument) {
            if let samples = try samples(features, head, description, snr: snr) { return samples }
        }
        return nil
    }

    private func samples(
        _ features: Tensor, _ head: Head, _ description: LabelHeadDescription, snr: [Double]?
    ) throws -> PosteriorSamples? {
        guard case .posterior(let ensemble) = head else { return nil }
        var samples = try PosteriorSamples(
            ensemble, given: features, draws: draws, labels: description.labels)
        description.calibration?.apply(to: &samples, snr: snr)
        return samples
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
            throw LabelError.noHead(instrument.name, known: heads.keys.sorted())
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

    /// Nothing yet.
    public init() {}
}
