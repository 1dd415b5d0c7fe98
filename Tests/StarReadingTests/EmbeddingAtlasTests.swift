import Datasets
import Foundation
import Instruments
import Simulation
import SpecCLIP
import Spectra
import Statistics
import Support
import Testing
import Torch
@testable import StarReading

@Suite struct EmbeddingAtlasTests {
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

    private func atlas(_ rows: Tensor) -> EmbeddingAtlas {
        EmbeddingAtlas(embeddings: ["gaia_xp": rows], sourceIDs: (0..<rows.shape[0]).map { "star \($0)" })
    }

    @Test func nearestAgreesWithBruteForce() throws {
        let (rows, queries) = (vectors(200, 12, seed: 1), vectors(7, 12, seed: 99))
        let found = try atlas(tensor(rows)).nearest(to: tensor(queries), among: .gaiaXP, top: 5)
        for (query, neighbours) in zip(queries, found) {
            let expected = rows.map { cosine(query, $0) }.sorted(by: >).prefix(5)
            for (neighbour, similarity) in zip(neighbours, expected) {
                #expect(abs(neighbour.similarity - similarity) < 1e-5)
                #expect(abs(cosine(query, rows[neighbour.row]) - similarity) < 1e-5)
                #expect(neighbour.sourceID == "star \(neighbour.row)")
            }
        }
    }

    @Test func partnersOfThemselvesComeFirst() throws {
        let rows = tensor(vectors(300, 16, seed: 3))
        let score = RetrievalScore(ranks: try atlas(rows * 3).ranksOfPartners(rows, among: .gaiaXP), stars: 300)
        #expect(score.top1 == 1 && score.medianRank == 1)
    }

    /// Unrelated embeddings must score what guessing scores: the oracle is combinatorics, not this code.
    @Test func unrelatedEmbeddingsScoreLikeChance() throws {
        let (a, b) = (tensor(vectors(400, 16, seed: 5)), tensor(vectors(400, 16, seed: 6)))
        let score = RetrievalScore(ranks: try atlas(a).ranksOfPartners(b, among: .gaiaXP), stars: 400)
        let chance = RetrievalScore.chance(stars: 400)
        #expect(abs(score.top10 - chance.top10) < 0.03)
        #expect(abs(score.medianRank - chance.medianRank) < 50)
    }

    /// Of one number only the sign is left to compare: half of all stars are as similar, and come first half of the time.
    @Test func equallySimilarStarsShareTheirPlaces() throws {
        let signs = tensor((0..<200).map { [$0 % 2 == 0 ? 1 : -1] })
        let ranks = try atlas(signs).ranksOfPartners(signs * 2, among: .gaiaXP)
        #expect(ranks.allSatisfy { $0 == 49.5 })
        #expect(RetrievalScore(ranks: ranks, stars: 200).top10 == 0)
        // Two numbers are an angle: neighbours that differ by less than float32 can tell in their cosine keep their order.
        let angles = tensor(
            (0..<500).map {
                let a = Float($0) * 1e-4; return [cos(a), sin(a)]
            })
        let score = RetrievalScore(ranks: try atlas(angles).ranksOfPartners(angles, among: .gaiaXP), stars: 500)
        #expect(score.top1 == 1)
    }

    @Test func rowsThatAreLeftOutAreNotMissed() throws {
        let (rows, queries) = (vectors(40, 8, seed: 11), vectors(3, 8, seed: 12))
        let hidden = [[0, 7, 21], [], [5]]
        let found = try atlas(tensor(rows)).nearest(to: tensor(queries), among: .gaiaXP, top: 38, excluding: hidden)
        for (query, neighbours) in found.enumerated() {
            let left = rows.indices.filter { !hidden[query].contains($0) }
            #expect(neighbours.count == min(38, left.count))
            let expected = left.map { cosine(queries[query], rows[$0]) }.sorted(by: >).prefix(38)
            #expect(zip(neighbours, expected).allSatisfy { abs($0.similarity - $1) < 1e-5 })
            #expect(Set(neighbours.map(\.row)).isDisjoint(with: hidden[query]))
        }
    }

    /// The cosine knows no lengths: neither 1e-6 nor 0 may disturb it.
    @Test func shortRowsAreComparedByDirection() throws {
        let rows = tensor([[1e-6, 0], [0, 0], [0, 2]])
        let found = try atlas(rows).nearest(to: tensor([[3e-7, 0], [0, 0]]), among: .gaiaXP, top: 3)
        #expect(found[0].first?.row == 0)
        #expect(abs((found[0].first?.similarity ?? 0) - 1) < 1e-6)
        #expect(found[1].map(\.similarity) == [0, 0, 0])
    }

    /// What an instrument keeps to itself says nothing about likeness across instruments.
    @Test func starsAreComparedByWhatTheyShare() throws {
        var sizes = AutoEncoderConfiguration()
        (sizes.hidden, sizes.bottleneck) = (8, 4)
        let branches = Instrument.builtIn.map {
            BranchDescription(
                instrument: $0, encoder: .autoEncoder(sizes), projection: ProjectionConfiguration(kind: .mlp, hidden: 8)
            )
        }
        let model = SpecCLIPModel(ModelDescription(embedding: 5, privateEmbedding: 3, branches: branches))
        let url = FileManager.default.temporaryDirectory.appending(path: "specclip-atlas-\(UUID()).h5")
        defer { try? FileManager.default.removeItem(at: url) }
        try PairMaker(.procedural, options: PairOptions(limit: 20)).write(to: url)
        let data = try PairedDataSet(opening: url)
        let atlas = try EmbeddingAtlas(model, data, split: .train)
        model.evaluate()
        let flux = Tensor(try data.spectra(.gaiaXP, split: .train, range: 0..<1).flux, shape: [1, 343])
        let embedding = try withoutGradient { try model.embed(flux, from: .gaiaXP) }
        #expect(embedding.shape == [1, 8])
        #expect(try atlas.rows(of: .gaiaXP).shape == [atlas.count, 5])
        let nearest = try atlas.nearest(to: model.shared(embedding), among: .gaiaXP, top: 1)
        #expect(abs(nearest[0][0].similarity - 1) < 1e-5)
    }

    @Test func missingInstrumentIsNamed() {
        #expect {
            try atlas(Tensor.ones([2, 3])).nearest(to: Tensor.ones([1, 3]), among: .lamostLRS, top: 1)
        } throws: {
            "\($0)".contains("lamost-lrs") && "\($0)".contains("gaia_xp")
        }
    }
}
