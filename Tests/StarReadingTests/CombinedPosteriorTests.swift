import Foundation
import Support
import Testing
@testable import StarReading
@testable import Statistics

/// Gaussians, whose product is known: precisions add up.
struct CombinedPosteriorTests {
    private func draws(
        _ names: [String], mean: [Double], sigma: [Double], correlation: Double = 0, seed: UInt64, count: Int = 2000
    ) -> PosteriorSamples {
        var random = SeededGenerator(seed: seed)
        let values = (0..<count).flatMap { _ -> [Float] in
            let common = random.gaussian()
            return names.indices.map { i in
                let own = random.gaussian()
                let z = correlation.squareRoot() * common + (1 - correlation).squareRoot() * own
                return Float(mean[i] + sigma[i] * z)
            }
        }
        return PosteriorSamples(values, draws: count, labels: names.map(StellarLabel.init(named:)))
    }

    private func combined(_ samples: PosteriorSamples..., prior: SharedPrior? = nil) -> CombinedPosterior {
        CombinedPosterior(samples.map { StarPosterior($0, star: 0) }, prior: { _ in prior })
    }

    private func moments(_ samples: PosteriorSamples, _ name: String) throws -> (mean: Double, sigma: Double) {
        let label = try #require(samples.labels.firstIndex { $0.name == name })
        let values = samples.draws(ofStar: 0, label: label).map(Double.init)
        let mean = values.reduce(0, +) / Double(values.count)
        return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot())
    }

    @Test func precisionsAddUp() throws {
        let names = ["teff", "logg", "fe_h"]
        let first = draws(names + ["a_k"], mean: [5000, 4, 0, 0.3], sigma: [80, 0.2, 0.1, 0.05], seed: 1)
        let second = draws(names + ["rv"], mean: [5060, 4.1, -0.1, 20], sigma: [60, 0.3, 0.1, 5], seed: 2)
        let both = combined(first, second)
        #expect(both.agreement.contradictions.isEmpty)
        #expect(both.samples.labels.map(\.name) == ["teff", "logg", "fe_h", "a_k", "rv"])
        let wanted: [(String, Double, Double)] = [
            ("teff", 5038.4, 48), ("logg", 4.0308, 0.1664), ("fe_h", -0.05, 0.0707), ("a_k", 0.3, 0.05), ("rv", 20, 5),
        ]
        for (name, mean, sigma) in wanted {
            let found = try moments(both.samples, name)
            #expect(abs(found.mean - mean) < 0.15 * sigma, "\(name)")
            #expect(abs(found.sigma / sigma - 1) < 0.12, "\(name)")
        }
    }

    /// What one instrument alone tells of a label grows sharper through its correlation with a shared one.
    @Test func correlationsCarryOver() throws {
        let first = draws(["teff", "a_k"], mean: [5000, 0.3], sigma: [200, 0.1], correlation: 0.9, seed: 3)
        let second = draws(["teff"], mean: [5100], sigma: [50], seed: 4)
        let both = try moments(combined(first, second).samples, "a_k")
        // Var(a | t) with the variance of t reduced to that of the product.
        let left = 1 / (1 / 200.0 / 200 + 1 / 50.0 / 50)
        let sigma = 0.1 * (1 - 0.81 + 0.81 * left / 200 / 200).squareRoot()
        #expect(abs(both.sigma / sigma - 1) < 0.15)
        #expect(abs(both.mean - (0.3 + 0.9 * 0.1 / 200 * 100 * (1 - left / 200 / 200))) < 0.3 * sigma)
    }

    /// Stars whose label is Gaussian in each of some populations, seen by two instruments that learned from one each.
    private struct Simulation {
        static let label = [StellarLabel(named: "logg")]
        /// The levels of 300 draws.
        static let scores = (0..<300).map { normalScore((Double($0) + 0.5) / 300) }
        var populations: [(mean: Double, sigma: Double)] = [(0, 1)]
        /// Which population each instrument learned from, so that its posteriors carry that prior.
        var learned = [0, 0]
        /// Error of what each instrument sees.
        var noise: Double
        /// The populations that stars come from, in turn.
        var sources = [0]

        /// The density of training labels, as a fit stores it.
        func prior(_ population: Int) throws -> LabelPrior {
            var random = SeededGenerator(seed: 40 + UInt64(population))
            let (mean, sigma) = populations[population]
            let column = (0..<5000).map { _ in mean + sigma * random.gaussian() }
            return try LabelPrior(fitting: [column], labels: Self.label, dataName: "a.h5")
        }

        /// Draws of the exact posterior.
        private func posterior(
            _ instrument: Int, of star: Double, using random: inout SeededGenerator
        ) -> PosteriorSamples {
            let (mean, sigma) = populations[learned[instrument]]
            let (prior, likelihood) = (1 / (sigma * sigma), 1 / (noise * noise))
            let centre = (mean * prior + (star + noise * random.gaussian()) * likelihood) / (prior + likelihood)
            let width = 1 / (prior + likelihood).squareRoot()
            let values = Self.scores.map { Float(centre + width * $0) }
            return PosteriorSamples(values, draws: values.count, labels: Self.label)
        }

        /// The share of stars whose truth lies within the 68.3 % interval of all instruments together.
        func coverage(_ prior: SharedPrior?, stars: Int) -> Double {
            var random = SeededGenerator(seed: 9)
            let inside = (0..<stars).count { star in
                let (mean, sigma) = populations[sources[star % sources.count]]
                let truth = mean + sigma * random.gaussian()
                let all = learned.indices.map { posterior($0, of: truth, using: &random) }
                let both = CombinedPosterior(all.map { StarPosterior($0, star: 0) }, prior: { _ in prior }).samples
                let ends = both.quantiles([0.15865, 0.84135], label: 0)[0]
                return ends[0] <= truth && truth <= ends[1]
            }
            return Double(inside) / Double(stars)
        }
    }

    /// A prior that tells much counts once: where each posterior has r of the prior's width, the 68.3 % interval holds
    /// 68.3 %. Multiplied as they are, as where no density of training labels is known, it holds 2 Φ(1/√(1 + r²)) − 1.
    @Test(arguments: [0.29, 0.45, 0.71]) func thePriorCountsOnce(width: Double) throws {
        let simulation = Simulation(noise: width / (1 - width * width).squareRoot())
        let prior = try simulation.prior(0)
        let once = simulation.coverage(SharedPrior([prior, prior], labels: Simulation.label), stars: 1600)
        // ± 1.2 % by chance.
        #expect(abs(once - 0.6827) < 0.035, "\(width): \(once)")
        let twice = simulation.coverage(nil, stars: 1000)
        let expected = 2 * normalShare(1 / (1 + width * width).squareRoot()) - 1
        #expect(abs(twice - expected) < 0.045, "\(width): \(twice), expected \(expected)")
        if ProcessInfo.processInfo.environment["CALIBRATION_REPORT"] != nil {
            print(String(format: "width %.2f: prior once %.3f, twice %.3f", width, once, twice))
        }
    }

    /// As often as there are instruments, it still counts once.
    @Test(arguments: [(3, 0.71), (10, 0.45), (10, 0.71)]) func thePriorOfManyCountsOnce(
        count: Int, width: Double
    ) throws {
        let simulation = Simulation(
            learned: [Int](repeating: 0, count: count), noise: width / (1 - width * width).squareRoot())
        let prior = try simulation.prior(0)
        let shared = SharedPrior([LabelPrior?](repeating: prior, count: count), labels: Simulation.label)
        let once = simulation.coverage(shared, stars: 150)
        // ± 3.8 % by chance; 69, 71 and 70 % of 500 stars.
        #expect(abs(once - 0.6827) < 0.11, "\(count), \(width): \(once)")
        if ProcessInfo.processInfo.environment["CALIBRATION_REPORT"] != nil {
            print(String(format: "%d instruments, width %.2f: prior once %.3f", count, width, once))
        }
    }

    /// Instruments that learned from different stars: a star may be of either population. Where the prior of one is not
    /// known, it is that one which stays, and the intervals are right for its stars.
    @Test func priorsMayDiffer() throws {
        var simulation = Simulation(
            populations: [(0, 1), (0.5, 0.8)], learned: [0, 1], noise: 0.8, sources: [0, 1])
        let (first, second) = (try simulation.prior(0), try simulation.prior(1))
        // Exact but for the rarest stars of either population, where its density is taken as even: 67 %, and 57 % with
        // both priors in the product.
        let either = simulation.coverage(SharedPrior([first, second], labels: Simulation.label), stars: 2000)
        #expect(abs(either - 0.67) < 0.03, "\(either)")
        #expect(simulation.coverage(nil, stars: 2000) < 0.62)
        simulation.sources = [1]
        let unknown = simulation.coverage(SharedPrior([first, nil], labels: Simulation.label), stars: 2000)
        #expect(abs(unknown - 0.6827) < 0.03, "\(unknown)")

        #expect(SharedPrior([nil, nil], labels: Simulation.label) == nil)
        #expect(SharedPrior([first, second], labels: [StellarLabel(named: "teff")]) == nil)
    }

    @Test func aContradictionIsToldAndNotAveraged() throws {
        let first = draws(["teff"], mean: [5000], sigma: [50], seed: 5)
        let second = draws(["teff"], mean: [6000], sigma: [50], seed: 6)
        let both = combined(first, second)
        #expect(both.agreement.contradictions == [.init(first: 0, second: 1)])
        let found = try moments(both.samples, "teff")
        #expect(abs(found.mean - 5500) < 20 && found.sigma > 450)
    }

    @Test func gaussiansAreMultipliedToo() throws {
        func star(_ value: Double, _ error: Double?) -> StarLabels {
            var star = StarLabels()
            star.estimates = [LabelEstimate(label: StellarLabel(named: "teff"), value: value, error: error)]
            return star
        }
        let (first, second) = (
            PosteriorSamples(gaussians: [star(5000, 80)], draws: 1000),
            PosteriorSamples(gaussians: [star(5060, 60)], draws: 1000)
        )
        let both = try moments(combined(first, second).samples, "teff")
        #expect(abs(both.mean - 5038.4) < 5 && abs(both.sigma - 48) < 4)
        // A value without an error cannot be weighed: the other one stands.
        let bare = PosteriorSamples(gaussians: [star(4000, nil)], draws: 1000)
        #expect(abs(try moments(combined(bare, second).samples, "teff").mean - 5060) < 5)
    }

    @Test func oneStarSeldomContradictsItself() {
        var random = SeededGenerator(seed: 7)
        let alarms = (0..<1000).count { trial in
            func one(_ seed: UInt64) -> PosteriorSamples {
                draws(
                    ["teff", "logg"], mean: [5000 + 60 * random.gaussian(), 4 + 0.2 * random.gaussian()],
                    sigma: [60, 0.2], seed: seed, count: 200)
            }
            return !combined(one(UInt64(trial)), one(UInt64(trial) + 5000)).agreement.contradictions.isEmpty
        }
        #expect(alarms <= 6)
    }

    @Test func whatCannotBeReadLeavesTheOther() throws {
        let none = PosteriorSamples(
            [Float](repeating: .nan, count: 400), draws: 200,
            labels: [StellarLabel(named: "teff"), StellarLabel(named: "rv")])
        let good = draws(["teff"], mean: [5000], sigma: [50], seed: 8, count: 200)
        let both = combined(good, none)
        #expect(both.agreement.contradictions.isEmpty)
        #expect(abs(try moments(both.samples, "teff").mean - 5000) < 20)
        #expect(abs(try moments(combined(none, good).samples, "teff").mean - 5000) < 20)
    }
}
