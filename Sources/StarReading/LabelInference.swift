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

        fileprivate init(
            spectra: SpectrumBatch, features: Tensor, velocities: [Double]?, stars: [StarLabels],
            posterior: PosteriorSamples?, ownLabels: Int, instrument: String
        ) {
            (self.spectra, self.features, self.velocities) = (spectra, features, velocities)
            (self.stars, self.posterior) = (stars, posterior)
            (self.ownLabels, self.instrument) = (ownLabels, instrument)
        }

        /// The same reading with more labels.
        fileprivate func telling(_ stars: [StarLabels]) -> Reading {
            Reading(
                spectra: spectra, features: features, velocities: velocities, stars: stars, posterior: posterior,
                ownLabels: ownLabels, instrument: instrument)
        }

        /// What several rows, spectra of one star, tell together; their means stand for spectra and features.
        /// - Parameters:
        ///   - parts: at least one, all of one instrument.
        ///   - star: the labels.
        ///   - posterior: calibrated samples of these.
        init(meanOf parts: [(reading: Reading, row: Int)], star: StarLabels, posterior: PosteriorSamples?) throws {
            func mean(_ tensor: (Reading) -> Tensor) -> Tensor {
                Tensor.cat(parts.map { tensor($0.reading).narrow(0, start: $0.row, length: 1) }, dim: 0)
                    .mean(dims: [0], keepDims: true)
            }
            (spectra, features) = try catchingTorchErrors { (SpectrumBatch(mean(\.flux)), mean(\.features)) }
            let own = parts.compactMap { part in part.reading.velocities?[part.row] }
            velocities = own.count == parts.count ? [own.reduce(0, +) / Double(own.count)] : nil
            stars = [star]
            self.posterior = posterior
            (ownLabels, instrument) = (parts[0].reading.ownLabels, parts[0].reading.instrument)
        }

        /// Draws of a star, from Gaussians where that is all there is.
        func posterior(of star: Int) -> StarPosterior {
            posterior.map { StarPosterior($0, star: star) }
                ?? StarPosterior(PosteriorSamples(gaussians: [stars[star]], draws: 1000), star: 0)
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
    private let priors: SharedPriors

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
        adapted = try AdaptedLabels.all(in: file, model)
        priors = try SharedPriors(labels, model.instruments)
    }

    /// What somebody taught the model, by instrument and set.
    var adaptations: [AdaptationDescription] {
        adapted.sorted { $0.key < $1.key }.flatMap { $0.value.map(\.description) }
    }

    /// Whether any label is read from an instrument's spectra.
    func reads(_ instrument: Instrument) -> Bool {
        labels.reads(instrument) || adapted[instrument.embeddingKey]?.isEmpty == false
    }

    /// Whether spectra of several instruments are read together with their prior counted once. Models that were written before
    /// they kept the density of their training labels count it as often as there are instruments.
    public var countsPriorOnce: Bool { priors.isKnown }

    /// Whether the model knows what spectra of an instrument it was trained on, so that flags say all there is to doubt.
    public func judges(_ instrument: Instrument) -> Bool { quality[instrument.embeddingKey] != nil }

    /// How far features lie from those of the training, in units of what 99 % of held-out spectra keep; nil where that is not known.
    func distances(_ features: Tensor, of instrument: Instrument) -> [Double]? {
        quality[instrument.embeddingKey]?.distances(features)
    }

    /// Where features lie among those of the training, in units of their spread, `[B, K]`; nil where the model does not know.
    func places(_ features: Tensor, of instrument: Instrument) -> Tensor? {
        quality[instrument.embeddingKey]?.places(features)
    }

    /// Reads spectra.
    /// - Parameters:
    ///   - spectra: as observed and prepared, on the model's device.
    ///   - instrument: whose spectra they are.
    ///   - circumstances: what is known of them beside the flux.
    ///   - moved: prepares some rows anew with so much velocity (km/s) removed; nil moves what is prepared already.
    ///   - filled: those of the spectra, at rest, whose missing pixels matter, without these, and their rows.
    public func read(
        _ spectra: SpectrumBatch, from instrument: Instrument, _ circumstances: QualityModel.Circumstances,
        moved: (([Int], [Double]) throws -> SpectrumBatch)? = nil,
        filled: ((SpectrumBatch) throws -> (rows: [Int], spectra: SpectrumBatch)?)? = nil
    ) throws -> Reading {
        try catchingTorchErrors {
            var resting: RestFrame.Result?
            if let rest = try labels.restFrame(model, instrument) {
                resting = try moved.map { try rest(spectra, moved: $0) } ?? rest(spectra, of: instrument)
            }
            var features = try resting?.features ?? withoutGradient { try model.features(spectra, from: instrument) }
            if let resting, let whole = try filled?(resting.spectra) {
                let own = try withoutGradient { try model.features(whole.spectra, from: instrument) }
                features = try RestFrame.replacing(whole.rows, of: features, with: own)
            }
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
            for labels in own { try labels.read(reading, snr: circumstances.snr, into: &stars) }
            return reading.telling(stars)
        }
    }

    /// What spectra of several instruments, or several of one that contradict each other, tell of the same star together.
    /// - Parameters:
    ///   - parts: readings, and the star's place in each.
    ///   - shares: what each is worth where they contradict each other.
    ///   - never: two that are not to be multiplied.
    /// - Returns: the star, and which of the parts contradict each other.
    func combined(
        _ parts: [(reading: Reading, row: Int)], shares: [Double], never: (Int, Int) -> Bool
    ) throws -> (star: StarLabels, contradictions: [Agreement.Contradiction]) {
        guard parts.count > 1 else { return (parts[0].reading.stars[parts[0].row], []) }
        let combined = try catchingTorchErrors {
            CombinedPosterior(parts.map { $0.reading.posterior(of: $0.row) }, shares: shares, never: never) { set in
                priors.prior(of: set.map { parts[$0].reading.instrument })
            }
        }
        let summary = PosteriorSummary(combined.samples, ranges: nil)
        var star = StarLabels()
        star.estimates = summary.estimates[0]
        // Two peaks of one may be told apart by the other; everything else that is doubtful stays so.
        star.flags = parts.reduce(into: []) { $0.formUnion($1.reading.stars[$1.row].flags) }
        star.flags.subtract(.multimodal)
        star.flags.formUnion(summary.flags[0])
        return (star, combined.agreement.contradictions)
    }
}
