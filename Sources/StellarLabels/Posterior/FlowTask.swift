import Foundation
import Torch
import Training

/// Rows to learn posteriors from: a context, labels, and how much each label counts.
struct FlowRows: Sendable {
    /// `[N, C]`.
    let context: Tensor
    /// Per label, per row; NaN where missing.
    let labels: [[Double]]
    /// Per label, per row, 0…1; 1 where absent.
    let weights: [[Double]]?

    var count: Int { context.shape[0] }

    /// Rows whose labels have errors.
    ///
    /// A label whose error is large beside what a spectrum can tell would teach the posterior the error of the catalogue;
    /// it counts 1 / (1 + (error / scale)²).
    /// - Parameters:
    ///   - errors: per label, per row, in the labels' form; NaN where unknown, which counts fully.
    ///   - scales: per label, what a spectrum can tell.
    init(context: Tensor, labels: [[Double]], errors: [[Double]]? = nil, scales: [Double] = []) {
        self.context = context
        self.labels = labels
        weights = errors.map { errors in
            zip(errors, scales).map { values, scale in
                values.map { $0.isFinite ? 1 / (1 + ($0 / scale) * ($0 / scale)) : 1 }
            }
        }
    }

    var isComplete: Bool { labels.allSatisfy { $0.allSatisfy(\.isFinite) } }
}

/// Contexts in, negative log likelihood of their labels out.
final class FlowTask: TrainingTask {
    struct Batch: Sendable {
        let context: Tensor
        let labels: Tensor
        /// Nil where all labels are known.
        let present: Tensor?
        let weights: Tensor?
    }

    struct Source: BatchSource {
        let parts: [TrainingSplit: FlowRows]
        let fill: [Double]
        let device: Device

        func count(_ split: TrainingSplit) -> Int { parts[split]?.count ?? 0 }

        func batch(_ split: TrainingSplit, rows: [Int], random: inout StepRandom) throws -> Batch {
            guard let part = parts[split] else {
                return Batch(context: .zeros([0]), labels: .zeros([0]), present: nil, weights: nil)
            }
            let shape = [rows.count, part.labels.count]
            func table(_ value: (_ label: Int, _ row: Int) -> Double) throws -> Tensor {
                let values = rows.flatMap { row in part.labels.indices.map { Float(value($0, row)) } }
                return try Tensor(values, shape: shape).to(device)
            }
            let labels = try table { part.labels[$0][$1].isFinite ? part.labels[$0][$1] : fill[$0] }
            let isComplete = rows.allSatisfy { row in part.labels.allSatisfy { $0[row].isFinite } }
            let present = isComplete ? nil : try table { part.labels[$0][$1].isFinite ? 1 : 0 }
            let weights = try part.weights.map { weights in try table { weights[$0][$1] } }
            let index = Tensor(rows.map(Int64.init), shape: [rows.count])
            return Batch(
                context: try part.context.indexSelect(0, index).to(device), labels: labels, present: present,
                weights: weights)
        }
    }

    let model: Module
    let source: Source
    private let flow: ConditionalFlow

    /// - Parameter mean: of each label: what stands for missing ones, which nothing depends on.
    init(_ flow: ConditionalFlow, _ parts: [TrainingSplit: FlowRows], mean: [Double], device: Device) {
        model = flow
        self.flow = flow
        source = Source(parts: parts, fill: mean, device: device)
    }

    func losses(_ batch: Batch) throws -> [(name: String, value: Tensor)] {
        var terms = flow.logDensities(batch.labels, present: batch.present, given: batch.context)
        if let weights = batch.weights { terms = terms * weights }
        return [("loss", terms.sum() * (-1 / Double(batch.context.shape[0])))]
    }
}

extension TrainingOptions {
    /// How `sbi` trains posteriors: Adam at a constant rate, batches of 200, until 20 epochs bring nothing.
    /// - Parameter rows: to train on, which decide how long an epoch is.
    static func sbi(rows: Int, epochs: Int = 500) -> TrainingOptions {
        var options = TrainingOptions()
        options.batch = 200
        options.validateEvery = max(1, rows / options.batch)
        options.steps = options.validateEvery * epochs
        options.learningRate = 5e-4
        options.minimumLearningRate = 5e-4
        options.weightDecay = 0
        options.clip = 5
        options.patience = 20
        options.minimumDelta = 0
        options.validationRows = Int.max
        return options
    }
}
