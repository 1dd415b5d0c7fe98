import Foundation
import Support
import Torch
import Training

/// Trains the flows of a posterior: amortised neural posterior estimation (Greenberg et al. 2019, arXiv 1905.07488, in its
/// single-round form).
public struct FlowFitting {
    private let configuration: FlowConfiguration
    private let members: Int
    private let training: FlowData.Rows
    private let validation: FlowData.Rows
    private let resolution: Tensor
    private let device: Device
    private let data: FlowData
    private let fingerprint: String

    /// - Parameters:
    ///   - configuration: sizes, schedule and seed.
    ///   - members: flows trained from seeds that count on from the configuration's.
    ///   - data: rows to learn from.
    ///   - validation: rows that decide when to stop; nil holds out a share of `data`, the same for all members.
    ///   - resolution: with errors, how well each label can be told, in its unit: a label with error e has the weight
    ///     1 / (1 + (e / resolution)²). nil takes a tenth of the label's standard deviation.
    ///   - device: where to compute.
    /// - Throws: `Diagnostic` for missing labels, or errors, where transforms reverse the labels.
    public init(
        _ configuration: FlowConfiguration, members: Int = 1, data: FlowData, validation: FlowData? = nil,
        resolution: [Double]? = nil, device: Device = .cpu
    ) throws {
        (self.configuration, self.members, self.device, self.data) = (configuration, max(1, members), device, data)
        if let validation { try Self.check(validation, against: data) }
        for data in [data, validation].compactMap(\.self) where !configuration.fixedOrder {
            func refuse(_ what: String) -> Diagnostic {
                Diagnostic(
                    data.name, field: "labels", problem: what, remedy: "set fixedOrder: true, which can use them")
            }
            if data.labels.isnan().any().item() != 0 { throw refuse("some are missing") }
            if data.errors != nil { throw refuse("they have errors") }
        }
        let order: [Int] = {
            var random = StepRandom(configuration.seed, 0x4E1D)
            return Array(0..<data.count).shuffled(using: &random)
        }()
        let heldOut = validation == nil ? max(1, Int((configuration.training.heldOut ?? 0.1) * Double(data.count))) : 0
        training = data.rows(Array(order[heldOut...]))
        self.validation =
            validation.map { $0.scaled(like: data).rows(Array(0..<$0.count)) } ?? data.rows(Array(order[..<heldOut]))
        if let resolution {
            guard resolution.count == data.names.count, resolution.allSatisfy({ $0 > 0 && $0.isFinite }) else {
                throw Diagnostic(
                    data.name, field: "resolution", problem: "give one number above 0 for each of the labels")
            }
            self.resolution = (Tensor(resolution) / data.labelScale.spreads).to(.float32)
        } else {
            self.resolution = training.labelStatistics.std * 0.1
        }
        let all = [data.context, data.labels, data.errors, validation?.context, validation?.labels, validation?.errors]
        fingerprint = (all.compactMap(\.self) + [self.resolution]).map(Self.fingerprint).joined(separator: " ")
    }

    private static func check(_ validation: FlowData, against data: FlowData) throws {
        for (field, own, other) in [
            ("context", validation.context, data.context), ("labels", validation.labels, data.labels),
        ] where own.size(1) != other.size(1) {
            throw Diagnostic(
                validation.name, field: field,
                problem: "\(own.size(1)) columns, but \(data.name) has \(other.size(1)); give the same")
        }
    }

    /// Shape and two sums of what is known.
    private static func fingerprint(of rows: Tensor) -> String {
        let exact = rows.to(.float64).where(rows.isnan().logicalNot(), 0)
        return "\(rows.shape) \(exact.sum().item()) \(exact.square().sum().item())"
    }

    /// Trains one member after the other, resuming what was begun in the folder.
    /// - Parameters:
    ///   - folder: of the run; members of an ensemble have folders within it.
    ///   - progress: where to report.
    /// - Returns: the posterior with its best weights, on the CPU; nil when interrupted, to be resumed by the same call.
    public func run(in folder: URL, progress: any ProgressSink = SilentProgress()) throws -> LabelPosterior? {
        var flows: [ConditionalFlow] = []
        var losses: [Double] = []
        for (member, url) in Self.memberFolders(in: folder, count: members).enumerated() {
            if members > 1 { progress.note("member \(member + 1) of \(members)") }
            let seed = configuration.seed &+ UInt64(member)
            let flow = try makeFlow(seed: seed)
            let source = FlowTask.Source(
                training: training, validation: validation, resolution: resolution, device: device)
            let trainer = Trainer(
                FlowTask(flow, source: source), options: configuration.training,
                seed: seed, folder: try RunFolder(url), settings: try settings(), progress: progress)
            let outcome = try trainer.run()
            guard outcome.isFinished else { return nil }
            flow.evaluate()
            try flow.to(.cpu)
            flows.append(flow)
            losses.append(outcome.bestValidation)
        }
        let description = LabelPosterior.Description(
            configuration: configuration, members: members, labels: data.names, context: data.context.size(1),
            trainingRows: training.count, validationLosses: losses, provenance: ["data": data.name],
            contextScale: data.contextScale, labelScale: data.labelScale)
        return LabelPosterior(description, flows: FlowEnsemble(flows))
    }

    /// Where the members of a run are trained: in its folder itself where there is one.
    public static func memberFolders(in folder: URL, count: Int) -> [URL] {
        count == 1 ? [folder] : (1...count).map { folder.appending(path: "member-\($0)") }
    }

    private func makeFlow(seed: UInt64) throws -> ConditionalFlow {
        Generator.seed(seed)
        let flow = ConditionalFlow(standardising: training, configuration)
        try flow.to(device)
        return flow
    }

    private func settings() throws -> String {
        try settingsText(configuration) + " " + fingerprint
    }
}
