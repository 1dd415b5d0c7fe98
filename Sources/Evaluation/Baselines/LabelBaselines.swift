import StarReading
import Torch
import Training

/// Simpler methods that learn from the same stars as a model's posteriors: what shows whether the model is worth it.
public struct LabelBaselines {
    private let quadratic: QuadraticBaseline
    private let probe: LinearProbe
    private let network: LabelNetwork

    /// Fits them: a minute or two for 30,000 spectra.
    /// - Parameters:
    ///   - training: stars of the training split, as the model reads them.
    ///   - validation: of the validation split, for penalties and for when to stop.
    public init(_ training: HeldOutStars, validation: HeldOutStars) throws {
        let labels = training.samples.labels
        // Spectra divided by a continuum are near 1: nothing is to be scaled.
        var options = QuadraticBaseline.Options()
        if training.instrument.normalisation.leavesLinesAlone { options.softening = nil }
        quadratic = try catchingTorchErrors {
            QuadraticBaseline(
                training.flux, labels: training.truth, named: labels,
                validation: (validation.flux, validation.truth), options: options)
        }
        probe = try catchingTorchErrors {
            LinearProbe(
                training.features, labels: training.truth, named: labels,
                validation: (validation.features, validation.truth))
        }
        var fitting = TrainingOptions()
        fitting.batch = min(256, max(8, training.count / 4))
        // Sixty epochs, within reason.
        let steps = max(500, min(6000, 60 * training.count / fitting.batch))
        fitting.length = .steps(steps)
        fitting.learningRate = 1e-3
        fitting.warmup = min(200, steps / 10)
        fitting.weightDecay = 0.01
        fitting.validateEvery = max(1, steps / 30)
        fitting.patience = 30
        let names = labels.map(\.name)
        network = try LabelNetwork(
            LabelNetwork.Rows(training.instrument.asinhScaled(training.flux), labels: training.truth, names: names),
            validation: LabelNetwork.Rows(
                validation.instrument.asinhScaled(validation.flux), labels: validation.truth, names: names),
            hidden: [512, 256, 128], dropout: 0.05, options: fitting, seed: 1)
    }

    /// What each method says of stars, per label, per star.
    public func predict(_ stars: HeldOutStars) throws -> [(name: String, values: [[Double]])] {
        try catchingTorchErrors {
            try [
                ("quadratic model", quadratic.predict(stars.flux)), ("linear probe", probe.predict(stars.features)),
                ("MLP on flux", network.predict(stars.instrument.asinhScaled(stars.flux))),
            ]
        }
    }
}
