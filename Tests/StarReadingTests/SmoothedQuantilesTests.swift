import Foundation
import Statistics
import Support
import Testing

@testable import StarReading

@Suite struct SmoothedQuantilesTests {
    private let levels = [0.1587, 0.5, 0.8413]

    private func quantiles(_ draws: [Double]) -> [Double] {
        SmoothedQuantiles(levels, scores: DrawScores.scores(of: draws.count))(draws.sorted().map { Float($0) })
    }

    @Test(arguments: [100, 250, 2000]) func aGaussiansAreExact(count: Int) {
        let found = quantiles((1...count).map { 5800 + 70 * normalScore(Double($0) / Double(count + 1)) })
        for (level, value) in zip(levels, found) { #expect(abs(value - 5800 - 70 * normalScore(level)) < 2e-3) }
    }

    /// A lognormal of skewness 1.7: the bend that is smoothed over is worth a hundredth of an error.
    @Test func aSkewedOnesAreNear() {
        func value(_ level: Double) -> Double { exp(0.5 * normalScore(level)) }
        let found = quantiles((1...500).map { value(Double($0) / 501) })
        let error = (value(0.8413) - value(0.1587)) / 2
        for (level, found) in zip(levels, found) { #expect(abs(found - value(level)) < 0.01 * error) }
    }

    /// Of random draws they vary less than the pair of draws next to the level.
    @Test func theyVaryLess() {
        var random = SeededGenerator(seed: 12)
        var (smooth, pair) = (0.0, 0.0)
        for _ in 0..<400 {
            let draws = (0..<300).map { _ in random.gaussian() }.sorted()
            let found = quantiles(draws)
            for (level, found) in zip(levels, found) {
                smooth += pow(found - normalScore(level), 2)
                pair += pow(quantile(level, ofSorted: draws.map { Float($0) }) - normalScore(level), 2)
            }
        }
        #expect(smooth < 0.93 * pair)
    }

    /// Two peaks far from each other: what is told lies where draws are, or between, and in order.
    @Test(arguments: [0.1, 0.1587, 0.3, 0.5, 0.62, 0.8413]) func leapsAreNotOvershot(share: Double) {
        let draws = (0..<400).map { number -> Double in
            let place = Double(number) / 400
            return (place < share ? 0 : 100) + 0.01 * place
        }
        let found = quantiles(draws)
        #expect(found.allSatisfy { $0 >= 0 && $0 <= 100.01 })
        #expect(found[0] <= found[1] && found[1] <= found[2])
    }

    @Test func fewDrawsHaveQuantiles() {
        #expect(quantiles([3]) == [3, 3, 3])
        #expect(quantiles([1, 2]).allSatisfy { (1...2).contains($0) })
        #expect(quantiles([4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]) == [4, 4, 4])
    }
}
