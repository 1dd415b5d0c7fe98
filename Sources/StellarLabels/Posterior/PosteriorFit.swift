import Foundation
import SpecCLIP
import Spectra
import Torch
import Training

/// The fit of one instrument's joint posterior on features that are computed once.
final class PosteriorFit {
    let ensemble: FlowEnsemble
    private let plan: HeadPlan
    private let context: StageContext
    private let training: LabelledFeatures
    private let validation: LabelledFeatures
    private let source: FlowTask.Source
    private let mean: [Double]
    private let std: [Double]
    private let flow: FlowConfiguration

    /// Rows that tell how honest posteriors are, at least: held-out spectra are shown as often as that takes.
    private static let calibrationRows = 3000
    /// The share of a label's spread that a spectrum can hardly tell: labels with larger errors count less.
    private static let errorScale = 0.1

    init(_ plan: HeadPlan, _ flow: FlowConfiguration, _ model: SpecCLIPModel, context: StageContext) throws {
        self.plan = plan
        self.context = context
        let (instrument, data, configuration) = (plan.instrument, plan.data, plan.configuration)
        let progress = context.progress(plan.runs[0].folder)
        progress.note("features of \(data.count(.train)) spectra to learn from and \(data.count(.validation)) held out")
        func features(_ split: Split, _ rows: Int) throws -> LabelledFeatures {
            try LabelledFeatures(
                model, instrument, data, split, names: configuration.names, augmentation: configuration.augment,
                leastRows: rows, seed: context.configuration.seed)
        }
        training = try features(.train, configuration.spectra)
        validation = try features(.validation, Self.calibrationRows)
        (mean, std) = try StandardisedLabels.statistics(
            training.labels, names: configuration.names, minimumStars: 50, dataName: data.url.path)
        func rows(_ part: LabelledFeatures) throws -> FlowData.Rows {
            let table = { (columns: [[Double]]) in
                Tensor(
                    (0..<part.count).flatMap { row in columns.map { Float($0[row]) } },
                    shape: [part.count, columns.count])
            }
            let isKnown = part.errors.contains { $0.contains(where: \.isFinite) }
            // An error that nobody has stated is taken for none.
            let errors = isKnown ? table(part.errors.map { $0.map { $0.isFinite ? abs($0) : 0 } }) : nil
            return FlowData.Rows(context: part.features, labels: table(part.labels), errors: errors)
        }
        let learning = try rows(training)
        source = FlowTask.Source(
            parts: [.training: learning, .validation: try rows(validation)],
            resolution: Tensor(std.map { Float($0 * Self.errorScale) }, shape: [std.count]), device: context.device)
        var flow = flow
        if learning.present.min().item() == 0 { flow.keepsOrder = true }
        self.flow = flow
        var members: [ConditionalFlow] = []
        for member in 0..<configuration.members {
            Generator.seed(plan.seed(member, context))
            members.append(ConditionalFlow(standardising: learning, flow))
        }
        ensemble = FlowEnsemble(members)
        try ensemble.to(context.device)
    }

    /// Trains the members, one after the other; false when interrupted.
    func run() throws -> Bool {
        let options = flow.training.options(rows: training.count)
        for (member, (folder, run)) in zip(ensemble.flows, plan.runs) {
            let lock = try context.lock(folder)
            defer { lock.release() }
            guard try run.train(FlowTask(member, source: source), options: options, write: {}).isFinished else {
                return false
            }
        }
        return true
    }

    /// The description, with the calibration learned on the validation stars.
    func calibrated() throws -> LabelHeadDescription {
        let labels = plan.configuration.names.map(StellarLabel.init(named:))
        ensemble.evaluate()
        var samples: [Float] = []
        let (draws, block) = (500, 256)
        for start in stride(from: 0, to: validation.count, by: block) {
            try Interruption.check()
            let rows = try validation.features.narrow(0, start: start, length: min(block, validation.count - start))
                .to(context.device)
            samples += try PosteriorSamples(ensemble, given: rows, draws: draws, labels: labels).values
        }
        let truth = zip(labels, validation.labels).map { label, values in values.map(label.value(learned:)) }
        let calibration = PosteriorCalibration.fit(
            samples: PosteriorSamples(samples, draws: draws, labels: labels), truth: truth, snr: validation.snr)
        let ranges = zip(labels, training.labels).map { label, values in
            let known = values.filter(\.isFinite).sorted()
            func at(_ share: Double) -> Double { label.value(learned: known[Int(share * Double(known.count - 1))]) }
            return at(0.001)...at(0.999)
        }
        var description = LabelHeadDescription(
            labels: labels, mean: mean, std: std, errorScale: mean.map { _ in 1 }, hidden: [], dropout: 0,
            trainingStars: plan.data.count(.train), tier: plan.data.tier)
        description.posterior = flow
        description.members = ensemble.flows.count
        description.calibration = calibration
        description.ranges = ranges
        return description
    }

    /// What tells spectra that the posterior should not be trusted for.
    func quality(_ model: SpecCLIPModel) throws -> QualityModel {
        try QualityModel(
            model, plan.instrument, training: training, validation: validation,
            heldOut: AugmentedRows(plan.data, plan.instrument, .validation, plan.configuration.augment))
    }
}
