import Foundation
import StarReading
import Support
import Testing
@testable import Evaluation

/// How two tables differ, on numbers that are drawn with known offsets and scatter.
struct ComparisonTests {
    /// Differences with errors that vary from star to star, a scatter beside them and 3 % of wild ones.
    private func stars(
        _ count: Int, bias: Double = 3, excess: Double, scale: Double = 1, seed: UInt64 = 5
    ) -> (differences: [Double], errors: [Double], groups: [String]) {
        var random = SeededGenerator(seed: seed)
        let errors = (0..<count).map { _ in random.uniform(in: 0.5...3) }
        let differences = errors.enumerated().map { star, error in
            let usual = bias + scale * error * random.gaussian() + excess * random.gaussian()
            return star.isMultiple(of: 33) ? usual + 60 : usual
        }
        return (differences, errors, differences.indices.map { "\($0 / 2)" })
    }

    @Test func whatErrorsDoNotExplainIsFoundAgain() throws {
        let (differences, errors, groups) = stars(4000, excess: 2)
        let offset = Offset(differences, errors: errors, groups: groups, resamples: 50)
        let excess = try #require(offset.excess)
        #expect(abs(excess.sigma - 2) < 0.2 && excess.sigmaError < 0.15, "\(excess)")
        #expect(!excess.isConsistentWithZero)
        // The median of 97 % Gaussians at 3 and 3 % far above: 3 + 0.0387 σ.
        #expect(abs((offset.residuals.bias ?? 0) - 3.1) < 0.15)
        #expect(abs((offset.outliers ?? 0) - 0.03) < 0.01)
    }

    @Test func honestErrorsLeaveNothingAndLargeOnesAreSeen() throws {
        let honest = stars(3000, excess: 0)
        let none = try #require(ExcessScatter(honest.differences, errors: honest.errors, groups: honest.groups))
        #expect(none.isConsistentWithZero && none.sigma < 0.5 && abs(none.pull - 1) < 0.05, "\(none)")
        let modest = stars(3000, excess: 0, scale: 0.5)
        let half = try #require(ExcessScatter(modest.differences, errors: modest.errors, groups: modest.groups))
        #expect(half.sigma == 0 && abs(half.pull - 0.5) < 0.03)
    }

    @Test func starsOfAGroupAreNoIndependentEvidence() throws {
        var random = SeededGenerator(seed: 9)
        let plates = (0..<40).map { _ in random.gaussian() }
        let values = (0..<2000).map { plates[$0 % 40] + 0.1 * random.gaussian() }
        let alone = ResidualStatistics(values)
        let grouped = ResidualStatistics(values, groups: values.indices.map { "\($0 % 40)" })
        #expect(alone.bias == grouped.bias && alone.sigma == grouped.sigma)
        // The median of forty Gaussians is known to 1.25 / √40 = 0.2.
        #expect((alone.biasError ?? 1) < 0.06 && abs((grouped.biasError ?? 0) - 0.2) < 0.1, "\(grouped)")
    }

    @Test func binsHoldEquallyManyAndFollowATrend() throws {
        var random = SeededGenerator(seed: 4)
        let place = (0..<1000).map { _ in random.uniform(in: 4000...7000) }
        let differences = place.map { ($0 - 5500) / 10 + random.gaussian() }
        let found = LabelComparison(
            StellarLabel(named: "teff"), differences: differences, errors: place.map { _ in .nan },
            groups: place.map { "\($0)" }, circumstances: [.init(name: "teff", unit: "K", values: place)], bins: 4,
            resamples: 20)
        let bins = try #require(found.quantities.first?.bins)
        #expect(bins.map(\.offset.residuals.stars) == [250, 250, 250, 250] && found.all.excess == nil)
        for bin in bins { #expect(abs((bin.offset.residuals.bias ?? 0) - (bin.centre - 5500) / 10) < 3) }
    }
}
