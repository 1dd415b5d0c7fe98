import Foundation
import GoldenNumbers
import Instruments
import Spectra
import Testing
@testable import StarReading

/// Retrieval as the published code does it: cosine similarities, four neighbours, within and across instruments, with
/// and without the query's own row.
///
/// Rows that are equally similar come in another order there (a reversed ascending sort, quirk Q35): neighbours are
/// compared by their similarities, and by their rows where the similarity is theirs alone.
@Suite(.enabled(if: Goldens.arePresent, "\(Goldens.absence)"))
struct RetrievalGoldenTests {
    private static let golden = "retrieval/cosine_topk.npz"
    private static let instruments: [String: Instrument] = ["gaia": .gaiaXP, "lamost": .lamostLRS]

    @Test(arguments: [("lamost", 5), ("lamost", 17), ("gaia", 20), ("gaia", 100), ("gaia", 17)])
    func neighbours(side: String, row: Int) throws {
        let arrays = try Goldens.arrays(Self.golden)
        let embeddings = try Self.instruments.map { name, instrument in
            (instrument.embeddingKey, try #require(arrays["\(name)_embeddings"]).tensor.to(.float32))
        }
        let atlas = EmbeddingAtlas(
            embeddings: Dictionary(uniqueKeysWithValues: embeddings), sourceIDs: (0..<200).map(String.init))
        let own = try #require(Self.instruments[side])
        let query = try #require(arrays["\(side)_embeddings"]).tensor.to(.float32).narrow(0, start: row, length: 1)
        let other: Instrument = own == .gaiaXP ? .lamostLRS : .gaiaXP
        for (kind, among) in [("in", own), ("cross", other)] {
            for (isExcluded, word) in [(false, "incl"), (true, "excl")] {
                let name = "\(side)\(row)_\(kind)_\(word)"
                let hidden = isExcluded ? [row] : []
                let all = try atlas.nearest(to: query, among: among, top: 200, excluding: [hidden])[0]
                let expected = try #require(arrays[name + ".sim"]?.doubles)
                #expect(all.count == 200 - hidden.count)
                #expect(
                    Goldens.error(
                        Self.golden, name + ".sim", all.map(\.similarity), all.map { expected[$0.row] }) < 1e-6)

                let top = try atlas.nearest(to: query, among: among, top: 4, excluding: [hidden])[0]
                let scores = try #require(arrays[name + ".score"]?.doubles)
                #expect(Goldens.error(Self.golden, name + ".score", top.map(\.similarity), scores) < 1e-6)
                let rows = try #require(arrays[name + ".top"]?.doubles).map { Int($0) }
                for (rank, neighbour) in top.enumerated() {
                    let ties = expected.filter { abs($0 - scores[rank]) < 1e-6 }.count
                    if ties == 1 { #expect(neighbour.row == rows[rank], "\(name), rank \(rank)") }
                }
            }
        }
    }
}
