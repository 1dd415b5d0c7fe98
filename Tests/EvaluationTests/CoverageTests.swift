import Foundation
import StarReading
import Support
import Testing
@testable import Evaluation
@testable import Statistics

/// Posteriors of known faults, whose coverage is known in closed form: truth = centre + gaussian, draws about
/// centre + bias with a width.
private func gaussianPosteriors(
    stars: Int = 3000, draws: Int = 200, width: Double = 1, bias: Double = 0, seed: UInt64 = 1
) -> (samples: PosteriorSamples, truth: [[Double]]) {
    var random = SeededGenerator(seed: seed)
    var (values, truth): ([Float], [Double]) = ([], [])
    for _ in 0..<stars {
        let centre = 10 * random.gaussian()
        truth.append(centre + random.gaussian())
        for _ in 0..<draws { values.append(Float(centre + bias + width * random.gaussian())) }
    }
    return (PosteriorSamples(values, draws: draws, labels: [StellarLabel(named: "logg")]), [truth])
}

/// The generator of tarp_numbers below, in Swift and in Python: 64-bit LCG (Knuth's MMIX), and the sum of twelve uniforms
/// for a near-Gaussian that any language makes alike.
private struct SharedRandom {
    var state: UInt64 = 20_240_229
    mutating func uniform() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) * 0x1p-53
    }
    mutating func gaussian() -> Double { (0..<12).reduce(0.0) { sum, _ in sum + uniform() } - 6 }
}

@Suite struct CoverageTests {
    /// The coverage of a central interval of level L is Φ(wz − b) − Φ(−wz − b), z = Φ⁻¹((1 + L) / 2).
    @Test(arguments: [(1.0, 0.0), (0.5, 0), (2, 0), (1, 1), (0.8, -0.5)])
    func coverageIsThatOfTheClosedForm(width: Double, bias: Double) throws {
        let (samples, truth) = gaussianPosteriors(width: width, bias: bias)
        let check = PosteriorCheck(samples, label: 0, truth: truth[0])
        let curve = check.credibility.coverage()
        for (level, observed) in zip(curve.expected, curve.observed) {
            let z = normalScore((1 + level) / 2)
            let expected = normalShare(width * z + bias) - normalShare(-width * z + bias)
            #expect(abs(observed - expected) < 4 * 0.5 / 3000.0.squareRoot(), "level \(level)")
        }
        let uniform = check.uniformity()
        let isHonest = width == 1 && bias == 0
        #expect((uniform.distanceProbability > 0.01) == isHonest)
        #expect((uniform.chiSquareProbability > 0.01) == isHonest)
        #expect(abs(curve.meanDeviation) < 0.01 || !isHonest)
        if bias == 0, !isHonest { #expect((curve.meanDeviation < 0) == (width < 1)) }
        let statistics = ResidualStatistics(check.residuals)
        let (foundBias, biasError) = (try #require(statistics.bias), try #require(statistics.biasError))
        let (sigma, sigmaError) = (try #require(statistics.sigma), try #require(statistics.sigmaError))
        #expect(abs(foundBias - bias) < 5 * biasError)
        // The median of S draws adds its own scatter, π w² / 2 S, to the truth's.
        #expect(abs(sigma - (1 + 1.57 * width * width / 200).squareRoot()) < 5 * sigmaError)
        #expect(abs(sigmaError - 1 / 6000.0.squareRoot()) < 0.005)
    }

    @Test func ranksCountTheDrawsBelow() {
        let labels = [StellarLabel(named: "teff")]
        let samples = PosteriorSamples([1, 2, 3, 4, 4, 4, .nan, 1, 1, 5, 6, 7], draws: 3, labels: labels)
        let check = PosteriorCheck(samples, label: 0, truth: [2.5, 4, 1, .nan])
        #expect(check.ranks[0] == 2 && check.ranks[2] == nil && check.ranks[3] == nil)
        #expect(check.stars == 2 && check.pit[0] >= 0.5 && check.pit[0] < 0.75)
        #expect(check.median[0] == 2 && check.median[3] == 6 && check.residuals[3].isNaN)
        // Draws that equal the truth: every rank from none to all of them below is as likely.
        let tied = PosteriorSamples([Float](repeating: 4, count: 3 * 4000), draws: 3, labels: labels)
        let ranks = PosteriorCheck(tied, label: 0, truth: [Double](repeating: 4, count: 4000)).ranks.compactMap { $0 }
        for rank in 0...3 { #expect(abs(ranks.count { $0 == rank } - 1000) < 120) }
    }

    @Test func probabilitiesOfTests() {
        // Tables: χ²(19) = 30.144 at 5 %, χ²(1) = 6.635 at 1 %, χ²(100) = 77.929 at 95 %.
        #expect(abs(TailProbability.chiSquare(30.1435, degrees: 19) - 0.05) < 1e-5)
        #expect(abs(TailProbability.chiSquare(6.6349, degrees: 1) - 0.01) < 1e-5)
        #expect(abs(TailProbability.chiSquare(77.9295, degrees: 100) - 0.95) < 1e-5)
        // Kolmogorov's law: 1.3581 at 5 % for many numbers; exact 0.2417 at 5 % for n = 30 (Miller's table).
        #expect(abs(TailProbability.kolmogorovSmirnov(distance: 1.3581 / 1e4, count: 100_000_000) - 0.05) < 1e-4)
        #expect(abs(TailProbability.kolmogorovSmirnov(distance: 0.2417, count: 30) - 0.05) < 1e-3)
    }

    /// p values of honest posteriors are themselves uniform.
    @Test func falseAlarmsAreAsRareAsPromised() {
        var random = SeededGenerator(seed: 4)
        let tests = (0..<1000).map { _ in UniformityTest((0..<200).map { _ in random.uniform() }) }
        #expect(abs(tests.count { $0.distanceProbability < 0.1 } - 100) < 32)
        #expect(abs(tests.count { $0.chiSquareProbability < 0.1 } - 100) < 32)
    }

    @Test func binomialBandsHoldTheirShare() {
        let band = BinomialBand(trials: 10, probability: 0.5, share: 0.9)
        #expect(band.counts == 2...8)
        #expect(BinomialBand(trials: 50, probability: 0, share: 0.9).counts == 0...0)
        let wide = BinomialBand(trials: 100_000, probability: 0.3, share: 0.95)
        #expect(abs(wide.shares.upperBound - 0.3 - 1.96 * (0.21 / 100_000).squareRoot()) < 2e-5)
    }

    /// Two labels with correlation: marginals that are honest, a joint posterior that is not.
    @Test func wrongCorrelationsAreSeenByTheJointTests() {
        var random = SeededGenerator(seed: 9)
        let (stars, draws, rho) = (2000, 150, 0.9)
        func pair() -> (Double, Double) {
            let (a, b) = (random.gaussian(), random.gaussian())
            return (a, rho * a + (1 - rho * rho).squareRoot() * b)
        }
        func density(_ a: Double, _ b: Double, _ r: Double) -> Double {
            -(a * a + b * b - 2 * r * a * b) / (2 * (1 - r * r))
        }
        let labels = ["teff", "logg"].map(StellarLabel.init(named:))
        var truth: [[Double]] = [[], []]
        var (right, wrong): ([Float], [Float]) = ([], [])
        var (rightDensities, wrongDensities): ([[Double]], [[Double]]) = ([], [])
        for _ in 0..<stars {
            let (x, y) = pair()
            truth[0].append(5000 + 100 * x)
            truth[1].append(4 + 0.1 * y)
            let own = (0..<draws).map { _ in pair() }
            let others = (0..<draws).map { _ in (random.gaussian(), random.gaussian()) }
            right += own.flatMap { [Float(5000 + 100 * $0.0), Float(4 + 0.1 * $0.1)] }
            wrong += others.flatMap { [Float(5000 + 100 * $0.0), Float(4 + 0.1 * $0.1)] }
            rightDensities.append(own.map { density($0.0, $0.1, rho) })
            wrongDensities.append(others.map { density($0.0, $0.1, 0) })
        }
        let zs = zip(truth[0], truth[1]).map { (($0 - 5000) / 100, ($1 - 4) / 0.1) }
        let honest = PosteriorSamples(right, draws: draws, labels: labels)
        let uncorrelated = PosteriorSamples(wrong, draws: draws, labels: labels)
        let byDensity = Credibility.highestDensity(draws: rightDensities, truth: zs.map { density($0.0, $0.1, rho) })
        #expect(byDensity.uniformity().distanceProbability > 0.01)
        let byWrongDensity = Credibility.highestDensity(draws: wrongDensities, truth: zs.map { density($0.0, $0.1, 0) })
        #expect(byWrongDensity.uniformity().distanceProbability < 1e-6)
        #expect(Credibility.randomPoints(honest, truth: truth).uniformity().distanceProbability > 0.01)
        let found = Credibility.randomPoints(uncorrelated, truth: truth)
        #expect(found.uniformity().distanceProbability < 1e-3)
        #expect(PosteriorCheck(uncorrelated, label: 1, truth: truth[1]).uniformity().distanceProbability > 0.01)
        // The bootstrap band is about as wide as the binomial law has it, and holds the curve.
        let (curve, band) = (found.coverage(), found.bootstrapBand())
        for (index, range) in band.enumerated() {
            #expect(range.contains(curve.observed[index]))
            #expect(range.upperBound - range.lowerBound < 5 * max(curve.errors[index], 0.003))
        }
    }

    /// The package tarp 0.1.1 (PyPI) on the same arrays, in units of the truths' standard deviation:
    /// `get_tarp_coverage(samples / sd, truth / sd, references=references / sd, norm=False, num_alpha_bins=12)`.
    @Test func randomPointsAgreeWithThePublishedCode() {
        let published = [
            0, 0.125, 0.2, 0.258333, 0.316667, 0.433333, 0.491667, 0.508333, 0.55, 0.641667, 0.725, 0.791667, 1,
        ]
        var random = SharedRandom()
        let (stars, draws) = (120, 60)
        let (scale, offset) = ([800, 0.5, 0.3], [5500, 3.5, -0.4])
        var (truth, points): ([[Double]], [[Double]]) = ([[], [], []], [[], [], []])
        var values: [Float] = []
        for _ in 0..<stars {
            let centre = (0..<3).map { _ in random.gaussian() }
            for l in 0..<3 { truth[l].append(offset[l] + scale[l] * (centre[l] + 0.3 * random.gaussian())) }
            for _ in 0..<draws {
                for l in 0..<3 { values.append(Float(offset[l] + scale[l] * (centre[l] + 0.2 * random.gaussian()))) }
            }
            for l in 0..<3 { points[l].append(offset[l] + scale[l] * (4 * random.uniform() - 2)) }
        }
        let samples = PosteriorSamples(values, draws: draws, labels: ["teff", "logg", "fe_h"].map(StellarLabel.init))
        let nearer = Credibility.nearerDraws(samples, truth: truth, references: points, seed: 1).compactMap { $0 }
        #expect(nearer.count == stars)
        for (index, expected) in published.enumerated() {
            // Their bins include the lower edge and leave out the upper one, but for the last.
            let found = nearer.count { index == 12 || 12 * $0 < index * draws }
            #expect(abs(Double(found) / Double(stars) - expected) < 1e-5, "level \(index) / 12")
        }
    }

    /// Reports are JSON, which knows no NaN.
    @Test func whatHasNoStarsCanStillBeReported() throws {
        let samples = PosteriorSamples([1, 2, 3], draws: 3, labels: [StellarLabel(named: "fe_h")])
        let check = PosteriorCheck(samples, label: 0, truth: [.nan])
        let bins = CalibrationBins(check, by: [1], named: "S/N")
        let reported = try JSONEncoder().encode(bins)
        let curve = try JSONEncoder().encode(check.credibility.coverage())
        let test = try JSONEncoder().encode(check.uniformity())
        let statistics = try JSONEncoder().encode(ResidualStatistics([1, .nan]))
        #expect(bins.bins.isEmpty && [reported, curve, test, statistics].allSatisfy { !$0.isEmpty })
    }

    @Test func binsTellFaintFromBright() throws {
        var random = SeededGenerator(seed: 12)
        var (values, truth, snr): ([Float], [Double], [Double]) = ([], [], [])
        for _ in 0..<3000 {
            let quality = random.uniform(in: 10...100)
            snr.append(quality)
            truth.append(random.gaussian())
            // Half as wide as they should be below 40, right above; bias there of 0.5.
            for _ in 0..<100 { values.append(Float(quality < 40 ? 0.5 * random.gaussian() : 0.5 + random.gaussian())) }
        }
        truth[7] = .nan
        snr[8] = .nan
        let samples = PosteriorSamples(values, draws: 100, labels: [StellarLabel(named: "fe_h")])
        let check = PosteriorCheck(samples, label: 0, truth: truth)
        let given = CalibrationBins(check, by: snr, named: "S/N", edges: .given([10, 40, 100]))
        #expect(given.bins.map(\.stars).reduce(0, +) == 2998)
        #expect(abs(given.bins[0].coverage68 - 0.383) < 0.06 && abs(given.bins[0].coverage95 - 0.673) < 0.06)
        let biases = try given.bins.map { try #require($0.residuals.bias) }
        #expect(abs(biases[0]) < 0.15 && abs(biases[1] - 0.5) < 0.15)
        #expect(given.bins[1].coverage68Error < 0.012 && given.bins[1].residuals.biasError ?? 0 > 0)
        let equal = CalibrationBins(check, by: snr, named: "S/N", edges: .quantiles(4))
        #expect(equal.bins.map(\.stars).allSatisfy { abs($0 - 750) < 2 })
        #expect(zip(equal.bins, equal.bins.dropFirst()).allSatisfy { $0.centre < $1.centre })
    }
}

struct MedianTests {
    @Test func valuesStandWhereSortingPutsThem() {
        var random = SeededGenerator(seed: 3)
        for count in 1...60 {
            // Ties, too.
            let values = (0..<count).map { _ in (10 * random.uniform()).rounded() }
            let sorted = values.sorted()
            for place in sorted.indices { #expect(ordered(values, at: place) == sorted[place]) }
            #expect(median(values) == (sorted[(count - 1) / 2] + sorted[count / 2]) / 2)
            #expect(median(sorted) == median(values) && median(sorted.reversed()) == median(values))
        }
        #expect(median([]).isNaN && ordered([.nan, 1, .nan, 2], at: 3) != 0)
    }

    /// Many values are counted first: with ties, far out ones, in one place, endless ones.
    @Test func manyValuesStandWhereSortingPutsThem() {
        var random = SeededGenerator(seed: 4)
        let gaussian = (0..<5000).map { _ in random.gaussian() }
        let steep: [Double] = gaussian.map { (x: Double) -> Double in exp(20 * x) }
        let coarse: [Double] = gaussian.map { (x: Double) -> Double in (3 * x).rounded() }
        let halves: [Double] = gaussian.map { (x: Double) -> Double in x > 0 ? 1 : 0 }
        let same = [Double](repeating: -1, count: 601)
        let nearlySame: [Double] = same + Array(gaussian.prefix(3))
        let endless: [Double] = gaussian + [Double.infinity]
        let far: [Double] = gaussian + [1e300, -1e300]
        let sets: [[Double]] = [gaussian, coarse, steep, far, nearlySame, same, halves, endless]
        for values in sets {
            let sorted = values.sorted()
            let count = sorted.count
            let middle: Double = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
            #expect(median(values) == middle)
            for place in [0, 1, count / 7, count / 2, count - 2, count - 1] {
                #expect(ordered(values, at: place) == sorted[place])
            }
        }
    }
}
