import Foundation
import Instruments
import Spectra
import Support
import TestFiles
import Testing
@testable import StarReading
@testable import Statistics

/// Posteriors of any number, whose product is known.
struct SeveralPosteriorsTests {
    private static let names = ["teff", "logg", "fe_h"]
    private static let labels = names.map(StellarLabel.init(named:))

    private func gaussian(
        _ mean: [Double], _ sigma: [Double], seed: UInt64, count: Int = 2000, more: [String] = []
    ) -> StarPosterior {
        var random = SeededGenerator(seed: seed)
        let labels = Self.labels.prefix(mean.count - more.count) + more.map(StellarLabel.init(named:))
        return StarPosterior(
            Array(labels),
            zip(mean, sigma).map { mean, sigma in (0..<count).map { _ in Float(mean + sigma * random.gaussian()) } })
    }

    private func moments(_ found: CombinedPosterior, _ name: String) throws -> (mean: Double, sigma: Double) {
        let place = try #require(found.samples.labels.firstIndex { $0.name == name })
        let values = found.samples.draws(ofStar: 0, label: place).map(Double.init)
        let mean = values.reduce(0, +) / Double(values.count)
        return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot())
    }

    /// Ten posteriors of one width leave 1/√10 of it, around their mean.
    @Test(arguments: [3, 10]) func precisionsAddUp(count: Int) throws {
        var random = SeededGenerator(seed: 3)
        let sigma = [80, 0.2, 0.1]
        let centres = (0..<count).map { _ in zip([5000, 4, -0.5], sigma).map { $0 + $1 * random.gaussian() } }
        let found = CombinedPosterior(centres.enumerated().map { gaussian($1, sigma, seed: 10 + UInt64($0)) })
        #expect(found.agreement.sets == [Array(0..<count)])
        for (place, name) in Self.names.enumerated() {
            let mean = centres.reduce(0) { $0 + $1[place] } / Double(count)
            let wanted = sigma[place] / Double(count).squareRoot()
            let own = try moments(found, name)
            #expect(abs(own.mean - mean) < 0.35 * wanted, "\(name): \(own.mean), not \(mean)")
            #expect(abs(own.sigma / wanted - 1) < 0.2, "\(name): \(own.sigma), not \(wanted)")
        }
    }

    /// In whatever order they are given.
    @Test func theOrderDoesNotMatter() throws {
        let parts = [
            gaussian([5000, 4, 0, 0.3], [80, 0.2, 0.1, 0.05], seed: 1, more: ["a_k"]),
            gaussian([5060, 4.1, -0.1], [60, 0.3, 0.1], seed: 2),
            gaussian([5030, 3.9, -0.05], [120, 0.15, 0.2], seed: 3),
        ]
        let first = CombinedPosterior(parts)
        for order in [[0, 2, 1], [1, 0, 2], [2, 1, 0]] {
            let other = CombinedPosterior(order.map { parts[$0] })
            for name in Self.names + ["a_k"] {
                let (a, b) = (try moments(first, name), try moments(other, name))
                #expect(abs(a.mean - b.mean) < 0.1 * a.sigma && abs(b.sigma / a.sigma - 1) < 0.1, "\(name)")
            }
        }
        // Pairs exchanged: what contradicts which is told of the same two.
        let far = gaussian([7000, 4, 0], [80, 0.2, 0.1], seed: 4)
        #expect(CombinedPosterior([parts[1], far]).agreement.contradictions == [.init(first: 0, second: 1)])
        #expect(CombinedPosterior([far, parts[1]]).agreement.contradictions == [.init(first: 0, second: 1)])
    }

    /// One of four contradicts the others: told which, and given its share of the mixture.
    @Test func oneAmongManyContradicts() throws {
        let parts = [5000.0, 5020, 7000, 4980].enumerated().map {
            gaussian([$1, 4, 0], [50, 0.2, 0.1], seed: 20 + UInt64($0))
        }
        let found = CombinedPosterior(parts)
        #expect(found.agreement.sets == [[0, 1, 3], [2]])
        #expect(found.agreement.contradictions.map { [$0.first, $0.second] } == [[0, 2], [1, 2], [2, 3]])
        let values = found.samples.draws(ofStar: 0, label: 0)
        #expect(abs(Double(values.count { $0 > 6000 }) / Double(values.count) - 0.25) < 0.01)
        let text = ComparedObservations.Contradiction(first: [0, 2], second: [1])
        #expect("\(text)" == "1+3-2")
    }

    /// What makes few draws of one useful: the other knows ten times as much.
    @Test func aFarSharperOneLeavesEnoughDraws() throws {
        let broad = gaussian([5200, 4, 0, 0.3], [300, 0.5, 0.4, 0.05], seed: 5, more: ["a_k"])
        let sharp = gaussian([5000, 4.2, 0.1], [30, 0.05, 0.04], seed: 6)
        let found = CombinedPosterior([broad, sharp])
        let (a, t) = (try moments(found, "a_k"), try moments(found, "teff"))
        #expect(abs(a.mean - 0.3) < 0.02 && abs(a.sigma / 0.05 - 1) < 0.2)
        #expect(abs(t.sigma / 30 - 1) < 0.1 && abs(t.mean - 5002) < 6)
    }

    /// Skewed posteriors of a positive number that each instrument counts: Gamma likelihoods, whose product is one.
    @Test(arguments: [2, 3, 10]) func skewedPosteriorsHoldWhatTheySay(count: Int) throws {
        let label = StellarLabel(named: "metals")
        var random = SeededGenerator(seed: 8)
        func gamma(_ shape: Int, _ rate: Double) -> Double {
            -(0..<shape).reduce(0) { sum, _ in sum + log(1 - random.uniform()) } / rate
        }
        // Prior Gamma(4, 4); each instrument sees a Gamma(6) number of that rate: posterior Gamma(10, 4 + x).
        let prior = try LabelPrior(
            fitting: [(0..<5000).map { _ in gamma(4, 4) }], labels: [label], dataName: "a.h5")
        let shared = SharedPrior([LabelPrior?](repeating: prior, count: count), labels: [label])
        let stars = 150
        let inside = (0..<stars).count { _ in
            let truth = gamma(4, 4)
            let parts = (0..<count).map { _ -> StarPosterior in
                let seen = gamma(6, truth)
                return StarPosterior([label], [(0..<300).map { _ in Float(gamma(10, 4 + seen)) }])
            }
            let found = CombinedPosterior(parts, prior: { _ in shared }).samples.quantiles(
                [0.15865, 0.84135], label: 0)[0]
            return found[0] <= truth && truth <= found[1]
        }
        let share = Double(inside) / Double(stars)
        // ± 3.8 % by chance.
        #expect(abs(share - 0.683) < 0.11, "\(count): \(share)")
    }
}

struct VisitVelocitiesTests {
    /// p is uniform for stars that do not move, where errors are what they are said to be: the star's own part in common, the
    /// rest and the wavelength scale for each visit.
    @Test(arguments: [2, 5]) func constantStarsAreConstant(count: Int) throws {
        var random = SeededGenerator(seed: 4)
        let found = try (0..<20_000).map { _ -> VisitVelocities in
            let own = 3 * random.gaussian()
            let visits = (0..<count).map { _ -> (value: Double, error: Double) in
                let error = random.uniform(in: 6...12)
                let noise = (error * error - 9).squareRoot() * random.gaussian()
                return (20 + own + noise + 4 * random.gaussian(), error)
            }
            return try #require(VisitVelocities(visits, floor: 4))
        }
        #expect(UniformityTest(found.map(\.probability)).distanceProbability > 0.01)
        #expect(abs(Double(found.count { abs($0.mean - 20) < $0.error }) / 20_000 - 0.683) < 0.01)
    }

    @Test func aMovedVisitIsTold() throws {
        let still = [(20.0, 5.0), (22, 5), (18, 6)]
        #expect(try #require(VisitVelocities(still, floor: 4)).probability > 0.5)
        let moved = try #require(VisitVelocities(still + [(60, 5)], floor: 4))
        #expect(moved.probability < 1e-6 && moved.mean > 20)
        // What is not known is left out; one alone tells nothing.
        #expect(VisitVelocities([(20, 5), (.nan, 5), (3, 0)], floor: 4) == nil)
        #expect(VisitVelocities([], floor: 4) == nil)
    }
}

/// Visits of one star averaged as spectra.
struct CoaddedVisitsTests {
    private func visit(_ name: String, _ flux: [Float], _ ivar: [Float]?, _ mask: [Bool], snr: Double?) -> Observation {
        Observation(
            name: name, sourceID: "1", instrument: .gaiaXP,
            prepared: PreparedSpectrum(flux: flux, ivar: ivar, mask: mask, snr: snr), raw: nil)
    }

    @Test func precisionsWeighAndGapsAreFilled() {
        let a = visit("a", [1, 9, 3, 7], [1, 0, 1, 0], [false, true, false, true], snr: 30)
        let b = visit("b", [2, 2, 5, 9], [3, 2, 1, 0], [false, false, false, true], snr: 40)
        let both = Observation.coadded([a, b], removing: [0, 0])
        #expect(both.prepared.flux == [1.75, 2, 4, 8] && both.prepared.ivar == [4, 2, 2, 0])
        #expect(both.prepared.mask == [false, false, false, true] && both.prepared.snr == 50)
        #expect(Observation.coadded([b, a], removing: [0, 0]).prepared.flux == both.prepared.flux)
        // The same spectrum given twice is one.
        #expect(Observation.coadded([a, a], removing: [0, 0]).prepared == a.prepared)
    }
}
