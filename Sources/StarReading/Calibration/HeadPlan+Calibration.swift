import Datasets
import Foundation
import Posteriors
import SpecCLIP
import Statistics
import Support
import Tables

/// What is learned of a posterior once its flows are trained.
extension HeadPlan {
    /// Rows that tell how honest posteriors are, at least: held-out spectra are shown as often as that takes.
    static let calibrationRows = 3000
    /// Draws of each posterior that is compared with its star.
    private static let draws = 500

    /// Features of a split's spectra, changed as the plan says.
    /// - Parameters:
    ///   - fold: of the training split, the stars of this fold alone.
    ///   - rows: spectra are shown as often as it takes to get so many.
    func features(
        _ model: SpecCLIPModel, _ split: Split, fold: Int? = nil, rows: Int, _ context: StageContext
    ) throws -> LabelledFeatures {
        try LabelledFeatures(
            model, instrument, data, split, names: configuration.names, chosen: fold.flatMap { folded?.rows(in: $0) },
            augmentation: configuration.augment, leastRows: rows, seed: context.configuration.seed)
    }

    /// Features of stars that tell how far off answers are, enough to calibrate with: of spectra of a library as they would be
    /// observed, of observed ones as they are.
    /// - Parameters:
    ///   - fold: the stars of this fold; nil for those that the data set has for it.
    ///   - rest: brings them to rest, as stars are read.
    func heldOut(
        _ model: SpecCLIPModel, fold: Int? = nil, _ context: StageContext, rest: RestFrame?
    ) throws -> LabelledFeatures {
        let simulates = configuration.augment?.observing != nil
        return try LabelledFeatures(
            model, instrument, data, fold == nil ? data.calibrators : .train, names: configuration.names,
            chosen: fold.flatMap { folded?.rows(in: $0) }, augmentation: simulates ? configuration.augment : nil,
            leastRows: Self.calibrationRows / max(1, fold == nil ? 1 : folded?.folds.count ?? 1),
            seed: context.configuration.seed, rest: rest)
    }

    /// How far the medians of posteriors are off (robust σ), and the median of how far they say they are.
    private static func scatter(
        _ samples: [Float], draws: Int, _ labels: [StellarLabel], _ truth: [[Double]]
    ) -> [String] {
        let posteriors = PosteriorSamples(samples, draws: draws, labels: labels)
        return labels.indices.compactMap { label in
            let quantiles = posteriors.quantiles([0.1587, 0.5, 0.8413], label: label)
            let known = truth[label].indices.filter { truth[label][$0].isFinite && quantiles[$0][1].isFinite }
            guard known.count > 1 else { return nil }
            let sigma = robustSigma(known.map { quantiles[$0][1] - truth[label][$0] })
            let stated = median(known.map { (quantiles[$0][2] - quantiles[$0][0]) / 2 })
            let (name, digits) = (labels[label].name, labels[label].digits + 1)
            return
                "\(name): off by \(fixed(sigma, digits)), said to be \(fixed(stated, digits)) before it is calibrated"
        }
    }

    /// An aligned model whose encoder has not seen the stars of a fold.
    func model(without fold: Int, _ context: StageContext) throws -> SpecCLIPModel {
        let model = try ModelFile(contentsOf: Alignment(context: context).output).model(on: context.device)
        let (stage, _, url) = context.encoder(of: instrument, without: fold)
        guard FileManager.default.fileExists(atPath: url.path) else {
            throw Diagnostic(
                url.path, problem: "the encoder without fold \(fold) is missing; run `specclip \(stage)` first")
        }
        let backbone = try ModelFile(contentsOf: url).model(on: context.device).branch(instrument).backbone
        try model.branch(instrument).backbone.load(Dictionary(uniqueKeysWithValues: backbone.stateDictionary()))
        return model
    }

    /// Adds what makes the posteriors honest and the prior that they carry, and says what the calibration rests on.
    /// - Parameters:
    ///   - training: what the flows learned from.
    ///   - heldOut: stars that no training has seen, at rest where the posteriors tell velocities, each part with what reads it.
    func complete(
        _ description: inout LabelHeadDescription, training: LabelledFeatures,
        heldOut parts: [(sampler: EnsembleSampler, stars: LabelledFeatures)], _ context: StageContext
    ) throws {
        let labels = description.labels
        guard let heldOut = LabelledFeatures.joined(parts.map(\.stars)) else { return }
        var samples: [Float] = []
        let block = 256
        for (sampler, stars) in parts {
            for start in stride(from: 0, to: stars.count, by: block) {
                try Interruption.check()
                let rows = try stars.features.narrow(0, start: start, length: min(block, stars.count - start))
                    .to(context.device)
                samples += try PosteriorSamples(sampler, given: rows, draws: Self.draws, labels: labels).values
            }
        }
        let truth = zip(labels, heldOut.labels).map { label, values in values.map(label.value(learned:)) }
        let calibration = PosteriorCalibration.fit(
            samples: PosteriorSamples(samples, draws: Self.draws, labels: labels), truth: truth, snr: heldOut.snr,
            sources: heldOut.sources)
        for line in calibration.basis + Self.scatter(samples, draws: Self.draws, labels, truth) {
            progress(context).note(line)
        }
        description.calibration = calibration
        description.prior = try LabelPrior(fitting: training.labels, labels: labels, dataName: data.url.path)
    }
}
