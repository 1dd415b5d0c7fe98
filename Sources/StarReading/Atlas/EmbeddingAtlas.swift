import Datasets
import Foundation
import SpecCLIP
import Spectra
import Support
import Torch

/// Embeddings of many stars, searched exactly by cosine similarity, within and across instruments.
public struct EmbeddingAtlas: Sendable {
    /// Unit rows `[N, E]` by the instrument's `embeddingKey`.
    private let rows: [String: Tensor]
    /// Identifiers of the stars, in row order.
    public let sourceIDs: [String]
    /// By `embeddingKey`, whether the instrument has seen each star; absent where it has seen all.
    private let presence: [String: [Bool]]

    /// - Parameters:
    ///   - embeddings: `[N, E]` per `embeddingKey`, all in the order of `sourceIDs`.
    ///   - sourceIDs: identifiers of the stars, in row order.
    ///   - presence: per `embeddingKey`, whether the instrument has seen each star; one left out has seen all.
    public init(embeddings: [String: Tensor], sourceIDs: [String], presence: [String: [Bool]] = [:]) {
        rows = embeddings.mapValues(unitDirections)
        self.sourceIDs = sourceIDs
        self.presence = presence.filter { $0.value.contains(false) }
    }

    /// Embeds a split of a data set with every instrument that model and data share; stars are compared by what all
    /// instruments share of their embeddings (`SpecCLIPModel.shared`).
    public init(_ model: SpecCLIPModel, _ data: PairedDataSet, split: Split) throws {
        var presence: [String: [Bool]] = [:]
        for instrument in model.instruments where data.has(instrument) {
            presence[instrument.embeddingKey] = try data.presence(instrument, split: split)
        }
        self.init(
            embeddings: try model.sharedEmbeddings(data, split: split), sourceIDs: try data.sourceIDs(split),
            presence: presence)
    }

    /// The stars that all of these instruments have seen.
    package func stars(seenBy instruments: [Instrument]) -> EmbeddingAtlas {
        let seen = instruments.compactMap { presence[$0.embeddingKey] }
        guard !seen.isEmpty else { return self }
        let kept = sourceIDs.indices.filter { row in seen.allSatisfy { $0[row] } }
        let index = Tensor(kept.map(Int64.init), shape: [kept.count])
        return EmbeddingAtlas(
            embeddings: rows.mapValues { $0.indexSelect(0, index) }, sourceIDs: kept.map { sourceIDs[$0] })
    }

    /// Number of stars.
    public var count: Int { sourceIDs.count }

    /// Whether stars seen by this instrument are in the atlas.
    public func has(_ instrument: Instrument) -> Bool { rows[instrument.embeddingKey] != nil }

    /// The rows most similar to each query, best first.
    /// - Parameters:
    ///   - queries: embeddings `[B, E]` of any instrument; they need not have unit length.
    ///   - instrument: whose stars to search.
    ///   - top: neighbours per query; fewer where there are no more.
    ///   - excluded: per query, rows that are not to be found, such as the star's own; none by default.
    /// - Returns: rows that are equally similar come in no particular order. To a query of zeros all are, with 0.
    public func nearest(
        to queries: Tensor, among instrument: Instrument, top: Int, excluding excluded: [[Int]] = []
    ) throws -> [[Neighbour]] {
        let rows = try rows(of: instrument)
        let seen = presence[instrument.embeddingKey]
        // As many more as may have to be left out, so that what is left is exact.
        let count = min(top + (excluded.map(\.count).max() ?? 0), self.count)
        guard count > 0 else { return Array(repeating: [], count: queries.shape[0]) }
        let unseen = seen.map { Tensor($0.map { $0 ? Float(0) : 1 }, shape: [1, $0.count]).gt(0) }
        let found = withoutGradient {
            let similarities = unitDirections(queries).matmul(rows.transposed())
            return (unseen.map { similarities.maskedFill($0, -2) } ?? similarities)
                .topk(count, dim: 1, largest: true)
        }
        let (similarities, indices) = (found.values.floats(), found.indices.int64s())
        return (0..<queries.shape[0]).map { query in
            let hidden = query < excluded.count ? Set(excluded[query]) : []
            let neighbours = (0..<count).lazy.map { rank in
                let row = Int(indices[query * count + rank])
                return Neighbour(
                    row: row, sourceID: sourceIDs[row], similarity: Double(similarities[query * count + rank]))
            }
            return Array(
                neighbours.filter { !hidden.contains($0.row) && seen?[$0.row] != false }.prefix(top))
        }
    }

    /// For each query, how many rows of `instrument` are more similar than the query's own star: 0 is a perfect find.
    /// Rows that are as similar count half: they would come before it as often as after it.
    /// - Parameters:
    ///   - queries: embeddings of another instrument, row i of star i.
    ///   - instrument: whose spectra they are.
    public func ranksOfPartners(_ queries: Tensor, among instrument: Instrument) throws -> [Double] {
        // Embeddings cut to very few numbers lie so close to each other that only float64 tells them apart.
        partnerRanks(
            unitDirections(queries.to(.float64)), among: unitDirections(try rows(of: instrument).to(.float64)))
    }

    /// Unit embeddings of an instrument, `[N, E]`; a row of zeros stays one.
    public func rows(of instrument: Instrument) throws -> Tensor {
        guard let rows = rows[instrument.embeddingKey] else {
            throw Diagnostic(
                problem: "the atlas holds no \(instrument.name) spectra",
                remedy: "it holds \(self.rows.keys.sorted().joined(separator: ", "))")
        }
        return rows
    }
}

/// Rows of unit length, however short they were: the floor of the contrastive loss (quirk Q16) would make the similarity of very short
/// embeddings smaller than their cosine.
func unitDirections(_ rows: Tensor) -> Tensor { unit(rows, floor: Double(Float.leastNormalMagnitude)) }

/// For each query, how many rows lie nearer to it (Euclidean) than the row of its own number: 0 is a perfect find. Rows that are as
/// near count half: they would come before it as often as after it.
/// - Parameters:
///   - queries: `[N, E]`; of unit length, as `rows`, to go by cosine similarity.
///   - rows: `[N, E]`, row i the partner of query i.
package func partnerRanks(_ queries: Tensor, among rows: Tensor) -> [Double] {
    let (queries, rows) = (queries.to(.float64), rows.to(.float64))
    let squares = rows.square().sum(dims: [1]).unsqueezed(0)
    var ranks: [Double] = []
    for start in stride(from: 0, to: queries.shape[0], by: 1024) {
        let length = min(1024, queries.shape[0] - start)
        let block = queries.narrow(0, start: start, length: length)
        let nearness = block.matmul(rows.transposed()) * 2 - squares
        let places = Tensor((start..<start + length).map(Int64.init), shape: [length, 1])
        let own = nearness.gather(1, places)
        func count(_ found: Tensor) -> Tensor { found.to(.float64).sum(dims: [1]) }
        // Copies of a spectrum differ by the rounding of their direction.
        let (better, alike) = (count(nearness.gt(own + 2e-12)), count(nearness.gt(own - 2e-12)))
        ranks += ((better + alike - 1) * 0.5).doubles()
    }
    return ranks
}

/// A star found in an atlas.
public struct Neighbour: Sendable, Hashable {
    /// Row in the atlas.
    public let row: Int
    /// Identifier of the star.
    public let sourceID: String
    /// Cosine similarity, -1 … 1.
    public let similarity: Double
}
