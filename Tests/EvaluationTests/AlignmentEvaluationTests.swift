import Datasets
import Foundation
import Instruments
import Simulation
import SpecCLIP
import Spectra
import StarReading
import Testing
import Torch
@testable import Evaluation

/// How well aligned instruments agree: properties that the measures have whatever the model.
@Suite struct AlignmentEvaluationTests {
    private func space(_ rows: Int, _ width: Int, seed: UInt64) -> Tensor {
        Generator.seed(seed)
        return Tensor.randn([rows, width], dtype: .float64)
    }

    private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    /// Rows at known distances on a line: neighbours by hand.
    @Test func neighboursAreTheNearest() {
        let line = Tensor([0, 1, 3, 7, 8] as [Float], shape: [5, 1])
        #expect(MutualNeighbours.nearest(line, count: 2) == [[1, 2], [0, 2], [1, 0], [4, 2], [3, 2]])
        let other = Tensor([0, 7, 1, 3, 8] as [Float], shape: [5, 1])
        // [[2, 3], [4, 3], [0, 3], [2, 0], [1, 3]]
        #expect(MutualNeighbours.overlaps(line, other, neighbours: 2) == [0.5, 0, 0.5, 0.5, 0.5])
        // More neighbours than there are stars: all others.
        #expect(MutualNeighbours.overlaps(line, other, neighbours: 9) == [1, 1, 1, 1, 1])
        #expect(MutualNeighbours.nearest(line.narrow(0, start: 0, length: 1), count: 3) == [[]])
        // Copies of a star are its neighbours, itself never is.
        let copies = MutualNeighbours.nearest(Tensor.ones([4, 2]), count: 2)
        #expect(copies.enumerated().allSatisfy { $1.count == 2 && !$1.contains($0) })
    }

    @Test func overlapKnowsOneSpaceFromTwo() {
        let (a, b, k) = (space(1500, 6, seed: 1), space(1500, 6, seed: 2), 10)
        func overlap(_ a: Tensor, _ b: Tensor) -> Double { mean(MutualNeighbours.overlaps(a, b, neighbours: k)) }
        #expect(overlap(a, a) == 1)
        // Rotated (the eigenvectors of a symmetric matrix), and scaled.
        let half = space(6, 6, seed: 3)
        let rotation = (half + half.transposed()).symmetricEigen().vectors
        #expect(overlap(a, a.matmul(rotation) * 3.5) == 1)
        #expect(overlap(a, b) == overlap(b, a))
        // 15,000 neighbours, of which one in 150 is common by chance: 0.00667 ± 0.00066.
        #expect(abs(MutualNeighbours.chance(stars: 1500, neighbours: k) - 10.0 / 1499) < 1e-12)
        #expect(abs(overlap(a, b) - 10.0 / 1499) < 0.003)
        let near = overlap(a, a + b * 0.1)
        #expect(near > 0.3 && near < 1 && near > overlap(a, a + b * 0.5))
    }

    @Test func partnersAreCountedByDistance() {
        let rows = Tensor([0, 0, 10, 10, 5, 5] as [Float], shape: [3, 2])
        let queries = Tensor([1, 0, 6, 6, 5, 4] as [Float], shape: [3, 2])
        #expect(partnerRanks(queries, among: rows) == [0, 1, 0])
        let match = Match(queries, rows, 1)
        // Back: 0 finds 0; (10, 10) finds (6, 6), its own; (5, 5) is as near to (6, 6) as… (5, 4) is nearer.
        #expect(match.top1 == [1, 0.5, 1] && match.top10 == [1, 1, 1])
        let both = Match(mean: [match, Match(rows, rows, 1)])
        #expect(both.top1 == [1, 0.75, 1])
    }

    @Test func errorsAreThoseOfResampledStars() {
        let score = AlignmentReport.Score((0..<400).map { $0 % 4 == 0 ? 1 : 0 }, resamples: 400)
        // √(0.25 · 0.75 / 400)
        #expect(score.value == 0.25 && abs(score.error - 0.02165) < 0.003)
        #expect(AlignmentReport.Score([1, 1, 1]).error == 0 && AlignmentReport.Score([]).value == 0)
    }

    /// Every pair is judged on the stars that both have seen, and told how many training stars both had.
    @Test func reportTellsOfEveryPair() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "specclip-report-\(UUID()).h5")
        defer { try? FileManager.default.removeItem(at: url) }
        try PairMaker(.procedural, options: PairOptions(limit: 150)).write(to: url)
        let data = try PairedDataSet(opening: url)
        var sizes = AutoEncoderConfiguration()
        (sizes.hidden, sizes.bottleneck) = (8, 4)
        let branches = Instrument.builtIn.map {
            BranchDescription(
                instrument: $0, encoder: .autoEncoder(sizes), projection: ProjectionConfiguration(kind: .mlp, hidden: 8)
            )
        }
        Generator.seed(1)
        let model = SpecCLIPModel(ModelDescription(embedding: 5, branches: branches))
        model.evaluate()
        let report = try AlignmentEvaluation([("model", model), ("other", model)], data, neighbours: 3).run()
        let pair = try #require(report.pairs.first)
        #expect(report.pairs.count == 1 && report.tier == "procedural" && report.neighbours == 3)
        #expect(pair.first == "lamost-lrs" && pair.second == "gaia-xp")
        #expect(pair.stars == data.count(.test) && pair.together == data.count(.train))
        #expect(pair.methods.map(\.name) == ["model", "other", "labels", "one side known"])
        #expect(abs(pair.chance.mutual - 3 / Double(pair.stars - 1)) < 1e-12)
        for method in pair.methods {
            #expect(method.top1.value <= method.top10.value && (0...1).contains(method.mutual.value))
            #expect((method.gain == nil) == (method.name == "labels"))
        }
        #expect(pair.methods[0].top10 == pair.methods[1].top10)
        // The search of the atlas says the same.
        let atlas = try PairEvaluation(model, data).retrieval().filter { $0.name.hasSuffix("top-10") }.map(\.model)
        #expect(abs(pair.methods[0].top10.value - (atlas[0] + atlas[1]) / 2) < 1e-9)
        #expect { try AlignmentEvaluation([("model", model)], data, neighbours: 100).run() } throws: {
            "\($0)".contains("fewer neighbours")
        }
    }
}
