import Datasets
import SpecCLIP
import Spectra
import StarReading
import Support
import Torch

/// Embeddings of the same stars by several instruments: how well one finds again what another has seen.
public struct PairedEmbeddings: Sendable {
    /// Unit rows `[N, E]` by the instrument's `embeddingKey`.
    private let rows: [String: Tensor]
    /// By `embeddingKey`, whether the instrument has seen each star; absent where it has seen all.
    private let presence: [String: [Bool]]
    /// Number of stars.
    public let count: Int

    /// - Parameters:
    ///   - embeddings: `[N, E]` per `embeddingKey`, row i of star i.
    ///   - presence: per `embeddingKey`, whether the instrument has seen each star; one left out has seen all.
    public init(_ embeddings: [String: Tensor], presence: [String: [Bool]] = [:]) {
        rows = embeddings.mapValues(unitDirections)
        count = rows.values.first?.size(0) ?? 0
        self.presence = presence
    }

    /// Embeds a split of a data set with every instrument that model and data share; stars are compared by what all
    /// instruments share of their embeddings (`SpecCLIPModel.shared`).
    public init(_ model: SpecCLIPModel, _ data: PairedDataSet, split: Split) throws {
        var presence: [String: [Bool]] = [:]
        for instrument in model.instruments where data.has(instrument) {
            presence[instrument.embeddingKey] = try data.presence(instrument, split: split)
        }
        self.init(try model.sharedEmbeddings(data, split: split), presence: presence)
    }

    /// The stars that all of these instruments have seen.
    func stars(seenBy instruments: [Instrument]) -> PairedEmbeddings {
        let seen = instruments.compactMap { presence[$0.embeddingKey] }
        guard !seen.isEmpty else { return self }
        let kept = (0..<count).filter { row in seen.allSatisfy { $0[row] } }
        let index = Tensor(kept.map(Int64.init), shape: [kept.count])
        return PairedEmbeddings(rows.mapValues { $0.indexSelect(0, index) })
    }

    /// For each star, how many stars of `target` are more similar to it than it is itself, as `source` has seen it: 0 is a perfect
    /// find. Stars that are as similar count half: they would come before it as often as after it.
    public func ranksOfPartners(of source: Instrument, among target: Instrument) throws -> [Double] {
        // Embeddings cut to very few numbers lie so close to each other that only float64 tells them apart.
        partnerRanks(
            unitDirections(try rows(of: source).to(.float64)), among: unitDirections(try rows(of: target).to(.float64)))
    }

    private func rows(of instrument: Instrument) throws -> Tensor {
        guard let rows = rows[instrument.embeddingKey] else {
            throw Diagnostic(
                problem: "there are no \(instrument.name) spectra",
                remedy: "there are \(self.rows.keys.sorted().joined(separator: ", "))")
        }
        return rows
    }
}

/// For each query, how many rows lie nearer to it (Euclidean) than the row of its own number: 0 is a perfect find. Rows that are as
/// near count half: they would come before it as often as after it.
/// - Parameters:
///   - queries: `[N, E]`; of unit length, as `rows`, to go by cosine similarity.
///   - rows: `[N, E]`, row i the partner of query i.
func partnerRanks(_ queries: Tensor, among rows: Tensor) -> [Double] {
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
