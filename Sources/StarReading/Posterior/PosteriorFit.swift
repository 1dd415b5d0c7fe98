import Foundation
import Posteriors
import SpecCLIP
import Torch

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

    /// The share of a label's spread that a spectrum can hardly tell: labels with larger errors count less.
    private static let errorScale = 0.1

    init(_ plan: HeadPlan, _ flow: FlowConfiguration, _ model: SpecCLIPModel, context: StageContext) throws {
        self.plan = plan
        self.context = context
        let (data, configuration) = (plan.data, plan.configuration)
        plan.progress(context).note(
            "features of \(data.count(.train)) spectra to learn from and \(data.count(.validation)) held out")
        training = try plan.features(model, .train, rows: configuration.spectra, context)
        validation = try plan.heldOut(model, context)
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
            training: learning, validation: try rows(validation),
            resolution: Tensor(std.map { Float($0 * Self.errorScale) }, shape: [std.count]), device: context.device)
        var flow = flow
        if learning.present.min().item() == 0 { flow.fixedOrder = true }
        self.flow = flow
        var members: [ConditionalFlow] = []
        for member in 0..<configuration.ensembleSize {
            Generator.seed(plan.seed(member, context))
            members.append(ConditionalFlow(standardising: learning, flow))
        }
        ensemble = FlowEnsemble(members)
        try ensemble.to(context.device)
    }

    /// Trains the members, one after the other; false when interrupted.
    func run() throws -> Bool {
        for (member, (folder, run)) in zip(ensemble.flows, plan.runs) {
            let lock = try context.lock(folder)
            defer { lock.release() }
            guard try run.train(FlowTask(member, source: source), options: flow.training, write: {}).isFinished else {
                return false
            }
        }
        return true
    }

    /// What was learned, made honest on the validation stars, and what tells spectra that it should not be trusted for.
    func finished(_ model: SpecCLIPModel) throws -> (description: LabelHeadDescription, quality: QualityModel) {
        ensemble.evaluate()
        let sampler = try ensemble.sampler()
        let labels = plan.configuration.names.map(StellarLabel.init(named:))
        // Stars are read at rest; so must those be that tell how well they are read.
        let rest = RestFrame(model, plan.instrument, sampler, labels: labels)
        let heldOut = try rest.map { try plan.heldOut(model, context, rest: $0) } ?? validation
        return (
            try description(labels, sampler, heldOut),
            try QualityModel(model, plan.instrument, training: training, heldOut: heldOut)
        )
    }

    private func description(
        _ labels: [StellarLabel], _ sampler: EnsembleSampler, _ heldOut: LabelledFeatures
    ) throws -> LabelHeadDescription {
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
        description.ranges = ranges
        try plan.complete(&description, sampler, training: training, heldOut: heldOut, context)
        return description
    }
}
