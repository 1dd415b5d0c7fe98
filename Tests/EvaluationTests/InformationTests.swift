import Foundation
import Support
import Testing
import Torch
@testable import Evaluation

/// Mutual information of numbers whose mutual information is known.
struct InformationTests {
    /// Gaussians of which the first `correlations.count` numbers of both sides are correlated, others of their own.
    private func gaussians(_ count: Int, _ correlations: [Double], alone: Int = 0, seed: UInt64) -> PairedRows {
        var random = SeededGenerator(seed: seed)
        let width = correlations.count + alone
        var (x, y): ([Double], [Double]) = ([], [])
        for _ in 0..<count {
            for place in 0..<width {
                let correlation = place < correlations.count ? correlations[place] : 0
                let first = random.gaussian()
                x.append(first)
                y.append(correlation * first + (1 - correlation * correlation).squareRoot() * random.gaussian())
            }
        }
        return PairedRows(Tensor(x, shape: [count, width]), Tensor(y, shape: [count, width]))
    }

    private func truth(_ correlations: [Double]) -> Double { -0.5 * correlations.reduce(0) { $0 + log(1 - $1 * $1) } }

    @Test(arguments: [[0.0, 0], [0.6, 0.3], [0.9, 0.9], [0.98, 0.8]])
    func nearestNeighboursFindIt(_ correlations: [Double]) {
        let rows = gaussians(2000, correlations, seed: 3)
        let found = NearestNeighbourInformation(rows.x, rows.y)
        // The scatter of log densities of 2,000 stars, and what the largest distances hide.
        #expect(
            abs(found.value - truth(correlations)) < 0.06 + 0.04 * truth(correlations),
            "\(found.value), not \(truth(correlations))")
        #expect(found.error > 0.003 && found.error < 0.08 && found.dimensions == 2)
    }

    /// ψ at 1 is −γ, at ½ −γ − 2 ln 2, at 10 as tables have it.
    @Test func digammaIsThatOfTables() {
        #expect(abs(digamma(1) + 0.577_215_664_901_533) < 1e-9)
        #expect(abs(digamma(0.5) + 0.577_215_664_901_533 + 2 * log(2.0)) < 1e-9)
        #expect(abs(digamma(10) - 2.251_752_589_066_721) < 1e-10)
    }

    @Test func boundsHoldTheTruthBetweenThem() throws {
        let correlations = [0.9, 0.7]
        let truth = truth(correlations)
        var options = InformationEvaluation.Options()
        (options.steps, options.batch, options.directions) = (400, 256, 2)
        let row = try InformationEvaluation.measure(
            "x", "y", gaussians(6000, correlations, alone: 2, seed: 1),
            gaussians(500, correlations, alone: 2, seed: 2), gaussians(1000, correlations, alone: 2, seed: 4), options)
        #expect(
            row.lower.value < truth + 3 * row.lower.error && row.lower.value > truth - 0.25, "\(row.lower), \(truth)")
        #expect(
            row.upper.value > truth - 3 * row.upper.error && row.upper.value < truth + 0.3, "\(row.upper), \(truth)")
        #expect(row.hasUpper)
        // Σ ρ² / (1 − ρ²) is what CLUB is of Gaussians; tails of Student's t make less of strangers, but never less than leave-one-out.
        let club = correlations.reduce(0) { $0 + $1 * $1 / (1 - $1 * $1) }
        #expect(row.club.value > row.upper.value && row.club.value < 1.1 * club, "\(row.club), \(club)")
        #expect(row.lower.value <= row.ceiling && abs(row.ceiling - log(1000.0)) < 1e-12)
        #expect(row.dimension == 2 && abs(row.gaussian - truth) < 0.12)
        #expect(abs(row.correlations[0] - 0.9) < 0.03 && abs(row.correlations[1] - 0.7) < 0.06)
        #expect(row.participation > 0.9 && row.participation < 6, "\(row.participation)")
    }

    @Test func strangersShareNothing() throws {
        var options = InformationEvaluation.Options()
        (options.steps, options.batch, options.directions) = (100, 128, 2)
        let none = [0.0, 0, 0]
        let row = try InformationEvaluation.measure(
            "x", "y", gaussians(2000, none, seed: 1), gaussians(400, none, seed: 2), gaussians(600, none, seed: 4),
            options)
        #expect(row.lower.value < 3 * row.lower.error + 0.01 && row.lower.value > -0.1, "\(row.lower)")
        #expect(row.dimension == 0 && row.gaussian == 0)
    }
}
