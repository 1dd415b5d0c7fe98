import Foundation
import Posteriors
import Statistics
import Support
import Testing
import Torch

/// Mixtures of Gaussians: what is computed in closed form beside the same by hand.
@Suite(.serialized) struct ConditionalMixtureTests {
    /// A Gaussian in two dimensions: mean, covariance.
    private typealias Gaussian = (mean: [Double], covariance: [[Double]])

    private static let gaussians: [Gaussian] = [
        ([0.5, -1], [[0.5, 0.2], [0.2, 0.3]]), ([-1, 2], [[0.1, -0.05], [-0.05, 0.4]]),
    ]
    private static let weights = [0.3, 0.7]

    /// The same for two stars; the second has the Gaussians in the other order.
    private static func mixture() -> Mixture {
        let order = [0, 1, 1, 0]
        let factors = order.flatMap { place -> [Float] in
            let c = gaussians[place].covariance
            let a = c[0][0].squareRoot()
            let b = c[1][0] / a
            return [Float(a), 0, Float(b), Float((c[1][1] - b * b).squareRoot())]
        }
        return Mixture(
            logWeights: Tensor(order.map { Float(log(weights[$0])) }, shape: [2, 2]),
            means: Tensor(order.flatMap { gaussians[$0].mean.map { Float($0) } }, shape: [2, 2, 2]),
            factors: Tensor(factors, shape: [2, 2, 2, 2]))
    }

    private static func density(_ x: [Double], _ own: Gaussian, noise: Double) -> Double {
        let c = own.covariance
        let (a, b, d) = (c[0][0] + noise, c[0][1], c[1][1] + noise)
        let (u, v) = (x[0] - own.mean[0], x[1] - own.mean[1])
        let determinant = a * d - b * b
        return exp(-0.5 * (d * u * u - 2 * b * u * v + a * v * v) / determinant) / (2 * .pi * determinant.squareRoot())
    }

    /// Numbers seen with independent noise of a variance.
    private static func evidence(_ x: [Double], noise: Double) -> Mixture.Evidence {
        let square = x.reduce(0) { $0 + $1 * $1 }
        return Mixture.Evidence(
            precision: Tensor.eye(2).unsqueezed(0).expanded([2, 2, 2]) * (1 / noise),
            shift: Tensor((x + x).map { Float($0 / noise) }, shape: [2, 2]),
            constant: Tensor([Float](repeating: Float(square / noise + 2 * log(2 * .pi * noise)), count: 2), shape: [2])
        )
    }

    @Test(arguments: [0.01, 0.2, 3]) func likelihoodIsThatOfTheBroadenedMixture(noise: Double) {
        let x = [0.2, 0.4]
        let expected = log(
            zip(Self.weights, Self.gaussians).reduce(0) { $0 + $1.0 * Self.density(x, $1.1, noise: noise) })
        for value in Self.mixture().logLikelihood(of: Self.evidence(x, noise: noise)).floats() {
            #expect(abs(Double(value) - expected) < 2e-3, "\(value) beside \(expected)")
        }
    }

    /// The law of total covariance, by hand.
    @Test func covarianceIsThatOfTheWhole() {
        let (first, second) = (Self.gaussians[0], Self.gaussians[1])
        let mean = (0..<2).map { 0.3 * first.mean[$0] + 0.7 * second.mean[$0] }
        let found = Self.mixture().covariance.floats()
        for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let expected = zip(Self.weights, Self.gaussians).reduce(0.0) { sum, own in
                sum + own.0 * (own.1.covariance[i][j] + (own.1.mean[i] - mean[i]) * (own.1.mean[j] - mean[j]))
            }
            for star in 0..<2 { #expect(abs(Double(found[4 * star + 2 * i + j]) - expected) < 1e-5) }
        }
    }

    /// Evidence integrated over its last number, beside the sum of many of its values.
    @Test func theLastNumberIsIntegrated() {
        let (a, b, c) = ([[2.0, 0.6], [0.6, 1.5]], [0.7, -0.4], 1.3)
        let whole = Mixture.Evidence(
            precision: Tensor(a.flatMap { $0.map { Float($0) } }, shape: [1, 2, 2]),
            shift: Tensor(b.map { Float($0) }, shape: [1, 2]), constant: Tensor([Float(c)], shape: [1]))
        let rest = whole.withoutLast
        let step = 0.01
        for x: Double in [-1, 0.3, 2] {
            var sum = 0.0
            for y: Double in stride(from: -12, through: 12, by: step) {
                let square: Double = a[0][0] * x * x + 2 * a[0][1] * x * y + a[1][1] * y * y
                let linear: Double = b[0] * x + b[1] * y
                sum += step * exp(-0.5 * (c - 2 * linear + square))
            }
            let (shift, precision) = (rest.shift.item(), rest.precision.item())
            let own: Double = rest.constant.item() - 2 * shift * x + precision * x * x
            #expect(abs(-0.5 * own - log(sum)) < 1e-4)
        }
    }

    /// What was seen in two parts leaves what seeing all at once does.
    @Test func evidenceAddsUp() {
        let (first, second) = (Self.evidence([0.2, 0.4], noise: 0.4), Self.evidence([0.6, 0.1], noise: 0.4))
        let apart = Self.mixture().given(first).given(second)
        let together = Self.mixture().given(
            Mixture.Evidence(
                precision: first.precision + second.precision, shift: first.shift + second.shift,
                constant: first.constant + second.constant))
        for (a, b) in zip(apart.mean.floats(), together.mean.floats()) { #expect(abs(a - b) < 1e-3) }
        // So strong a hint leaves little else.
        let certain = Self.mixture().given(Self.evidence([1, 1], noise: 1e-4)).mean.floats()
        #expect(certain.allSatisfy { abs($0 - 1) < 0.01 })
    }

    @Test func drawsHaveTheMomentsAndDependOnNoOtherStar() {
        let mixture = Self.mixture()
        let draws = mixture.draws(20_000, seed: 3)
        let mean = draws.mean(dims: [1]).floats()
        for (drawn, exact) in zip(mean, mixture.mean.floats()) { #expect(abs(drawn - exact) < 0.03) }
        let first = Mixture(
            logWeights: mixture.logWeights.narrow(0, start: 1, length: 1),
            means: mixture.means.narrow(0, start: 1, length: 1),
            factors: mixture.factors.narrow(0, start: 1, length: 1))
        #expect(first.draws(50, seed: 3).floats() == mixture.draws(50, seed: 3).select(0, 1).floats())
        // Means keep their place where deviations are stretched.
        let twice = Tensor.eye(mixture.means.size(2)).unsqueezed(0) * 2
        let wide = mixture.stretched(by: Tensor.cat([twice, twice], dim: 0))
        for (a, b) in zip(wide.mean.floats(), mixture.mean.floats()) { #expect(abs(a - b) < 1e-4) }
        let spread = { (m: Mixture) in m.draws(5000, seed: 1).std(dim: 1, unbiased: false, keepDims: false).floats() }
        for (a, b) in zip(spread(wide), spread(mixture)) { #expect(abs(a / b - 2) < 0.1) }
    }

    /// Of one Gaussian: no mean; many draws uncorrelated with unit spread, few equally far from each other.
    @Test(arguments: [2, 5, 6, 16, 40, 200]) func drawsAreAsEvenAsTheyCanBe(count: Int) {
        for dimensions in [5, 15, 24] {
            let normal = Mixture(
                logWeights: Tensor.zeros([1, 1]), means: Tensor.zeros([1, 1, dimensions]),
                factors: Tensor.eye(dimensions).reshaped([1, 1, dimensions, dimensions]))
            let draws = normal.draws(count, seed: 9).select(0, 0)
            #expect(draws.mean(dims: [0]).abs().max().item() < 1e-4)
            if count > dimensions {
                let covariance = draws.transposed().matmul(draws) * (1 / Double(count))
                #expect((covariance - Tensor.eye(dimensions)).abs().max().item() < 1e-3)
            } else {
                #expect(abs(draws.square().sum().item() / Double(count * dimensions) - 1) < 1e-4)
                let apart = (draws.unsqueezed(0) - draws.unsqueezed(1)).square().sum(dims: [2])
                let expected = 2 * Double(dimensions * count) / Double(count - 1)
                let others = apart.maskedFill(Tensor.eye(count).ne(0), expected)
                #expect((others - expected).abs().max().item() < 1e-2 * expected)
            }
        }
    }

    /// Along a line a Gaussian is one, with the spread that its covariance gives; of several, shares add up and quantiles undo them.
    @Test func alongALineAllIsKnownWithoutDraws() {
        let directions = [[1.0, 0], [0.6, -2]]
        let lines = Self.mixture().along(
            Tensor([0, 1].flatMap { row in directions.map { Float($0[row]) } }, shape: [2, 2]))
        for value in [-1.5, 0.2, 3] {
            let found = lines.share(below: Tensor.full([2, 2], value)).floats()
            for (line, a) in directions.enumerated() {
                let expected = zip(Self.weights, Self.gaussians).reduce(0.0) { sum, own in
                    let (m, c) = (own.1.mean, own.1.covariance)
                    let variance = a[0] * a[0] * c[0][0] + 2 * a[0] * a[1] * c[0][1] + a[1] * a[1] * c[1][1]
                    return sum + own.0 * normalShare((value - a[0] * m[0] - a[1] * m[1]) / variance.squareRoot())
                }
                for star in 0..<2 { #expect(abs(Double(found[2 * star + line]) - expected) < 1e-5) }
            }
        }
        for p in [1e-4, 0.159, 0.5, 0.975] {
            let shares = lines.share(below: lines.quantile(p)).floats()
            #expect(shares.allSatisfy { abs(Double($0) - p) < 1e-5 }, "\(p): \(shares)")
        }
    }

    @Test func aNetworkIsAMixtureFromTheStart() throws {
        Generator.seed(1)
        let network = try ConditionalMixture(.init(context: 5, dimensions: 3, components: 4, hidden: [16]))
        let mixture = network(Tensor.randn([7, 5]))
        #expect(mixture.count == 7 && mixture.factors.shape == [7, 4, 3, 3])
        let sums = mixture.logWeights.exp().sum(dims: [1]).floats()
        #expect(sums.allSatisfy { abs($0 - 1) < 1e-5 })
        let factors = mixture.factors.select(0, 0).select(0, 0).floats()
        #expect(factors[1] == 0 && factors[2] == 0 && factors[5] == 0, "lower triangles")
        #expect(factors[0] > 0 && factors[4] > 0 && factors[8] > 0)
        #expect(throws: Diagnostic.self) {
            _ = try ConditionalMixture(.init(context: 0, dimensions: 3, components: 4, hidden: []))
        }
    }
}
