import Foundation
import Posteriors
import SpecCLIP
import Support
import Torch

/// The fit of one instrument's joint posterior on features that are computed once.
final class PosteriorFit {
    let ensemble: FlowEnsemble
    /// Flows that tell how far off the ensemble is, by the fold that neither they nor their encoder have seen.
    private let judges: [(fold: Int, ensemble: FlowEnsemble)]
    private let plan: HeadPlan
    private let context: StageContext
    private let training: LabelledFeatures
    /// The flow of each member of the plan, and what it learns from and stops by.
    private let flows: [ConditionalFlow], sources: [FlowTask.Source]
    private let mean: [Double]
    private let std: [Double]
    private let flow: FlowConfiguration

    init(_ plan: HeadPlan, _ flow: FlowConfiguration, _ model: SpecCLIPModel, context: StageContext) throws {
        self.plan = plan
        self.context = context
        let (data, configuration) = (plan.data, plan.configuration)
        let sets = try Self.sets(plan, model, context)
        training = sets.all
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
        let resolution = Tensor(std.map { Float($0 * StandardisedLabels.tellable) }, shape: [std.count])
        let learning = try sets.members.map { (learned: try rows($0.learned), stopping: try rows($0.stopping)) }
        sources = learning.map {
            FlowTask.Source(
                training: $0.learned, validation: $0.stopping, resolution: resolution, device: context.device)
        }
        var flow = flow
        if learning.contains(where: { $0.learned.present.min().item() == 0 }) { flow.fixedOrder = true }
        self.flow = flow
        var flows: [ConditionalFlow] = []
        for (member, rows) in learning.enumerated() {
            Generator.seed(plan.seed(member, context))
            flows.append(ConditionalFlow(standardising: rows.learned, flow))
        }
        func chosen(_ fold: Int?) -> FlowEnsemble {
            FlowEnsemble(zip(flows, plan.members).filter { $0.1.judged == fold }.map(\.0))
        }
        ensemble = chosen(nil)
        judges = (plan.folded?.folds ?? []).map { ($0, chosen($0)) }
        for each in [ensemble] + judges.map(\.ensemble) { try each.to(context.device) }
        self.flows = flows
    }

    /// The features to learn from: all, and those that each member learns from and stops by.
    ///
    /// Of an encoder that was cross-fitted, each star's features come from the one that has not seen it.
    private static func sets(
        _ plan: HeadPlan, _ model: SpecCLIPModel, _ context: StageContext
    ) throws -> (all: LabelledFeatures, members: [(learned: LabelledFeatures, stopping: LabelledFeatures)]) {
        let (data, configuration) = (plan.data, plan.configuration)
        guard let folds = plan.folded?.folds else {
            plan.progress(context).note(
                "features of \(data.count(.train)) spectra to learn from and \(data.count(.validation)) held out")
            let all = try plan.features(model, .train, rows: configuration.spectra, context)
            let stopping = try plan.features(model, .validation, rows: HeadPlan.calibrationRows, context)
            return (all, plan.members.map { _ in (all, stopping) })
        }
        plan.progress(context).note("features of \(data.count(.train)) spectra, by encoders that have not seen them")
        let parts = try folds.map { fold in
            try plan.features(
                plan.model(without: fold, context), .train, fold: fold, rows: configuration.spectra / folds.count,
                context)
        }
        func joined(_ chosen: [Int]) throws -> LabelledFeatures {
            guard let joined = LabelledFeatures.joined(chosen.map { parts[$0] }) else {
                throw Diagnostic(data.url.path, field: "train", problem: "the split is empty")
            }
            return joined
        }
        return (
            try joined(Array(parts.indices)),
            try plan.members.map { member in
                (
                    try joined(folds.indices.filter { folds[$0] != member.judged && folds[$0] != member.stopping }),
                    try joined(folds.indices.filter { folds[$0] == member.stopping })
                )
            }
        )
    }

    /// Trains the members, one after the other; false when interrupted.
    func run() throws -> Bool {
        for (member, (flow, (folder, run))) in zip(flows, plan.runs).enumerated() {
            let lock = try context.lock(folder)
            defer { lock.release() }
            guard
                try run.train(FlowTask(flow, source: sources[member]), options: self.flow.training, write: {})
                    .isFinished
            else {
                return false
            }
        }
        return true
    }

    /// What was learned, made honest on the validation stars, and what tells spectra that it should not be trusted for.
    func finished(_ model: SpecCLIPModel) throws -> (description: LabelHeadDescription, quality: QualityModel) {
        for each in [ensemble] + judges.map(\.ensemble) { each.evaluate() }
        let labels = plan.configuration.names.map(StellarLabel.init(named:))
        func part(
            _ model: SpecCLIPModel, _ sampler: EnsembleSampler, fold: Int? = nil
        ) throws -> (sampler: EnsembleSampler, stars: LabelledFeatures) {
            // Stars are read at rest; so must those be that tell how well they are read.
            let rest = RestFrame(model, plan.instrument, sampler, labels: labels)
            return (sampler, try plan.heldOut(model, fold: fold, context, rest: rest))
        }
        guard !judges.isEmpty else {
            let heldOut = try part(model, try ensemble.sampler())
            return (
                try description(labels, [heldOut]),
                try QualityModel(model, plan.instrument, training: training, heldOut: heldOut.stars)
            )
        }
        let parts = try judges.map { fold, ensemble in
            try part(plan.model(without: fold, context), try ensemble.sampler(), fold: fold)
        }
        // What is familiar is so to the encoder that reads; those of the folds tell how near to it new stars come.
        let familiar = try plan.features(model, .train, rows: 0, context)
        let heldOut = LabelledFeatures.joined(parts.map(\.stars)) ?? familiar
        return (
            try description(labels, parts),
            try QualityModel(model, plan.instrument, training: familiar, heldOut: heldOut)
        )
    }

    private func description(
        _ labels: [StellarLabel], _ heldOut: [(sampler: EnsembleSampler, stars: LabelledFeatures)]
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
        try plan.credit(&description)
        try plan.complete(&description, training: training, heldOut: heldOut, context)
        return description
    }
}
