import Datasets
import Foundation
import SpecCLIP
import Spectra
import StarReading
import Statistics
import Support
import Torch

/// How well the same star is found again, and its other spectrum predicted, among held-out pairs.
public struct PairEvaluation {
    let model: SpecCLIPModel
    let data: PairedDataSet

    /// An evaluation of a model on a data set of pairs.
    public init(_ model: SpecCLIPModel, _ data: PairedDataSet) {
        self.model = model
        self.data = data
    }

    /// Retrieval in every direction, against chance.
    public func retrieval(split: Split = .test) throws -> [ScoreLine] {
        let all = try PairedEmbeddings(model, data, split: split)
        return try model.directions.flatMap { source, target in
            let pairs = all.stars(seenBy: [source, target])
            let chance = RetrievalScore.chance(stars: pairs.count)
            let score = RetrievalScore(
                ranks: try pairs.ranksOfPartners(of: source, among: target), stars: pairs.count)
            let name = "\(source.title) → \(target.title) pair"
            func line(
                _ what: String, _ path: KeyPath<RetrievalScore, Double>, _ better: ScoreLine.Better, _ unit: String = ""
            )
                -> ScoreLine
            {
                ScoreLine(
                    "\(name), \(what)", tier: data.tier, stars: pairs.count, unit: unit, model: score[keyPath: path],
                    baseline: chance[keyPath: path], baselineName: "chance", better: better)
            }
            return [
                line("top-1", \.top1, .higher), line("top-10", \.top10, .higher),
                line("median rank", \.medianRank, .lower),
            ]
        }
    }

    /// Mean absolute error of the predicted spectrum, against the mean training spectrum and against the counterpart
    /// of the nearest training star.
    /// - Parameter limit: test stars used, at most, evenly sampled; the nearest-neighbour baseline compares each with all of training.
    public func translation(limit: Int = 2000) throws -> [ScoreLine] {
        try model.directions.flatMap { source, target in
            let all = try data.rows(seenBy: [source, target], split: .train)
            let chosen = try data.rows(seenBy: [source, target], split: .test).evenlySampled(limit)
            let training = (try data.spectra(of: source, .train, all), try data.spectra(of: target, .train, all))
            let test = (try data.spectra(of: source, .test, chosen), try data.spectra(of: target, .test, chosen))
            let predicted = try withoutGradient {
                try model.translate(try model.embed(test.0, from: source), from: source, to: target)
            }
            let mean = training.1.mean(dims: [0], keepDims: true).expanded(test.1.shape)
            let nearest = training.1.indexSelect(0, Self.nearest(test.0, among: training.0))
            let error = Loss.l1(predicted, test.1).item()
            func line(_ baseline: Tensor, _ name: String) -> ScoreLine {
                ScoreLine(
                    "\(source.title) → \(target.title) spectrum, mean |Δ|", tier: data.tier, stars: test.0.shape[0],
                    unit: "", model: error, baseline: Loss.l1(baseline, test.1).item(), baselineName: name)
            }
            return [line(mean, "mean spectrum"), line(nearest, "nearest neighbour")]
        }
    }

    /// For each query row the training row at the smallest Euclidean distance.
    static func nearest(_ queries: Tensor, among rows: Tensor) -> Tensor {
        let squares = rows.square().sum(dims: [1]).unsqueezed(0)
        let found = stride(from: 0, to: queries.shape[0], by: 256).map { start in
            let block = queries.narrow(0, start: start, length: min(256, queries.shape[0] - start))
            return (squares - block.matmul(rows.transposed()) * 2).argmin(dim: 1)
        }
        return Tensor.cat(found, dim: 0)
    }
}

extension SpecCLIPModel {
    /// Every instrument with every other.
    var directions: [(from: Instrument, to: Instrument)] {
        instruments.flatMap { source in instruments.filter { $0 != source }.map { (source, $0) } }
    }
}

extension PairedDataSet {
    /// Prepared spectra of some rows of a split, `[rows.count, pixels]`.
    func spectra(of instrument: Instrument, _ split: Split, _ rows: [Int]) throws -> Tensor {
        try SpectrumRows(self, instrument, split).tensor(rows)
    }
}
