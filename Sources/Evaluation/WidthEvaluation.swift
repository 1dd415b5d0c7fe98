import Datasets
import OrderedBottleneck
import SpecCLIP
import StarReading
import Statistics
import Torch

/// How far embeddings can be shortened: how well held-out stars are found again by the other instrument, and the other
/// instrument's spectrum predicted, from the first k numbers, or from k principal components.
public struct WidthEvaluation {
    private let model: SpecCLIPModel
    private let data: PairedDataSet
    /// Of the stars of the test split that all instruments have seen, by `embeddingKey`.
    private let embeddings: [String: Tensor]
    /// Which of these stars have their spectra predicted, and these spectra, by `embeddingKey`.
    private let rows: Tensor
    private let spectra: [String: Tensor]

    /// - Parameters:
    ///   - data: pairs; the test split is scored, and principal components are found on the training split.
    ///   - limit: stars whose spectra are predicted, at most, evenly sampled.
    public init(_ model: SpecCLIPModel, _ data: PairedDataSet, limit: Int = 2000) throws {
        self.model = model
        self.data = data
        let seen = try data.rows(seenBy: model.instruments, split: .test)
        embeddings = try Self.embeddings(model, data, .test, seen)
        let chosen = seen.indices.evenlySampled(limit)
        rows = Tensor(chosen.map(Int64.init), shape: [chosen.count])
        spectra = try Dictionary(
            uniqueKeysWithValues: model.instruments.map {
                ($0.embeddingKey, try data.spectra(of: $0, .test, chosen.map { seen[$0] }))
            })
    }

    private static func embeddings(
        _ model: SpecCLIPModel, _ data: PairedDataSet, _ split: Split, _ seen: [Int]
    ) throws -> [String: Tensor] {
        let all = try model.sharedEmbeddings(data, split: split)
        guard seen.count < data.count(split) else { return all }
        return all.mapValues { $0.indexSelect(0, Tensor(seen.map(Int64.init), shape: [seen.count])) }
    }

    /// The first k numbers of the embeddings, the others 0.
    public func cut(widths: [Int]) throws -> [WidthScore] {
        try widths.map { width in
            let cut = embeddings.mapValues { BottleneckLayer($0.size(1)).truncated($0, to: width) }
            return try score(width, searched: cut, decoded: cut)
        }
    }

    /// The first k principal components of the embeddings, those of all instruments taken together.
    ///
    /// Stars are compared by the components of directions (unit embeddings) about their mean, which finds more partners
    /// than those of the embeddings themselves; spectra are predicted from embeddings rebuilt from their components.
    public func principal(widths: [Int]) throws -> [WidthScore] {
        let training = try Self.embeddings(
            model, data, .train, try data.rows(seenBy: model.instruments, split: .train))
        let all = Tensor.cat(model.instruments.compactMap { training[$0.embeddingKey] })
        let directions = PrincipalComponents(unit(all), count: all.size(1))
        let components = PrincipalComponents(all, count: all.size(1))
        return try widths.map { width in
            let searched = embeddings.mapValues { directions.project(unit($0)).narrow(1, start: 0, length: width) }
            return try score(
                width, searched: searched, decoded: embeddings.mapValues { components.rebuilt($0, width: width) })
        }
    }

    private func score(
        _ width: Int, searched: [String: Tensor], decoded: [String: Tensor]
    ) throws -> WidthScore {
        let pairs = PairedEmbeddings(searched)
        var found: [RetrievalScore] = []
        var translation: [String: Double] = [:]
        for (source, target) in model.directions {
            let ranks = try pairs.ranksOfPartners(of: source, among: target)
            found.append(RetrievalScore(ranks: ranks, stars: pairs.count))
            guard let own = decoded[source.embeddingKey], let truth = spectra[target.embeddingKey] else { continue }
            let predicted = try withoutGradient {
                try model.translate(own.indexSelect(0, rows), from: source, to: target)
            }
            translation["\(source.name) → \(target.name)"] = Loss.l1(predicted, truth).item()
        }
        func mean(_ path: KeyPath<RetrievalScore, Double>) -> Double {
            found.map { $0[keyPath: path] }.reduce(0, +) / Double(max(1, found.count))
        }
        return WidthScore(
            width: width, top1: mean(\.top1), top10: mean(\.top10), medianRank: mean(\.medianRank),
            translation: translation)
    }
}
