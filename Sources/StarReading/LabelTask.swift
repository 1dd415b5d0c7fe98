import Datasets
import Foundation
import SpecCLIP
import Spectra
import Support
import Torch
import Training

/// Embeddings of a split with their labels, in memory.
package struct LabelledEmbeddings: Sendable {
    /// `[N, E]`.
    let embeddings: Tensor
    /// Per label, per star; NaN where missing.
    let labels: [[Double]]
    let names: [String]

    var count: Int { embeddings.shape[0] }

    init(embeddings: Tensor, labels: [[Double]], names: [String]) {
        (self.embeddings, self.labels, self.names) = (embeddings, labels, names)
    }

    init(
        _ model: SpecCLIPModel, _ instrument: Instrument, _ data: PairedDataSet, _ split: Split, names: [String]
    ) throws {
        self.names = names
        let rows = try model.rows(data, instrument, split)
        let seen = rows.seen
        labels = try names.map { name in
            let all = try data.labels(name, split: split)
            return seen.map { all[$0] }
        }
        embeddings = try model.embed(rows, of: instrument)
    }

    /// Mean and standard deviation of each label over the stars that have it.
    func labelStatistics(minimumStars: Int, dataName: String) throws -> (mean: [Double], std: [Double]) {
        try StandardisedLabels.statistics(labels, names: names, minimumStars: minimumStars, dataName: dataName)
    }
}

/// Labels in units of their spread, with a mark where they are missing.
struct StandardisedLabels {
    /// The share of a label's spread that a spectrum can hardly tell: labels with larger errors count less.
    static let tellable = 0.1

    /// 0 where missing, `[B, labels]`.
    let targets: Tensor
    /// 1 where a label is known, 0 elsewhere, `[B, labels]`.
    let present: Tensor

    /// - Parameter rows: per star, per label; NaN where missing.
    init(_ rows: [[Double]], mean: [Double], std: [Double]) {
        let shape = [rows.count, mean.count]
        targets = Tensor(
            rows.flatMap { row in
                row.indices.map { row[$0].isFinite ? Float((row[$0] - mean[$0]) / std[$0]) : 0 }
            }, shape: shape)
        present = Tensor(rows.flatMap { row in row.map { $0.isFinite ? Float(1) : 0 } }, shape: shape)
    }

    /// Mean and standard deviation of each label over the stars that have it.
    /// - Parameter labels: per label, per star.
    static func statistics(
        _ labels: [[Double]], names: [String], minimumStars: Int, dataName: String
    ) throws -> (mean: [Double], std: [Double]) {
        var statistics: (mean: [Double], std: [Double]) = ([], [])
        for (name, values) in zip(names, labels) {
            let known = values.filter(\.isFinite)
            guard known.count >= minimumStars else {
                throw Diagnostic(
                    dataName, field: "label '\(name)'",
                    problem: "is known for \(known.count) training stars, at least \(minimumStars) are needed",
                    remedy: "leave it out of labels.heads or give more stars")
            }
            let mean = known.reduce(0, +) / Double(known.count)
            let variance = known.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(known.count - 1)
            statistics.mean.append(mean)
            statistics.std.append(max(variance.squareRoot(), 1e-12))
        }
        return statistics
    }
}

/// Embeddings in, Gaussian likelihood of the labels out.
final class LabelTask: TrainingTask {
    struct Batch: Sendable {
        let embeddings: Tensor
        let targets: Tensor
        let present: Tensor
    }

    struct Source: BatchSource {
        let parts: [TrainingSplit: LabelledEmbeddings]
        let mean: [Double]
        let std: [Double]
        let device: Device

        func count(_ split: TrainingSplit) -> Int { parts[split]?.count ?? 0 }

        func batch(_ split: TrainingSplit, rows: [Int], random: inout StepRandom) throws -> Batch {
            guard let part = parts[split] else {
                return Batch(embeddings: .zeros([0]), targets: .zeros([0]), present: .zeros([0]))
            }
            let labels = StandardisedLabels(rows.map { row in part.labels.map { $0[row] } }, mean: mean, std: std)
            let index = try Tensor(rows.map(Int64.init), shape: [rows.count]).to(part.embeddings.device)
            return Batch(
                embeddings: try part.embeddings.indexSelect(0, index).to(device),
                targets: try labels.targets.to(device), present: try labels.present.to(device))
        }
    }

    let model: Module
    let source: Source
    private let head: LabelHead

    init(_ head: LabelHead, source: Source) {
        model = head
        self.head = head
        self.source = source
    }

    func losses(_ batch: Batch) throws -> [(name: String, value: Tensor)] {
        [("loss", head.loss(batch.embeddings, targets: batch.targets, present: batch.present))]
    }
}
