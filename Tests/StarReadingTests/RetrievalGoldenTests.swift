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
        let known = try Self.instruments.map { name, instrument in
            (
                instrument,
                AtlasPart(
                    try #require(arrays["\(name)_embeddings"]).tensor.to(.float32),
                    sourceIDs: (0..<200).map(String.init), from: URL(fileURLWithPath: "golden"))
            )
        }
        let own = try #require(Self.instruments[side])
        let query = try #require(arrays["\(side)_embeddings"]).tensor.to(.float32).narrow(0, start: row, length: 1)
        let direction = unitDirections(query)
        let other: Instrument = own == .gaiaXP ? .lamostLRS : .gaiaXP
        for (kind, among) in [("in", own), ("cross", other)] {
            for (isExcluded, word) in [(false, "incl"), (true, "excl")] {
                let name = "\(side)\(row)_\(kind)_\(word)"
                let stars = try #require(known.first { $0.0 == among }).1
                func nearest(_ top: Int) throws -> [FoundRow] {
                    let own = isExcluded ? [String(row)] : []
                    return try stars.nearest(direction, top: top, probes: 1, allowed: nil, excluding: own)[0]
                }
                let all = try nearest(200)
                let expected = try #require(arrays[name + ".sim"]?.doubles)
                #expect(all.count == (isExcluded ? 199 : 200))
                #expect(
                    Goldens.error(
                        Self.golden, name + ".sim", all.map { Double($0.similarity) }, all.map { expected[$0.row] })
                        < 1e-6)

                let top = try nearest(4)
                let scores = try #require(arrays[name + ".score"]?.doubles)
                #expect(Goldens.error(Self.golden, name + ".score", top.map { Double($0.similarity) }, scores) < 1e-6)
                let rows = try #require(arrays[name + ".top"]?.doubles).map { Int($0) }
                for (rank, neighbour) in top.enumerated() {
                    let ties = expected.filter { abs($0 - scores[rank]) < 1e-6 }.count
                    if ties == 1 { #expect(neighbour.row == rows[rank], "\(name), rank \(rank)") }
                }
            }
        }
    }
}
