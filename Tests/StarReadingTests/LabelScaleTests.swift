import Foundation
import Statistics
import Support
import Testing
@testable import StarReading

/// Corrections that lead from one table's labels to another's.
struct LabelScaleTests {
    private static let labels = ["teff", "logg", "fe_h"].map { StellarLabel(named: $0) }

    /// Stars of 60 groups whose Teff is off by a function of Teff and [Fe/H], log g by a constant, [Fe/H] by nothing.
    private func stars(_ count: Int = 900, noise: Double = 1, seed: UInt64 = 8) -> ScaleFit.Stars {
        var random = SeededGenerator(seed: seed)
        let teff = (0..<count).map { _ in random.uniform(in: 4500...6500) }
        let logg = (0..<count).map { _ in random.uniform(in: 2...4.6) }
        let metals = (0..<count).map { _ in random.uniform(in: -1...0.3) }
        func off(_ spread: Double, _ value: (Int) -> Double) -> [Double] {
            (0..<count).map { star in
                let wild = star.isMultiple(of: 40) ? 20 * spread : 0
                return value(star) + noise * spread * random.gaussian() + wild
            }
        }
        return ScaleFit.Stars(
            differences: [
                (Self.labels[0], off(60) { Self.truth(teff[$0], metals[$0]) }, 30),
                (Self.labels[1], off(0.1) { _ in 0.15 }, nil), (Self.labels[2], off(0.05) { _ in 0 }, 0),
            ], inputs: zip(Self.labels, [teff, logg, metals]).map { ($0, $1) },
            groups: (0..<count).map { "\($0 % 60)" })
    }

    private static func truth(_ teff: Double, _ metals: Double) -> Double {
        let x = (teff - 5500) / 1000
        return 80 + 100 * x + 60 * x * x - 50 * metals
    }

    private func fit(_ stars: ScaleFit.Stars) throws -> ScaleFit {
        try ScaleFit(stars, name: "LASP", instrument: "optical", first: "a.csv", second: "b.csv")
    }

    @Test func theSimplestFormThatIsAsGoodIsFoundAndOffsetsVanish() throws {
        let found = try fit(stars())
        #expect(found.scale.corrections.map(\.form)[0] == .quadratic, "\(found.scale.corrections.map(\.form))")
        #expect(found.scale.corrections[1].form == .constant)
        // The wild ones, which all lie to one side, are an offset of 0.03 σ.
        #expect([.none, .constant].contains(found.scale.corrections[2].form))
        #expect(found.scale.isConsistent && found.scale.groups == 60)
        for (values, spread) in zip(found.heldOut, [60, 0.1, 0.05]) {
            // A median of 900 Gaussians is known to 1.25 σ / 30; wild ones shift it by 0.03 σ.
            #expect(abs(median(values)) < 0.15 * spread, "\(median(values))")
            #expect(robustSigma(values) < 1.2 * spread)
        }
        for (teff, metals) in [(4800.0, -0.7), (5500, 0), (6200, -0.3)] {
            let (shifts, isBeyond) = found.scale.shifts(of: [teff, 3.5, metals])
            #expect(!isBeyond)
            #expect(abs(shifts[0].shift - Self.truth(teff, metals)) < 25, "\(shifts[0].shift)")
            // The scatter that no error explains is part of the uncertainty.
            #expect(shifts[0].error > 30 && shifts[0].error < 45 && shifts[1].error < 0.02)
            #expect(abs(shifts[2].shift) < 0.01 && shifts[2].error > 0 && shifts[2].error < 0.01)
        }
    }

    @Test func beyondTheStarsTheEdgeValueIsKept() throws {
        let scale = try fit(stars()).scale
        let edge = scale.shifts(of: [6500, 3.5, 0]).shifts[0].shift
        for teff in [9000.0, 20_000, 50_000] {
            let (shifts, isBeyond) = scale.shifts(of: [teff, 3.5, 0])
            #expect(isBeyond && abs(shifts[0].shift - edge) < 5, "\(shifts[0].shift), not \(edge)")
        }
        #expect(scale.shifts(of: [.nan, 3.5, 0]).isBeyond)
        #expect(scale.shifts(of: [.nan, 3.5, 0]).shifts[0].shift.isNaN)
    }

    @Test func valuesIntervalsAndErrorsMoveTogether() throws {
        let scale = try fit(stars()).scale
        var star = StarLabels()
        star.estimates = zip(Self.labels, [(5500.0, 40.0), (3.5, 0.1), (0, 0.05)]).map {
            LabelEstimate(label: $0, value: $1.0, error: $1.1, interval: $1.0 - $1.1...$1.0 + 2 * $1.1)
        }
        let shift = scale.shifts(of: [5500, 3.5, 0]).shifts[0]
        var moved = star
        scale.apply(to: &moved)
        let own = moved.estimates[0]
        #expect(own.value == 5500 + shift.shift)
        #expect(abs((own.error ?? 0) - (40 * 40 + shift.error * shift.error).squareRoot()) < 1e-9)
        let interval = try #require(own.interval)
        #expect(interval.lowerBound < own.value - 40 && interval.upperBound > own.value + 80)
        #expect(moved.adaptedFlags["LASP"] == [])
        star.estimates[0] = LabelEstimate(label: Self.labels[0], value: 30_000, error: nil)
        scale.apply(to: &star)
        #expect(star.adaptedFlags["LASP"] == .extrapolated && star.estimates[0].error == nil)
    }

    @Test func itComesBackFromAFileAsItWent() throws {
        let scale = try fit(stars()).scale
        let text = try JSONText.encode([scale], pretty: false)
        let back = try JSONDecoder().decode([LabelScale].self, from: Data(text.utf8))
        let place = [5100.0, 4, -0.4]
        #expect(back[0].shifts(of: place).shifts.map(\.shift) == scale.shifts(of: place).shifts.map(\.shift))
        #expect(back[0].isConsistent)
    }

    @Test func tooFewStarsOrGroupsAreRefused() throws {
        #expect(throws: Diagnostic.self) { try fit(stars(25)) }
        var few = stars(100)
        few.groups = few.groups.indices.map { "\($0 % 2)" }
        let error = #expect(throws: Diagnostic.self) { try fit(few) }
        #expect(error?.description.contains("100 stars in 2 groups") == true)
    }

    @Test func monomialsAreAllThereOnce() {
        #expect(LabelScale.terms([2, 3], degree: 2) == [1, 2, 3, 4, 6, 9])
        #expect(LabelScale.terms([2, 3, 5], degree: 3).count == 20)
    }
}
