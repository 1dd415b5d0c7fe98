import Foundation
import Support
import Torch

/// A mixture of K Gaussians in D dimensions.
package struct GaussianMixture {
    /// `[K]`, `[K, D]`, `[K, D, D]`, double precision.
    package let weights: Tensor, means: Tensor, covariances: Tensor
    /// To axes along which each Gaussian has unit variance, `[K, D, D]`, and their lengths in the other direction.
    private let whitening: Tensor, axes: Tensor
    /// The logarithm of each Gaussian's weight and norm, `[K, 1]`.
    private let constants: Tensor

    package init(weights: Tensor, means: Tensor, covariances: Tensor) {
        (self.weights, self.means, self.covariances) = (weights, means, covariances)
        let (values, vectors) = covariances.symmetricEigen()
        let lengths = values.sqrt().unsqueezed(1)
        whitening = vectors / lengths
        axes = vectors * lengths
        let norm = 0.5 * Double(means.size(1)) * log(2 * Double.pi)
        constants = (weights.log() - values.log().sum(dims: [1]) * 0.5 - norm).unsqueezed(1)
    }

    package var count: Int { weights.size(0) }
    package var dimensions: Int { means.size(1) }

    /// The least variance of a Gaussian along any axis; not above 0 where the covariances are none.
    package var leastVariance: Double { covariances.symmetricEigen().values.min().item() }

    /// The logarithm of each Gaussian's part of the density, `[K, N]`.
    /// - Parameter rows: `[N, D]`.
    package func terms(_ rows: Tensor) -> Tensor {
        let scores = rows.matmul(whitening) - means.unsqueezed(1).matmul(whitening)
        return scores.square().sum(dims: [2]) * -0.5 + constants
    }

    /// `[N]`.
    package func logDensity(_ rows: Tensor) -> Tensor { terms(rows).logSumExp(dim: 0) }

    /// The mixture of some of the dimensions, whatever the others are.
    package func marginal(_ kept: [Int]) -> GaussianMixture {
        let index = Tensor(kept.map(Int64.init))
        return GaussianMixture(
            weights: weights, means: means.indexSelect(1, index),
            covariances: covariances.indexSelect(1, index).indexSelect(2, index))
    }

    /// Rows of the mixture, each Gaussian with its share of them, `[about count, D]`.
    package func draws(_ count: Int, using random: inout SeededGenerator) -> Tensor {
        let parts = weights.doubles().enumerated().map { part, weight in
            let rows = max(1, Int((weight * Double(count)).rounded()))
            let scores = (0..<rows * dimensions).map { _ in random.gaussian() }
            return Tensor(scores, shape: [rows, dimensions]).matmul(axes.select(0, part).transposed())
                + means.select(0, part)
        }
        return Tensor.cat(parts, dim: 0)
    }
}

extension GaussianMixture {
    /// Rows that know the same values.
    private struct Pattern {
        /// The dimensions that are known.
        let known: Tensor, places: [Int]
        /// `[N, d]` and products of all pairs, `[N, d²]`.
        let rows: Tensor, products: Tensor

        init(_ places: [Int], _ values: [Double]) {
            self.places = places
            known = Tensor(places.map(Int64.init))
            let d = places.count
            rows = Tensor(values, shape: [values.count / d, d])
            products = (rows.unsqueezed(2) * rows.unsqueezed(1)).reshaped([values.count / d, d * d])
        }
    }

    /// So many Gaussians at most.
    private static let largest = 16
    private static let iterations = 200
    /// Nats per row that an iteration must be worth.
    private static let leastGain = 1e-4

    /// Fits by expectation and maximisation, also to rows that lack values (Dempster et al. 1977; Ghahramani & Jordan
    /// 1994), with 1, 2, 4, … Gaussians, each time all of the last fit cut in two along their longest axes. What Schwarz's
    /// criterion (1978) likes best stands.
    /// - Parameters:
    ///   - columns: values by dimension; NaN where missing. At least one row knows something.
    ///   - leastVariance: added along each axis, so that no Gaussian shrinks onto few rows.
    package init(fitting columns: [[Double]], leastVariance: Double) {
        var groups: [[Int]: [Double]] = [:]
        for row in columns[0].indices {
            let places = columns.indices.filter { columns[$0][row].isFinite }
            if !places.isEmpty { groups[places, default: []] += places.map { columns[$0][row] } }
        }
        let patterns = groups.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { Pattern($0.key, $0.value) }
        let rows = patterns.reduce(0) { $0 + $1.rows.size(0) }
        let d = columns.count
        let unit = Tensor.eye(d, dtype: .float64)
        var (best, bestScore) = (
            GaussianMixture(
                weights: Tensor.ones([1]).to(.float64), means: Tensor.zeros([1, d]).to(.float64),
                covariances: unit.unsqueezed(0)),
            -Double.infinity
        )
        var mixture = best
        while true {
            var likelihood = -Double.infinity
            for _ in 0..<Self.iterations {
                let step = mixture.step(patterns, rows: rows, spread: unit * leastVariance)
                mixture = step.better
                let gain = step.likelihood - likelihood
                likelihood = step.likelihood
                if gain < Self.leastGain { break }
            }
            let parameters = mixture.count * (1 + d + d * (d + 1) / 2) - 1
            let score = likelihood * Double(rows) - 0.5 * Double(parameters) * log(Double(rows))
            guard score > bestScore else { break }
            (best, bestScore) = (mixture, score)
            guard mixture.count < Self.largest else { break }
            mixture = mixture.cut
        }
        self = best
    }

    /// One step: a mixture that is no less likely, and the mean log-likelihood of the rows before.
    private func step(_ patterns: [Pattern], rows: Int, spread: Tensor) -> (better: GaussianMixture, likelihood: Double)
    {
        let (k, d) = (count, dimensions)
        var likelihood = 0.0
        var shares = Tensor.zeros([k]).to(.float64)
        var sums = Tensor.zeros([k, d, 1]).to(.float64)
        var squares = Tensor.zeros([k, d, d]).to(.float64)
        for pattern in patterns {
            let part = pattern.places.count == d ? self : marginal(pattern.places)
            let terms = part.terms(pattern.rows)
            let total = terms.logSumExp(dim: 0)
            likelihood += total.sum().item()
            let own = (terms - total).exp()
            let width = pattern.places.count
            let share = own.sum(dims: [1]).reshaped([k, 1, 1])
            let sum = own.matmul(pattern.rows).unsqueezed(2)
            let square = own.matmul(pattern.products).reshaped([k, width, width])
            // Given what is known, x, all values have the mean a + B x and the covariance C (0 where they are known).
            let across = covariances.indexSelect(1, pattern.known)
            let b = part.covariances.solving(across).transposed()
            let a = means.unsqueezed(2) - b.matmul(part.means.unsqueezed(2))
            let c = covariances - b.matmul(across)
            let mapped = b.matmul(sum)
            let mixed = mapped.matmul(a.transposed())
            shares = shares + share.reshaped([k])
            sums = sums + a * share + mapped
            squares =
                squares + b.matmul(square).matmul(b.transposed()) + mixed + mixed.transposed()
                + (a.matmul(a.transposed()) + c) * share
        }
        // A Gaussian that no row belongs to stays where it is by falling to nothing.
        let safe = shares.clamp(min: 1e-9).reshaped([k, 1, 1])
        let mean = sums / safe
        let covariance = squares / safe - mean.matmul(mean.transposed())
        let better = GaussianMixture(
            weights: shares.clamp(min: 1e-9) / Double(rows), means: mean.squeezed(2),
            covariances: (covariance + covariance.transposed()) * 0.5 + spread)
        return (better, likelihood / Double(rows))
    }

    /// Each Gaussian as two, half a σ to either side along its longest axis.
    private var cut: GaussianMixture {
        let longest = axes.select(2, dimensions - 1) * 0.5
        return GaussianMixture(
            weights: Tensor.cat([weights, weights], dim: 0) * 0.5,
            means: Tensor.cat([means + longest, means - longest], dim: 0),
            covariances: Tensor.cat([covariances, covariances], dim: 0))
    }
}
