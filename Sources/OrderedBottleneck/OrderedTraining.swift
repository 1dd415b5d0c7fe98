import Foundation
import Support
import Torch
import Training

/// Rows divided for training, for stopping, and for judging.
public struct OrderedSplit {
    /// Rows to learn from, `[N, …]`.
    public let training: Tensor
    /// Rows that decide when to stop.
    public let validation: Tensor
    /// Rows never seen in training: those the dimension is measured on.
    public let test: Tensor
    /// Tells data sets apart, so that a model finds the rows again that it was not trained on.
    public let fingerprint: String

    /// 80, 10 and 10 % of the rows, divided in the same way for every training: models of several seeds are judged
    /// together on rows that none of them has seen.
    public init(_ rows: Tensor) {
        fingerprint = Self.fingerprint(of: rows)
        var random = StepRandom(42, 0x5917)
        let order = Array(0..<rows.size(0)).shuffled(using: &random).map(Int64.init)
        let tenth = rows.size(0) / 10
        func part(_ range: Range<Int>) -> Tensor { rows.indexSelect(0, Tensor(Array(order[range]))) }
        test = part(0..<tenth)
        validation = part(tenth..<2 * tenth)
        training = part(2 * tenth..<rows.size(0))
    }

    /// Shape and two sums of the rows.
    public static func fingerprint(of rows: Tensor) -> String {
        let exact = rows.to(.float64)
        return "\(rows.shape) \(exact.sum().item()) \(exact.square().sum().item())"
    }
}

extension OrderedModel {
    /// Trains a new model, resuming what was begun in the folder.
    /// - Parameters:
    ///   - configuration: sizes, schedule and seed.
    ///   - split: which part of the data set.
    ///   - data: name of the data, for messages and provenance.
    ///   - folder: where the run lives.
    ///   - device: where to compute; the model comes back to the CPU.
    ///   - rowsAtOnce: rows times widths decoded together; bounds memory and changes nothing else.
    ///   - progress: where to report.
    /// - Returns: the model with its best weights, and how training ended.
    public static func train(
        _ configuration: BottleneckConfiguration, on split: OrderedSplit, data: String, folder: RunFolder,
        device: Device = .cpu, rowsAtOnce: Int = OrderedAutoencoder.rowsAtOnce,
        progress: any ProgressSink = SilentProgress()
    ) throws -> (model: OrderedModel, outcome: TrainingOutcome) {
        let shape = Array(split.training.shape.dropFirst())
        try checkVariation(split.training, configuration, data: data)
        if let problem = configuration.problem(shape: shape) {
            throw Diagnostic(data, problem: "cannot be trained on: \(problem)")
        }
        guard split.training.size(0) >= 2, split.validation.size(0) >= 1 else {
            throw Diagnostic(data, problem: "too few rows to split in three; give at least 10")
        }
        let heldOut = split.test.size(0)
        if heldOut < 10 * configuration.width {
            progress.note(
                "\(heldOut) rows are held out for \(configuration.width) latents: too few to tell the dimension by, which "
                    + "takes ten for each")
        }
        let model = OrderedModel(
            configuration, training: split.training, provenance: ["data": data, "fingerprint": split.fingerprint])
        try model.autoencoder.to(device)
        let task = OrderedTask(
            model.autoencoder, objective: configuration.objective, training: model.scaled(split.training),
            validation: model.scaled(split.validation), device: device, rowsAtOnce: rowsAtOnce)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let settings =
            String(decoding: try encoder.encode(configuration), as: UTF8.self)
            + " " + split.fingerprint
        var options = configuration.training
        // While latents are swept one by one, the loss over all of them rises at times: only the whole way counts.
        if case .random(_, _, .some) = configuration.objective { options.patience = .max }
        let trainer = Trainer(
            task, options: options, seed: configuration.seed,
            folder: folder, settings: settings, progress: progress)
        let outcome = try trainer.run()
        model.autoencoder.evaluate()
        try model.autoencoder.to(.cpu)
        if outcome.isFinished { try model.measureLatents(split.training) }
        return (model, outcome)
    }
}

/// Says what a constant feature would turn into a division by zero later.
private func checkVariation(_ rows: Tensor, _ configuration: BottleneckConfiguration, data: String) throws {
    let flat = rows.reshaped([rows.size(0), -1])
    let constant = (flat.max(dims: [0]) - flat.min(dims: [0])).eq(0).bools()
    let indices = constant.indices.filter { constant[$0] }
    if indices.count == constant.count {
        throw Diagnostic(
            data, problem: "all features are constant: there is nothing to learn; give other data")
    }
    guard configuration.scaling == .features, let first = indices.first else { return }
    let many = indices.count > 1 ? "s \(first) and \(indices.count - 1) more are" : " \(first) is"
    throw Diagnostic(
        data, problem: "feature\(many) constant and cannot be scaled; leave them out, or use scaling: common")
}
