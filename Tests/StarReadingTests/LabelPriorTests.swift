import Foundation
import Support
import Testing
@testable import StarReading

/// Densities of training labels beside the laws that the labels were drawn from.
@Suite struct LabelPriorTests {
    private static let labels = ["teff", "logg", "fe_h"].map(StellarLabel.init(named:))

    /// Dwarfs and giants in log10 of Teff, log g, [Fe/H]; a star in ten, all of them hot, lacks the last.
    private static func stars(_ count: Int, seed: UInt64) -> [[Double]] {
        var random = SeededGenerator(seed: seed)
        var columns = [[Double]](repeating: [], count: 3)
        for star in 0..<count {
            let isGiant = star % 3 == 0
            let heat = random.gaussian()
            columns[0].append((isGiant ? 3.66 : 3.76) + 0.03 * heat)
            columns[1].append((isGiant ? 2.3 : 4.3) + (isGiant ? 0.3 * heat : 0) + 0.2 * random.gaussian())
            columns[2].append(heat > 1.2816 ? .nan : -0.3 + 0.4 * random.gaussian())
        }
        return columns
    }

    /// The logarithm of the density that the stars have in the first two labels.
    private static func exact(_ x: Double, _ y: Double) -> Double {
        func gaussian(_ z: Double, _ sigma: Double) -> Double {
            exp(-0.5 * z * z / (sigma * sigma)) / (sigma * (2 * .pi).squareRoot())
        }
        let giant = gaussian(x - 3.66, 0.03) * gaussian(y - 2.3 - 10 * (x - 3.66), 0.2)
        return log(giant / 3 + 2 * gaussian(x - 3.76, 0.03) * gaussian(y - 4.3, 0.2) / 3)
    }

    @Test func findsTheDensityOfSomeOfTheLabels() throws {
        let prior = try LabelPrior(fitting: Self.stars(12000, seed: 1), labels: Self.labels, dataName: "a.h5")
        #expect(prior.isConsistent && prior.count > 1)
        let new = Array(Self.stars(2000, seed: 2)[..<2])
        let found = try #require(prior.marginal(over: Array(Self.labels[..<2]))).logDensity(new)
        let off = zip(found, new[0].indices.map { Self.exact(new[0][$0], new[1][$0]) }).map { $0 - $1 }
        // Kullback-Leibler divergence, nats; the smoothing alone costs a few hundredths.
        #expect(abs(off.reduce(0, +) / Double(off.count)) < 0.06, "\(off.reduce(0, +) / Double(off.count))")
        // The order of the labels is the one asked for, but for the rarest stars: the even part is found from draws.
        let turned = try #require(prior.marginal(over: [Self.labels[1], Self.labels[0]])).logDensity(new.reversed())
        #expect(zip(found, turned).count { abs($0 - $1) > 1e-9 } < 10)
        // [Fe/H] does not depend on the others, so that hot stars that lack it do not matter.
        let iron = try #require(prior.marginal(over: [Self.labels[2]])).logDensity([[-0.3, 0.1, -1.1]])
        for (found, z) in zip(iron, [0.0, 1, -2]) {
            #expect(abs(found - (-0.5 * z * z - log(0.4 * (2 * .pi).squareRoot()))) < 0.12, "\(z): \(found)")
        }
        #expect(prior.marginal(over: [StellarLabel(named: "rv")]) == nil)
    }

    /// Far from all training stars the density is even: dividing by it changes nothing there, and never blows up.
    @Test func divisionStaysFinite() throws {
        let labels = Array(Self.labels[..<2])
        let prior = try LabelPrior(
            fitting: Array(Self.stars(3000, seed: 3)[..<2]), labels: labels, dataName: "a.h5")
        let shared = try #require(SharedPrior([prior, nil], labels: labels))
        let logs = shared.logFactors(at: [[5000, 4570, 40000, 1e9, -5], [2.6, 2.3, 9, -80, 4]], of: labels)
        let largest = logs.max() ?? 0
        let factors = logs.map { exp($0 - largest) }
        #expect(factors.allSatisfy { $0.isFinite && $0 >= 0 })
        // Labels in another order are the same labels.
        #expect(shared.logFactors(at: [[2.6], [5000]], of: labels.reversed())[0] == logs[0])
        // A division by a density in log10 of Teff is one by that in Teff, times Teff.
        #expect(abs(factors[3] / factors[2] / (1e9 / 40000) - 1) < 1e-6)
        // The rarest stars of the training weigh a few thousand times as much as the most common ones, not more.
        #expect(factors[1] / 4570 > 1e-4 * factors[2] / 40000 && factors[1] / 4570 < 0.1 * factors[2] / 40000)
        #expect(factors[4] == 0, "a negative temperature")
    }

    @Test func filesKeepIt() throws {
        let prior = try LabelPrior(fitting: Self.stars(500, seed: 4), labels: Self.labels, dataName: "a.h5")
        let text = try JSONEncoder().encode(prior)
        let read = try JSONDecoder().decode(LabelPrior.self, from: text)
        #expect(read == prior && read.isConsistent)
        var head = LabelHeadDescription(
            labels: Self.labels, mean: [0, 0, 0], std: [1, 1, 1], errorScale: [1, 1, 1], hidden: [], dropout: 0,
            trainingStars: 500, tier: "procedural")
        #expect(head.isConsistent)
        head.prior = prior
        #expect(head.isConsistent)
        head.labels.reverse()
        #expect(!head.isConsistent)

        // What a damaged or hostile file may hold.
        func isRefused(_ change: (inout [String: Any], inout [[String: Any]]) -> Void) throws -> Bool {
            var top = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
            var parts = try #require(top["components"] as? [[String: Any]])
            change(&top, &parts)
            top["components"] = parts
            let data = try JSONSerialization.data(withJSONObject: top)
            return try !JSONDecoder().decode(LabelPrior.self, from: data).isConsistent
        }
        #expect(try !isRefused { _, _ in })
        #expect(try isRefused { _, parts in parts = [] })
        #expect(try isRefused { _, parts in parts[0]["weight"] = -0.5 })
        #expect(try isRefused { _, parts in parts[0]["mean"] = [0, 0] })
        #expect(try isRefused { _, parts in parts[0]["covariance"] = [[1, 2, 0], [2, 1, 0], [0, 0, 1]] })
        #expect(try isRefused { _, parts in parts[0]["covariance"] = [[1, 0.5, 0], [0, 1, 0], [0, 0, 1]] })
        #expect(try isRefused { top, _ in top["std"] = [1, 0, 1] })
        #expect(try isRefused { top, _ in top["labels"] = ["teff", "teff", "logg"] })
    }

    @Test func labelsThatAreAllAlikeHaveADensity() throws {
        var stars = Self.stars(400, seed: 5)
        stars[2] = stars[2].map { _ in 0 }
        let prior = try LabelPrior(fitting: stars, labels: Self.labels, dataName: "a.h5")
        #expect(prior.isConsistent)
        let found = try #require(prior.marginal(over: Self.labels)).logDensity(stars)
        #expect(found.allSatisfy { $0.isFinite })
        stars[2] = stars[2].indices.map { $0 < 49 ? 0 : .nan }
        #expect(throws: Diagnostic.self) {
            try LabelPrior(fitting: stars, labels: Self.labels, dataName: "a.h5")
        }
    }
}
