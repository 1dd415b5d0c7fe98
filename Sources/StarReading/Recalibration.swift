import Foundation
import SpecCLIP
import Support

/// Brings the posteriors of a finished model file up to date: calibration and prior anew, from the data sets that the model
/// was trained on. Flows and encoders stay as they are.
public struct Recalibration {
    private let context: StageContext

    /// - Parameter context: names the heads, their data sets and how spectra are changed, as in the training.
    public init(context: StageContext) { self.context = context }

    /// Writes a copy of the model whose posteriors are calibrated anew.
    /// - Throws: `Diagnostic` where a head of the configuration is no posterior of the file, or was trained on other labels
    ///   or another kind of data.
    public func run(_ file: ModelFile, to output: URL) throws {
        guard var descriptions = try LabelHeadDescription.all(in: file) else {
            throw LabelReader.absent(from: file)
        }
        let heads = context.configuration.labels.heads.filter { $0.value.posterior != nil }
        guard !heads.isEmpty else {
            throw Diagnostic.invalid(
                path: "labels.heads", problem: "none has a posterior, which is what is calibrated; choose another one")
        }
        let model = try file.model(on: context.device)
        let reader = try LabelReader(file, device: context.device)
        for (name, configuration) in heads.sorted(by: { $0.key < $1.key }) {
            let plan = try HeadPlan(
                name, configuration, instruments: file.description.instruments, context: context, to: nil)
            guard var head = try reader.posterior(of: plan.instrument) else {
                throw Self.refusal(file, head: name, problem: "it gives no posterior")
            }
            try Self.check(plan, head.description, in: file)
            guard plan.folded == nil else {
                throw Diagnostic(
                    file.url, field: "head \(name)",
                    problem: "was calibrated by cross-fitting, for which the encoders of the folds "
                        + "are needed", remedy: "run `specclip labels fit` where they were trained")
            }
            plan.progress(context).note(
                "features of \(plan.data.count(.train)) training spectra and \(plan.data.count(plan.data.calibrators)) held out"
            )
            let training = try plan.features(model, .train, rows: 0, context)
            let rest = RestFrame(model, plan.instrument, head.sampler, labels: head.description.labels)
            let heldOut = try plan.heldOut(model, context, rest: rest)
            try plan.complete(
                &head.description, training: training, heldOut: [(head.sampler, heldOut)], context)
            descriptions[plan.instrument.embeddingKey] = head.description
        }
        let tensors = try file.tensors(LabelReader.part).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        try file.write(with: try LabelHeadDescription.part(descriptions, tensors: tensors), to: output)
    }

    private static func refusal(_ file: ModelFile, head: String, problem: String) -> Diagnostic {
        Diagnostic(
            file.url, field: "head \(head)", problem: problem,
            remedy: "give the configuration and the data that the model was trained with")
    }

    /// Whether a head is one that the plan made.
    private static func check(_ plan: HeadPlan, _ head: LabelHeadDescription, in file: ModelFile) throws {
        func refuse(_ problem: String) -> Diagnostic {
            Self.refusal(file, head: plan.instrument.name, problem: problem)
        }
        let (names, wanted) = (head.labels.map(\.name), plan.configuration.names)
        guard names == wanted else {
            throw refuse(
                "it reads \(names.joined(separator: ", ")), in the configuration \(wanted.joined(separator: ", "))")
        }
        guard head.tier == plan.data.tier else {
            throw refuse("it was trained on \(head.tier), and \(plan.data.url.path) is \(plan.data.tier)")
        }
    }
}
