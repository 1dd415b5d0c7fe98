import Foundation
import SpecCLIP
import Spectra
import Torch
import Training

/// Embeddings of a split with their labels, in memory.
struct LabelledEmbeddings: Sendable {
    /// `[N, E]`.
    let embeddings: Tensor
    /// Per label, per star; NaN where missing.
    let labels: [[Double]]
    let names: [String]

    var count: Int { embeddings.shape[0] }

    init(
        _ model: SpecCLIPModel, _ instrument: Instrument, _ data: PairedDataSet, _ split: Split, names: [String]
    ) throws {
        self.names = names
        labels = try names.map { try data.labels($0, split: split) }
        embeddings = try model.embed(try SpectrumRows(data, instrument, split), of: instrument)
    }

    /// Mean and standard deviation of each label over the stars that have it.
    func labelStatistics(minimumStars: Int, dataName: String) throws -> (mean: [Double], std: [Double]) {
        var statistics: (mean: [Double], std: [Double]) = ([], [])
        for (name, values) in zip(names, labels) {
            let known = values.filter(\.isFinite)
            guard known.count >= minimumStars else {
                throw LabelError.tooFewStars(label: name, data: dataName, stars: known.count, needed: minimumStars)
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
            var targets: [Float] = []
            var present: [Float] = []
            for row in rows {
                for (i, values) in part.labels.enumerated() {
                    let known = values[row].isFinite
                    targets.append(known ? Float((values[row] - mean[i]) / std[i]) : 0)
                    present.append(known ? 1 : 0)
                }
            }
            let shape = [rows.count, part.labels.count]
            let index = try Tensor(rows.map(Int64.init), shape: [rows.count]).to(part.embeddings.device)
            return Batch(
                embeddings: try part.embeddings.indexSelect(0, index).to(device),
                targets: try Tensor(targets, shape: shape).to(device),
                present: try Tensor(present, shape: shape).to(device))
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
