import Datasets
import Posteriors
import SpecCLIP
import Support

/// What is learned of a posterior once its flows are trained.
extension HeadPlan {
    /// Rows that tell how honest posteriors are, at least: held-out spectra are shown as often as that takes.
    private static let calibrationRows = 3000
    /// Draws of each posterior that is compared with its star.
    private static let draws = 500

    /// Features of a split's spectra, changed as the plan says.
    /// - Parameter rows: spectra are shown as often as it takes to get so many.
    func features(
        _ model: SpecCLIPModel, _ split: Split, rows: Int, _ context: StageContext, rest: RestFrame? = nil
    ) throws -> LabelledFeatures {
        try LabelledFeatures(
            model, instrument, data, split, names: configuration.names, augmentation: configuration.augment,
            leastRows: rows, seed: context.configuration.seed, rest: rest)
    }

    /// Features of the validation split, enough to calibrate with.
    func heldOut(_ model: SpecCLIPModel, _ context: StageContext, rest: RestFrame? = nil) throws -> LabelledFeatures {
        try features(model, .validation, rows: Self.calibrationRows, context, rest: rest)
    }

    /// Adds what makes the posteriors honest and the prior that they carry, and says what the calibration rests on.
    /// - Parameters:
    ///   - training: what the flows learned from.
    ///   - heldOut: stars of the validation split, at rest where the posteriors tell velocities.
    func complete(
        _ description: inout LabelHeadDescription, _ sampler: EnsembleSampler, training: LabelledFeatures,
        heldOut: LabelledFeatures, _ context: StageContext
    ) throws {
        let labels = description.labels
        var samples: [Float] = []
        let block = 256
        for start in stride(from: 0, to: heldOut.count, by: block) {
            try Interruption.check()
            let rows = try heldOut.features.narrow(0, start: start, length: min(block, heldOut.count - start))
                .to(context.device)
            samples += try PosteriorSamples(sampler, given: rows, draws: Self.draws, labels: labels).values
        }
        let truth = zip(labels, heldOut.labels).map { label, values in values.map(label.value(learned:)) }
        let calibration = PosteriorCalibration.fit(
            samples: PosteriorSamples(samples, draws: Self.draws, labels: labels), truth: truth, snr: heldOut.snr,
            sources: heldOut.sources)
        for line in calibration.basis { progress(context).note(line) }
        description.calibration = calibration
        description.prior = try LabelPrior(fitting: training.labels, labels: labels, dataName: data.url.path)
    }
}
