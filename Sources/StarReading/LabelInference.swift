import SpecCLIP
import Spectra
import Torch

/// Reads prepared spectra with all that a model file knows of labels: at rest where it can tell velocities, with
/// posteriors, and with what speaks against them.
public struct LabelInference {
    /// What was read from spectra of one instrument.
    public struct Reading: Sendable {
        /// Prepared spectra and the model's features of them, `[B, F]`: at rest.
        public let spectra: SpectrumBatch, features: Tensor
        /// The flux of the spectra, `[B, pixels]`.
        public var flux: Tensor { spectra.flux }
        /// Velocities that were removed, km/s; nil where the model tells none.
        public let velocities: [Double]?
        /// Labels and flags, per star.
        public let stars: [StarLabels]
        /// Calibrated samples of the joint posterior; nil where the model gives labels as Gaussians or values.
        public let posterior: PosteriorSamples?
        /// How many of the labels the model's own heads read: these come first.
        let ownLabels: Int
        /// The `embeddingKey` of the instrument.
        fileprivate let instrument: String

        /// The same reading with more labels.
        fileprivate func telling(_ stars: [StarLabels]) -> Reading {
            Reading(
                spectra: spectra, features: features, velocities: velocities, stars: stars, posterior: posterior,
                ownLabels: ownLabels, instrument: instrument)
        }

        /// Samples in which a star is found, from Gaussians where that is all there is.
        fileprivate func draws(of star: Int) -> (samples: PosteriorSamples, row: Int) {
            posterior.map { ($0, star) } ?? (PosteriorSamples(gaussians: [stars[star]], draws: 1000), 0)
        }
    }

    /// The model that is read with.
    public let model: SpecCLIPModel
    /// Its heads.
    public let labels: LabelReader
    /// By the instrument's `embeddingKey`; none in models without posteriors.
    private let quality: [String: QualityModel]
    /// Labels that somebody taught the model, by the instrument's `embeddingKey`.
    private let adapted: [String: [AdaptedLabels]]
    /// By the `embeddingKey` of two instruments: what makes one prior of theirs.
    private let priors: [[String]: SharedPrior]

    /// - Parameters:
    ///   - file: the file that `model` was read from.
    ///   - model: with its weights.
    ///   - draws: samples of each posterior; the reader's own number when nil.
    ///   - device: where to compute.
    /// - Throws: `Diagnostic` for heads that cannot be read.
    public init(_ file: ModelFile, _ model: SpecCLIPModel, draws: Int? = nil, device: Device = .cpu) throws {
        self.model = model
        var labels = try LabelReader(file, device: device)
        if let draws { labels.draws = draws }
        self.labels = labels
        quality = try model.instruments.reduce(into: [:]) {
            $0[$1.embeddingKey] = try QualityModel(file, $1, device: device)
        }
        adapted = try model.instruments.reduce(into: [:]) {
            $0[$1.embeddingKey] = try AdaptedLabels.all(in: file, model, of: $1)
        }
        priors = try Self.priors(labels, model.instruments)
    }

    /// What somebody taught the model, by instrument and set.
    var adaptations: [AdaptationDescription] {
        adapted.sorted { $0.key < $1.key }.flatMap { $0.value.map(\.description) }
    }

    private static func priors(_ labels: LabelReader, _ instruments: [Instrument]) throws -> [[String]: SharedPrior] {
        let readable = try instruments.filter { (try? labels.labels(for: $0)) != nil }
            .map { instrument in
                // What is combined: the joint posterior where there is one.
                let drawn = try labels.posterior(of: instrument)?.description.labels
                return (
                    key: instrument.embeddingKey, labels: try drawn ?? labels.labels(for: instrument),
                    prior: try labels.prior(of: instrument)
                )
            }
        var priors: [[String]: SharedPrior] = [:]
        for first in readable {
            for second in readable where second.key != first.key {
                priors[[first.key, second.key]] = SharedPrior(
                    first.prior, second.prior, labels: CombinedPosterior.shared(first.labels, second.labels))
            }
        }
        return priors
    }

    /// Whether any label is read from an instrument's spectra.
    func reads(_ instrument: Instrument) -> Bool {
        labels.reads(instrument) || adapted[instrument.embeddingKey]?.isEmpty == false
    }

    /// Whether spectra of two instruments are read together with their prior counted once. Models that were written before
    /// they kept the density of their training labels count it twice.
    public var countsPriorOnce: Bool { !priors.isEmpty }

    /// Whether the model knows what spectra of an instrument it was trained on, so that flags say all there is to doubt.
    public func judges(_ instrument: Instrument) -> Bool { quality[instrument.embeddingKey] != nil }

    /// Reads spectra.
    /// - Parameters:
    ///   - spectra: as observed and prepared, on the model's device.
    ///   - instrument: whose spectra they are.
    ///   - circumstances: what is known of them beside the flux.
    ///   - moved: prepares some rows anew with so much velocity (km/s) removed; nil moves what is prepared already.
    public func read(
        _ spectra: SpectrumBatch, from instrument: Instrument, _ circumstances: QualityModel.Circumstances,
        moved: (([Int], [Double]) throws -> SpectrumBatch)? = nil
    ) throws -> Reading {
        try catchingTorchErrors {
            var resting: RestFrame.Result?
            if let rest = try labels.restFrame(model, instrument) {
                resting = try moved.map { try rest(spectra, moved: $0) } ?? rest(spectra, of: instrument)
            }
            let features = try resting?.features ?? withoutGradient { try model.features(spectra, from: instrument) }
            let shown = resting?.spectra ?? spectra
            var (stars, posterior) = try labels.readings(
                features, from: instrument, snr: circumstances.snr, velocities: resting?.velocities)
            if let judge = quality[instrument.embeddingKey] {
                let flags = try judge.flags(model, shown.flux, features: features, from: instrument, circumstances)
                for (star, doubts) in flags.enumerated() { stars[star].flags.formUnion(doubts) }
            }
            let reading = Reading(
                spectra: shown, features: features, velocities: resting?.velocities, stars: stars,
                posterior: posterior, ownLabels: stars.first?.estimates.count ?? 0,
                instrument: instrument.embeddingKey)
            guard let own = adapted[instrument.embeddingKey], !own.isEmpty else { return reading }
            let input = AdaptationInput(reading, snr: circumstances.snr)
            for labels in own { try labels.read(input, velocities: reading.velocities, into: &stars) }
            return reading.telling(stars)
        }
    }

    /// What spectra of two instruments tell of the same star together.
    /// - Parameters:
    ///   - first: of one instrument.
    ///   - second: of the other.
    ///   - rows: the star's place in each reading.
    public func combined(_ first: Reading, _ second: Reading, rows: (Int, Int)) throws -> StarLabels {
        let (a, b) = (first.draws(of: rows.0), second.draws(of: rows.1))
        let prior = priors[[first.instrument, second.instrument]]
        let combined = try catchingTorchErrors {
            CombinedPosterior(a.samples, b.samples, star: (a.row, b.row), prior: prior)
        }
        let summary = PosteriorSummary(combined.samples, ranges: nil)
        var both = StarLabels()
        both.estimates = summary.estimates[0]
        // Two peaks of one may be told apart by the other; everything else that is doubtful stays so.
        both.flags = first.stars[rows.0].flags.union(second.stars[rows.1].flags).subtracting(.multimodal)
        both.flags.formUnion(summary.flags[0])
        if combined.disagrees { both.flags.insert(.instrumentsDisagree) }
        return both
    }
}
