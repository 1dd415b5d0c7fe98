import Datasets
import Foundation
import Statistics
import Support
import Testing
import Torch
@testable import StarReading

/// Known stars in memory: what is found beside a search by hand.
@Suite struct AtlasPartTests {
    private func vectors(_ rows: Int, _ width: Int, seed: UInt64) -> [[Float]] {
        var random = StepRandom(seed)
        return (0..<rows).map { _ in (0..<width).map { _ in Float.random(in: -1...1, using: &random) } }
    }

    private func tensor(_ rows: [[Float]]) -> Tensor {
        Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count])
    }

    private func cosine(_ a: [Float], _ b: [Float]) -> Double {
        let dot = zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        func norm(_ v: [Float]) -> Double { v.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot() }
        return dot / (norm(a) * norm(b))
    }

    private func stars(
        _ rows: [[Float]], ids: [String]? = nil, columns: [String: [Double]] = [:], present: [Bool]? = nil
    ) -> AtlasPart {
        AtlasPart(
            tensor(rows), sourceIDs: ids ?? rows.indices.map { "star \($0)" }, columns: columns, present: present,
            from: URL(fileURLWithPath: "known.h5"))
    }

    private func nearest(
        _ stars: AtlasPart, _ queries: [[Float]], top: Int, filter: AtlasFilter = AtlasFilter(), own: [String] = []
    ) throws -> [[FoundRow]] {
        try stars.nearest(
            unitDirections(tensor(queries)), top: top, probes: 1, allowed: stars.allowed(filter), excluding: own)
    }

    @Test func nearestAgreesWithBruteForce() throws {
        let (rows, queries) = (vectors(200, 12, seed: 1), vectors(7, 12, seed: 99))
        let stars = stars(rows)
        for (query, found) in zip(queries, try nearest(stars, queries, top: 5)) {
            let expected = rows.map { cosine(query, $0) }.sorted(by: >).prefix(5)
            #expect(found.count == 5)
            for (one, similarity) in zip(found, expected) {
                #expect(abs(Double(one.similarity) - similarity) < 1e-5)
                #expect(abs(cosine(query, rows[one.row]) - similarity) < 1e-5)
                #expect(stars.sourceID(one.row) == "star \(one.row)")
            }
        }
    }

    /// Rows of the star itself, rows that do not meet a condition, and rows that an instrument has not seen: whatever is left is found.
    @Test func rowsThatAreLeftOutAreNotMissed() throws {
        let (rows, queries) = (vectors(60, 8, seed: 11), vectors(3, 8, seed: 12))
        // The first star is there thirty times, more often than a search looks at once.
        let ids = rows.indices.map { $0 % 2 == 0 ? "often" : "star \($0)" }
        let present = rows.indices.map { $0 % 7 != 3 }
        let teff = rows.indices.map { $0 % 5 == 0 ? .nan : 4000 + Double($0) * 20 }
        let stars = stars(rows, ids: ids, columns: ["teff": teff], present: present)
        let cool = AtlasFilter([try #require(LabelCondition("teff<5000"))])
        for filter in [AtlasFilter(), cool] {
            let own = ["often", "", "star 9"]
            for (query, found) in try nearest(stars, queries, top: 20, filter: filter, own: own).enumerated() {
                let left = rows.indices.filter {
                    present[$0] && ids[$0] != own[query] && (filter.conditions.isEmpty || teff[$0] < 5000)
                }
                let expected = left.sorted { cosine(queries[query], rows[$0]) > cosine(queries[query], rows[$1]) }
                #expect(found.map(\.row) == Array(expected.prefix(20)))
            }
        }
        #expect {
            try nearest(stars, queries, top: 5, filter: AtlasFilter([#require(LabelCondition("mass>1"))]))
        } throws: { "\($0)".contains("known.h5: mass: is not known of its stars; known are teff") }
    }

    /// The cosine knows no lengths: neither 1e-6 nor 0 may disturb it.
    @Test func shortRowsAreComparedByDirection() throws {
        let found = try nearest(stars([[1e-6, 0], [0, 0], [0, 2]]), [[3e-7, 0], [0, 0]], top: 3)
        #expect(found[0].first?.row == 0)
        #expect(abs((found[0].first?.similarity ?? 0) - 1) < 1e-6)
        #expect(found[1].map(\.similarity) == [0, 0, 0])
    }
}
