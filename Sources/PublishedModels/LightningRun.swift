import Foundation
import Support
import Torch
import Training

/// A pre-training that PyTorch Lightning began and that goes on here: weights, AdamW's moments, steps done and schedule,
/// from a checkpoint of `Trainer.fit` (reference, section 9).
public struct LightningRun: ForeignRun {
    /// The encoder's weights by path, which are the published names.
    public let weights: [(String, Tensor)]
    /// AdamW's state as `AdamW.state()` names it.
    public let moments: [(String, Tensor)]
    /// Optimiser steps done.
    public let step: Int
    private let path: String
    private let schedule: PickleValue?
    private let group: PickleValue?

    /// - Throws: `Diagnostic` when it is no checkpoint, `Diagnostic` when it holds no optimiser state.
    public init(contentsOf url: URL) throws {
        path = url.path
        let file = try PyTorchFile(contentsOf: url)
        func problem(_ text: String) -> Diagnostic { Diagnostic(url.path, problem: text) }
        guard let optimizer = file.root["optimizer_states"]?.values?.first, let states = optimizer["state"]?.dictionary,
            let step = file.root["global_step"]?.int, step >= 0
        else {
            throw problem(
                "holds no optimiser state (saved with save_weights_only): nothing to resume; see `specclip convert`")
        }
        self.step = step
        schedule = file.root["lr_schedulers"]?.values?.first
        group = optimizer["param_groups"]?.values?.first
        // The optimiser numbers parameters in the order of the module, which the state dictionary has too.
        let state = try file.stateDictionary()
        weights = try state.map { ($0.name, try file.tensor($0.tensor)) }
        moments = try state.enumerated().flatMap { index, entry -> [(String, Tensor)] in
            guard let own = states[index] else { return [] }
            guard let mean = own["exp_avg"]?.tensor, let square = own["exp_avg_sq"]?.tensor,
                mean.shape == entry.tensor.shape, square.shape == entry.tensor.shape
            else { throw problem("the optimiser's state of parameter \(index) is not that of '\(entry.name)'") }
            let count =
                try own["step"]?.tensor.map { try file.tensor($0).item() } ?? own["step"]?.double ?? Double(step)
            return [
                ("\(entry.name).step", Tensor(count)), ("\(entry.name).exp_avg", try file.tensor(mean)),
                ("\(entry.name).exp_avg_sq", try file.tensor(square)),
            ]
        }
        guard !moments.isEmpty else { throw problem("its optimiser has no state; it stopped before the first step") }
    }

    /// Compares names and shapes with the encoder of the configuration, and notes where rates and schedule differ: from
    /// here on the configuration's count.
    public func check(_ encoder: Module, against options: TrainingOptions) throws -> [String] {
        let own = Dictionary(uniqueKeysWithValues: encoder.stateDictionary().map { ($0.0, $0.1.shape) })
        let theirs = Dictionary(weights.map { ($0.0, $0.1.shape) }) { first, _ in first }
        if let odd = Set(own.keys).symmetricDifference(theirs.keys).min() {
            throw Diagnostic(
                path, problem: "has another architecture than the configuration: '\(odd)' is in one of them only")
        }
        if let odd = own.first(where: { theirs[$0.key] != $0.value }) {
            throw Diagnostic(
                path,
                problem:
                    "has another architecture than the configuration: '\(odd.key)' is \(theirs[odd.key] ?? []) there "
                    + "and \(odd.value) here")
        }
        var notes = ["goes on after step \(step) of \(URL(fileURLWithPath: path).lastPathComponent)"]
        func compare(_ name: String, _ theirs: Double?, _ ours: Double) {
            guard let theirs, theirs != ours else { return }
            notes.append("\(name) was \(theirs) there; from here on it is \(ours), as configured")
        }
        if case .steps(let steps) = options.length {
            compare("the end of the schedule (steps)", schedule?["T_max"]?.double, Double(steps))
        }
        compare("warmup", schedule?["T_warmup"]?.double, Double(options.warmup))
        compare(
            "minimumLearningRate", schedule?["eta_min"]?.double, options.minimumLearningRate ?? options.learningRate)
        compare("learningRate", schedule?["base_lrs"]?.values?.first?.double, options.learningRate)
        compare("weightDecay", group?["weight_decay"]?.double, options.weightDecay)
        for (i, name) in ["betas[0]", "betas[1]"].enumerated() {
            compare(name, group?["betas"]?.values?[i].double, options.betas[i])
        }
        return notes
    }
}
