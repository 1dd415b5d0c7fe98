import Datasets
import Foundation
import Instruments
import Simulation
import SpecCLIP
import Spectra
import StarReading
import Statistics
import Testing
import Torch
@testable import Evaluation

/// How well the same star is found again: by combinatorics and by hand.
@Suite struct PairedEmbeddingsTests {
    private func vectors(_ rows: Int, _ width: Int, seed: UInt64) -> Tensor {
        Generator.seed(seed)
        return Tensor.randn([rows, width])
    }

    private func score(_ queries: Tensor, among rows: Tensor) throws -> RetrievalScore {
        RetrievalScore(ranks: try ranks(queries, among: rows), stars: rows.size(0))
    }

    private func ranks(_ queries: Tensor, among rows: Tensor) throws -> [Double] {
        try PairedEmbeddings(["lamost_lrs": queries, "gaia_xp": rows]).ranksOfPartners(of: .lamostLRS, among: .gaiaXP)
    }

    @Test func partnersOfThemselvesComeFirst() throws {
        let rows = vectors(300, 16, seed: 3)
        let score = try score(rows, among: rows * 3)
        #expect(score.top1 == 1 && score.medianRank == 1)
    }

    /// Unrelated embeddings must score what guessing scores: the oracle is combinatorics, not this code.
    @Test func unrelatedEmbeddingsScoreLikeChance() throws {
        let score = try score(vectors(400, 16, seed: 6), among: vectors(400, 16, seed: 5))
        let chance = RetrievalScore.chance(stars: 400)
        #expect(abs(score.top10 - chance.top10) < 0.03)
        #expect(abs(score.medianRank - chance.medianRank) < 50)
    }

    /// Of one number only the sign is left to compare: half of all stars are as similar, and come first half of the time.
    @Test func equallySimilarStarsShareTheirPlaces() throws {
        let signs = Tensor((0..<200).map { $0 % 2 == 0 ? Float(1) : -1 }, shape: [200, 1])
        #expect(try ranks(signs * 2, among: signs).allSatisfy { $0 == 49.5 })
        #expect(try score(signs * 2, among: signs).top10 == 0)
        // Two numbers are an angle: neighbours that differ by less than float32 can tell in their cosine keep their order.
        let angles = Tensor(
            (0..<500).flatMap { step -> [Float] in
                let angle = Float(step) * 1e-4
                return [cos(angle), sin(angle)]
            }, shape: [500, 2])
        #expect(try score(angles, among: angles).top1 == 1)
    }

    /// Stars that one instrument has not seen are no partners, and none of the others.
    @Test func starsThatAreMissingAreLeftOut() throws {
        let rows = vectors(50, 8, seed: 7)
        let seen = (0..<50).map { $0 % 3 != 0 }
        let all = PairedEmbeddings(["lamost_lrs": rows, "gaia_xp": rows], presence: ["gaia_xp": seen])
        let pairs = all.stars(seenBy: [.lamostLRS, .gaiaXP])
        #expect(pairs.count == 33 && all.stars(seenBy: [.lamostLRS]).count == 50)
        #expect(try pairs.ranksOfPartners(of: .lamostLRS, among: .gaiaXP).allSatisfy { $0 == 0 })
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
        let url = FileManager.default.temporaryDirectory.appending(path: "specclip-pairs-\(UUID()).h5")
        defer { try? FileManager.default.removeItem(at: url) }
        try PairMaker(.procedural, options: PairOptions(limit: 20)).write(to: url)
        let data = try PairedDataSet(opening: url)
        let shared = try model.sharedEmbeddings(data, split: .train)
        #expect(shared.values.allSatisfy { $0.shape == [data.count(.train), 5] })
        let ranks = try PairedEmbeddings(model, data, split: .train).ranksOfPartners(of: .gaiaXP, among: .lamostLRS)
        let expected = partnerRanks(
            unitDirections(try #require(shared["gaia_xp"])), among: unitDirections(try #require(shared["lamost_lrs"])))
        #expect(ranks.count == data.count(.train) && zip(ranks, expected).allSatisfy { abs($0 - $1) <= 1 })
    }

    @Test func missingInstrumentIsNamed() {
        #expect {
            try PairedEmbeddings(["gaia_xp": Tensor.ones([2, 3])]).ranksOfPartners(of: .gaiaXP, among: .lamostLRS)
        } throws: {
            "\($0)".contains("lamost-lrs") && "\($0)".contains("gaia_xp")
        }
    }
}
