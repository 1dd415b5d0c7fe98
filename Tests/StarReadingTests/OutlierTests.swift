import Foundation
import Posteriors
import Statistics
import Support
import TestFiles
import Testing
import Torch
@testable import StarReading

/// p-values from normal cases, and what odd spectra are told by.
struct OutlierTests {
    /// Scores whose centre, spread and tail change with a covariate.
    private static func cases(_ count: Int, seed: UInt64) -> (scores: [Double], levels: [Double]) {
        var random = SeededGenerator(seed: seed)
        let levels = (0..<count).map { _ in 3 * random.uniform() }
        return (levels.map { 5 * $0 + (1 + $0) * -log(1 - random.uniform()) }, levels)
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func pValuesOfNormalCasesAreUniformAtEveryCovariate(seed: UInt64) {
        let (normal, others) = (Self.cases(4000, seed: seed), Self.cases(6000, seed: seed + 100))
        let reference = ConformalPValue(normal.scores, covariates: normal.levels)
        #expect(reference.count == 4000)
        for part in 0..<3 {
            let chosen = others.levels.indices.filter { Int(others.levels[$0]) == part }
            let p = chosen.map { reference(others.scores[$0], covariate: others.levels[$0]) }.sorted()
            // Kolmogorov and Smirnov: 1.95/√n is passed by one set in a thousand; the reference itself errs by as much.
            let distance =
                p.enumerated().map { abs($0.element - (Double($0.offset) + 0.5) / Double(p.count)) }.max() ?? 1
            #expect(distance < 1.95 * (1 / Double(p.count) + 3 / 4000).squareRoot(), "\(part): \(distance)")
        }
    }

    /// An exponential tail goes on where no case was.
    @Test func theTailGoesOn() {
        var random = SeededGenerator(seed: 4)
        let reference = ConformalPValue((0..<2000).map { _ in -log(1 - random.uniform()) })
        #expect(abs(reference.floor - 1 / 2001) < 1e-12)
        for score in [3.0, 6, 9, 12] {
            let (p, truth) = (reference(score), exp(-score))
            // Ten times at 12, where e⁻¹² is a hundredth of the floor, is what two thousand cases allow.
            #expect(p > truth / 2 && p < truth * (score < 7 ? 2 : 12), "\(score): \(p) beside \(truth)")
        }
        #expect(reference(40) < 1e-4 && reference(40) > 0)
        #expect(reference(.infinity) > 0 && reference(.nan).isNaN)
        // p never rises with the score.
        let all = stride(from: -1.0, through: 20, by: 0.01).map { reference($0) }
        #expect(zip(all, all.dropFirst()).allSatisfy { $0 >= $1 - 1e-12 })
    }

    @Test func fewOrBadCasesAreNoMatter() throws {
        #expect(ConformalPValue([])(1).isNaN)
        let three = ConformalPValue([1, .nan, 2, .infinity, 3])
        #expect(three.count == 3 && three(5) == 0.25 && three(0) == 1)
        let same = ConformalPValue([Double](repeating: 2, count: 500), covariates: [Double](repeating: 1, count: 500))
        #expect(same(2) == 1 && same(3) < 0.01)
        let stored = try JSONDecoder().decode(ConformalPValue.self, from: JSONEncoder().encode(three))
        #expect(stored == three)
    }

    /// The example of R's `p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.5), "BH")`.
    @Test func falseDiscoveryRatesAreThoseOfR() {
        let q = falseDiscoveryRates([0.03, .nan, 0.5, 0.01, 0.04, 0.02])
        for (own, expected) in zip(q, [0.05, .nan, 0.5, 0.05, 0.05, 0.05]) {
            #expect(own.isNaN == expected.isNaN && (own.isNaN || abs(own - expected) < 1e-12))
        }
        #expect(falseDiscoveryRates([]).isEmpty)
    }

    @Test func oneSmallValueIsEnoughForTheCombination() {
        let normal = cauchyCombination([0.4, 0.6, 0.5])
        #expect(cauchyCombination([1e-6, 0.6, 0.5]) > normal + 3)
        #expect(cauchyCombination([1e-300, 1, .nan]) > cauchyCombination([1e-12, 1, .nan]))
        #expect(cauchyCombination([.nan]).isNaN)
    }

    /// Independent p-values stay uniform, and one alone is itself.
    @Test func combinedValuesAreUniform() {
        var random = SeededGenerator(seed: 3)
        let p = (0..<20_000).map { _ in combinedPValue((0..<3).map { _ in random.uniform() }) }.sorted()
        // Sums are cut at 0.99, which moves the largest values a little.
        let distance = p.enumerated().map { abs($0.element - (Double($0.offset) + 0.5) / 20_000) }.max() ?? 1
        #expect(distance < 0.03, "\(distance)")
        for share in [0.001, 0.01, 0.1] {
            let found = Double(p.count { $0 < share }) / 20_000
            #expect(abs(found - share) < 4 * (share / 20_000).squareRoot(), "\(share): \(found)")
        }
        #expect(combinedPValue([.nan, 0.3]) == 0.3 && combinedPValue([.nan]).isNaN && combinedPValue([]).isNaN)
        #expect(combinedPValue([1e-200, 0.5]) < 1e-190 && combinedPValue([1e-300, 1]) > 0)
    }

    /// Residuals of normal stars, strong at a line that varies from star to star.
    private static func told(_ stars: Int, seed: UInt64, _ pixels: Int = 400, line: Float = 6) -> OddityEvidence {
        var random = SeededGenerator(seed: seed)
        let residuals = (0..<stars).flatMap { _ -> [Float] in
            let strength = line * Float(random.gaussian())
            return (0..<pixels).map { pixel in
                Float(random.gaussian()) + ((100..<105).contains(pixel) ? strength : 0)
            }
        }
        return OddityEvidence(
            evidence: .init(
                precision: Tensor.eye(2).unsqueezed(0).expanded([stars, 2, 2]), shift: Tensor.zeros([stars, 2]),
                constant: Tensor.zeros([stars])),
            residuals: Tensor(residuals, shape: [stars, pixels]))
    }

    /// Lines that vary among normal stars do not hide what is odd elsewhere.
    @Test func featuresCountBesideThoseOfNormalStars() throws {
        let normal = Self.told(600, seed: 1)
        let stars = NormalStars(
            .init(
                names: (0..<600).map(String.init), place: 2, components: 2, pixels: 400,
                scores: OutlierReference([:], levels: [])))
        stars.learn(featuresOf: normal)
        let spread = stars.spread(of: 5).floats()
        #expect(spread[100] > 6 && spread[250] > 0.8 && spread[250] < 1.3, "\(spread[100]), \(spread[250])")
        // Four errors in each of five pixels, away from the line.
        var random = SeededGenerator(seed: 2)
        let flux = (0..<400).map { Float(random.gaussian()) + ((300..<305).contains($0) ? -4 : 0) }
        let odd = OddityEvidence(
            evidence: normal.rows([0]).evidence, residuals: Tensor(flux, shape: [1, 400]))
        let found = odd.strongest(Oddity.narrow.widths, spreads: stars.spread)
        #expect(found.features[0].pixels.overlaps(300...304) && !found.features[0].isExcess, "\(found.features[0])")
        #expect(exp(found.scores[0]) > 5)
        // A cosmic ray of a thousand errors counts as five.
        let ray = (0..<400).map { Float($0 == 200 ? 1000 : 0.1) }
        let hit = OddityEvidence(evidence: odd.evidence, residuals: Tensor(ray, shape: [1, 400]))
        #expect(exp(hit.strongest([3], spreads: stars.spread).scores[0]) < 5)
        #expect(OddityEvidence(evidence: odd.evidence, residuals: Tensor.zeros([1, 400])).hasErrors == [false])
    }

    /// Neighbours are found by place, without a star itself, and tell where spectra lie.
    @Test func neighboursTellWhatToExpect() {
        var random = SeededGenerator(seed: 5)
        let places = (0..<300).map { _ in Float(random.gaussian()) }
        let stars = NormalStars(
            .init(
                names: places.map { "\($0)" }, place: 1, components: 1, pixels: 10,
                scores: OutlierReference([:], levels: [])))
        stars.places.value = Tensor(places, shape: [300, 1])
        stars.numbers.value = Tensor(places.map { 3 * $0 + 0.1 * Float(random.gaussian()) }, shape: [300, 1])
        let rows = stars.nearest(to: stars.places.value, 3).select(1, 0).ints()
        #expect(rows == Array(0..<300))
        let apart = stars.nearest(to: stars.places.value, 3, apart: true).select(1, 0).ints()
        #expect(zip(apart, 0..<300).allSatisfy { $0 != $1 })
        let density = stars.density(near: Tensor([0, 0.5], shape: [2, 1]))
        let mean = density.mean.floats()
        #expect(abs(mean[0]) < 0.5 && abs(mean[1] - 1.5) < 0.5, "\(mean)")
    }

    /// Of two thousand normal stars and fifty odd ones the list holds the odd, and hardly more others than it says.
    @Test func theListHoldsWhatItSays() {
        var random = SeededGenerator(seed: 9)
        func star(_ shift: Double) -> [Oddity: Double] {
            let shared = random.gaussian()
            return Oddity.allCases.reduce(into: [:]) {
                $0[$1] = 0.6 * shared + random.gaussian() + ($1 == .narrow ? shift : 0)
            }
        }
        func scores(_ stars: [[Oddity: Double]]) -> [Oddity: [Double]] {
            Oddity.allCases.reduce(into: [:]) { all, kind in all[kind] = stars.map { $0[kind] ?? .nan } }
        }
        let normal = (0..<3000).map { _ in star(0) }
        let reference = OutlierReference(scores(normal), levels: normal.map { _ in 1 })
        let stars = (0..<2000).map { _ in star(0) } + (0..<50).map { _ in star(8) }
        let p = stars.map { reference($0, level: 1).all }
        let plain = p.prefix(2000).sorted()
        let distance = plain.enumerated().map { abs($0.element - (Double($0.offset) + 0.5) / 2000) }.max() ?? 1
        #expect(distance < 1.95 * (1.0 / 2000 + 1.0 / 3000).squareRoot(), "\(distance)")
        let listed = falseDiscoveryRates(p).enumerated().filter { $0.element <= 0.1 }.map(\.offset)
        let wrong = listed.count { $0 < 2000 }
        #expect(listed.count - wrong >= 45, "\(listed.count - wrong) of 50")
        #expect(wrong <= 15, "\(wrong) others")
    }
}
