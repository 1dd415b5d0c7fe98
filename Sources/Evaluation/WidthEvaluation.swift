import Atlas
import OrderedBottleneck
import SpecCLIP
import Spectra
import Torch

/// How far embeddings can be shortened: how well held-out stars are found again by the other instrument, and the other
/// instrument's spectrum foretold, from the first k numbers, or from k principal components.
public struct WidthEvaluation {
    private let data: PairedDataSet
    private let limit: Int

    /// - Parameters:
    ///   - data: pairs; the test split is scored, and principal components are found on the training split.
    ///   - limit: stars whose spectra are foretold, at most.
    public init(_ data: PairedDataSet, limit: Int = 2000) {
        self.data = data
        self.limit = limit
    }

    /// The first k numbers of a model's embeddings, the others 0.
    public func cut(_ model: SpecCLIPModel, widths: [Int]) throws -> [WidthScore] {
        let embeddings = try embeddings(model, .test)
        return try widths.map { width in
            let cut = embeddings.mapValues { BottleneckLayer($0.size(1)).opened($0, to: width) }
            return try score(model, width, searched: cut, decoded: cut)
        }
    }

    /// The first k principal components of a model's embeddings, those of all instruments taken together.
    ///
    /// Stars are compared by the components of directions (unit embeddings) about their mean, which finds more partners
    /// than those of the embeddings themselves; spectra are foretold from embeddings rebuilt from their components.
    public func principal(_ model: SpecCLIPModel, widths: [Int]) throws -> [WidthScore] {
        let training = try embeddings(model, .train)
        let embeddings = try embeddings(model, .test)
        let all = Tensor.cat(model.instruments.compactMap { training[$0.embeddingKey] })
        let directions = PrincipalComponents(unit(all), count: all.size(1))
        let components = PrincipalComponents(all, count: all.size(1))
        return try widths.map { width in
            let searched = embeddings.mapValues { directions.project(unit($0)).narrow(1, start: 0, length: width) }
            return try score(
                model, width, searched: searched,
                decoded: embeddings.mapValues { components.rebuilt($0, width: width) })
        }
    }

    /// What all instruments share of the embeddings of a split, by `embeddingKey`.
    private func embeddings(_ model: SpecCLIPModel, _ split: Split) throws -> [String: Tensor] {
        var found: [String: Tensor] = [:]
        for instrument in model.instruments {
            let rows = try SpectrumRows(data, instrument, split)
            found[instrument.embeddingKey] = model.shared(try model.embed(rows, of: instrument))
        }
        return found
    }

    private func score(
        _ model: SpecCLIPModel, _ width: Int, searched: [String: Tensor], decoded: [String: Tensor]
    ) throws -> WidthScore {
        let atlas = EmbeddingAtlas(embeddings: searched, sourceIDs: try data.sourceIDs(.test))
        var found: [RetrievalScore] = []
        var translation: [String: Double] = [:]
        for source in model.instruments {
            for target in model.instruments where target != source {
                let ranks = try atlas.ranksOfPartners(try atlas.rows(of: source), among: target)
                found.append(RetrievalScore(ranks: ranks, stars: atlas.count))
                guard let embeddings = decoded[source.embeddingKey] else { continue }
                let rows = try SpectrumRows(data, target, .test)
                let count = min(limit, rows.count)
                let predicted = try withoutGradient {
                    try model.translate(embeddings.narrow(0, start: 0, length: count), from: source, to: target)
                }
                translation["\(source.name) → \(target.name)"] =
                    Loss.l1(predicted, try rows.tensor(Array(0..<count))).item()
            }
        }
        func mean(_ path: KeyPath<RetrievalScore, Double>) -> Double {
            found.map { $0[keyPath: path] }.reduce(0, +) / Double(max(1, found.count))
        }
        return WidthScore(
            width: width, top1: mean(\.top1), top10: mean(\.top10), medianRank: mean(\.medianRank),
            translation: translation)
    }
}
