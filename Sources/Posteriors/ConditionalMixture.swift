import Foundation
import Statistics
import Support
import Torch

/// The density of K numbers given a context of C numbers: a mixture of Gaussians whose weights, means and covariances a network
/// makes of the context (mixture density network, Bishop 1994, Neural Computing Research Group Report NCRG/94/004).
///
/// A flow bends further; of a mixture all that is asked of a density is known in closed form: the likelihood of what tells the
/// numbers in part and with noise, and the density once that is seen.
public final class ConditionalMixture: Module {
    /// How large it is.
    public struct Sizes: Codable, Sendable, Hashable {
        /// C and K.
        public var context: Int, dimensions: Int
        /// Gaussians of the mixture.
        public var components: Int
        /// Widths of the hidden layers.
        public var hidden: [Int]

        /// A network from `context` numbers to a density of `dimensions`.
        public init(context: Int, dimensions: Int, components: Int = 8, hidden: [Int] = [256, 256, 256]) {
            (self.context, self.dimensions, self.components, self.hidden) = (context, dimensions, components, hidden)
        }

        var isPossible: Bool {
            [context, dimensions, components].allSatisfy { (1...4096).contains($0) }
                && hidden.allSatisfy { (1...8192).contains($0) }
        }
        /// Weight, mean and lower triangle of a Gaussian.
        var numbersPerComponent: Int { 1 + dimensions + dimensions * (dimensions + 1) / 2 }
    }

    /// How large it is.
    public let sizes: Sizes
    let layers: Sequential
    /// Which number of a triangle stands at each place of a K × K matrix, and which of them stand on the diagonal; one more is 0.
    private let places: Tensor, diagonal: Tensor

    /// Initial weights from the default generator.
    /// - Throws: `Diagnostic` for sizes that no network has.
    public init(_ sizes: Sizes) throws {
        guard sizes.isPossible else { throw Diagnostic(problem: "no mixture has these sizes: \(sizes)") }
        self.sizes = sizes
        var layers: [any Layer] = []
        var width = sizes.context
        for next in sizes.hidden {
            layers += [Linear(width, next), GELU()]
            width = next
        }
        let last = Linear(width, sizes.components * sizes.numbersPerComponent)
        // Gaussians that are much alike at first, none of them far out.
        withoutGradient { last.weight.value = last.weight.value * 0.3 }
        self.layers = Sequential(layers + [last])
        let triangle = (0..<sizes.dimensions).flatMap { row in (0...row).map { (row, $0) } }
        var places = [Int64](repeating: Int64(triangle.count), count: sizes.dimensions * sizes.dimensions)
        for (place, (row, column)) in triangle.enumerated() { places[row * sizes.dimensions + column] = Int64(place) }
        self.places = Tensor(places, shape: [places.count])
        diagonal = Tensor(triangle.map { $0.0 == $0.1 ? Float(1) : 0 }, shape: [triangle.count])
        super.init()
    }

    /// - Parameter context: `[B, C]`.
    public func callAsFunction(_ context: Tensor) -> Mixture {
        let (dimensions, count) = (sizes.dimensions, context.size(0))
        let all = layers(context).reshaped([count, sizes.components, sizes.numbersPerComponent])
        let numbers = all.narrow(2, start: 1 + dimensions, length: sizes.numbersPerComponent - 1 - dimensions) * 0.5
        let triangle = numbers.clamp(min: -6, max: 3).exp().where(diagonal.ne(0), numbers)
        let padded = Tensor.cat([triangle, Tensor.zeros([count, sizes.components, 1])], dim: 2)
        return Mixture(
            logWeights: all.select(2, 0).logSoftmax(1), means: all.narrow(2, start: 1, length: dimensions),
            factors: padded.indexSelect(2, places).reshaped([count, sizes.components, dimensions, dimensions]))
    }
}

/// Mixtures of M Gaussians in K dimensions, one a star.
public struct Mixture: Sendable {
    /// `[B, M]`.
    public var logWeights: Tensor
    /// `[B, M, K]`.
    public var means: Tensor
    /// Roots of the covariances, F of Σ = F Fᵀ, `[B, M, K, K]`.
    public var factors: Tensor

    /// Mixtures from their parts.
    public init(logWeights: Tensor, means: Tensor, factors: Tensor) {
        (self.logWeights, self.means, self.factors) = (logWeights, means, factors)
    }

    /// Stars.
    public var count: Int { means.size(0) }

    /// What tells the K numbers z in part and with noise: log p(seen | z) = −½ (c − 2 bᵀ z + zᵀ A z). In double precision where it may
    /// tell them to a thousandth of their spread or better: c is millions then, of which single numbers count.
    public struct Evidence: Sendable {
        /// A, `[B, K, K]`.
        public var precision: Tensor
        /// b, `[B, K]`.
        public var shift: Tensor
        /// c, `[B]`.
        public var constant: Tensor

        /// Evidence in its three parts.
        public init(precision: Tensor, shift: Tensor, constant: Tensor) {
            (self.precision, self.shift, self.constant) = (precision, shift, constant)
        }

        /// log p(seen | z) at the numbers that suit it best, `[B]`.
        public var best: Tensor {
            let precision = precision.to(.float64)
            let unit = Tensor.eye(precision.size(-1), dtype: .float64, device: precision.device)
            let shift = shift.to(.float64).unsqueezed(-1)
            let numbers = (precision + unit * 1e-6).solving(shift)
            return ((constant.to(.float64) - (shift * numbers).sum(dims: [1, 2])) * -0.5).to(.float32)
        }

        /// The same of all numbers but the last, whatever that is: integrated over it, with no prior of its own.
        public var withoutLast: Evidence {
            let rest = precision.size(-1) - 1
            let corner = precision.narrow(1, start: rest, length: 1).narrow(2, start: rest, length: 1).clamp(min: 1e-30)
            let edge = precision.narrow(1, start: 0, length: rest).narrow(2, start: rest, length: 1)
            let last = shift.narrow(1, start: rest, length: 1).unsqueezed(-1)
            return Evidence(
                precision: precision.narrow(1, start: 0, length: rest).narrow(2, start: 0, length: rest)
                    - edge.matmul(edge.transposed(-1, -2)) / corner,
                shift: shift.narrow(1, start: 0, length: rest) - (edge * (last / corner)).squeezed(-1),
                constant: constant + (corner / (2 * Double.pi)).log().squeezed(-1).squeezed(-1)
                    - (last.square() / corner).squeezed(-1).squeezed(-1))
        }

        /// That of several sets of stars, one after the other.
        public static func joined(_ parts: [Evidence]) -> Evidence {
            func all(_ path: KeyPath<Evidence, Tensor>) -> Tensor {
                Tensor.cat(parts.map { $0[keyPath: path] }, dim: 0)
            }
            return Evidence(precision: all(\.precision), shift: all(\.shift), constant: all(\.constant))
        }

        /// What several stars' evidence would tell together, were they one, `[1, …]`.
        public func sum(of rows: [Int]) -> Evidence {
            let own = self.rows(Tensor(rows.map(Int64.init), shape: [rows.count]))
            return Evidence(
                precision: own.precision.sum(dims: [0], keepDims: true),
                shift: own.shift.sum(dims: [0], keepDims: true),
                constant: own.constant.sum(dims: [0], keepDims: true))
        }

        /// The numbers that suit it best, `[B, K]`, held near 0 where it tells them hardly at all.
        public var numbers: Tensor {
            (precision + Tensor.eye(precision.size(-1)) * 0.1).solving(shift.unsqueezed(-1)).squeezed(-1).to(.float32)
        }

        /// That of some stars.
        public func rows(_ index: Tensor) -> Evidence {
            Evidence(
                precision: precision.indexSelect(0, index), shift: shift.indexSelect(0, index),
                constant: constant.indexSelect(0, index))
        }
    }

    /// What both the likelihood and the posterior are made of.
    private struct Update {
        /// log p(seen | Gaussian), `[B, M]`.
        let logEvidence: Tensor
        /// I + Fᵀ A F = C Cᵀ, `[B, M, K, K]`, and C⁻¹ Fᵀ (b − A μ), `[B, M, K, 1]`, in double precision.
        let root: Tensor, pull: Tensor
    }

    /// In double precision: where evidence is strong, single precision loses the 1 that is added to it.
    private func update(_ evidence: Evidence) -> Update {
        let (factors, means) = (factors.to(.float64), means.to(.float64))
        let (precision, shift) = (
            evidence.precision.to(.float64).unsqueezed(1), evidence.shift.to(.float64).unsqueezed(1)
        )
        let across = factors.transposed(-1, -2)
        let bent = precision.matmul(means.unsqueezed(-1)).squeezed(-1)
        let unit = Tensor.eye(means.size(2), dtype: .float64, device: means.device)
        let root = (across.matmul(precision).matmul(factors) + unit).cholesky()
        let pull = root.solvingTriangular(across.matmul((shift - bent).unsqueezed(-1)))
        let fit =
            evidence.constant.to(.float64).unsqueezed(1) - (shift * means).sum(dims: [2]) * 2
            + (means * bent).sum(dims: [2])
        let logDeterminant = (root * unit).sum(dims: [3]).log().sum(dims: [2])
        let gain = pull.square().sum(dims: [2, 3]) * 0.5
        return Update(logEvidence: (fit * -0.5 + gain - logDeterminant).to(.float32), root: root, pull: pull)
    }

    /// log p(seen), `[B]`.
    public func logLikelihood(of evidence: Evidence) -> Tensor {
        (logWeights + update(evidence).logEvidence).logSumExp(dim: 1)
    }

    /// The density once the evidence is seen.
    public func given(_ evidence: Evidence) -> Mixture {
        let found = update(evidence)
        // Σ' = F C⁻ᵀ C⁻¹ Fᵀ and μ' = μ + Σ' (b − A μ).
        let across = found.root.solvingTriangular(factors.to(.float64).transposed(-1, -2))
        let factors = across.transposed(-1, -2)
        return Mixture(
            logWeights: (logWeights + found.logEvidence).logSoftmax(1),
            means: means + factors.matmul(found.pull).squeezed(-1).to(.float32), factors: factors.to(.float32))
    }

    /// The same with all deviations from the mean of each star mapped linearly.
    /// - Parameter map: of columns, `[B, K, K]`.
    public func stretched(by map: Tensor) -> Mixture {
        let centre = mean.unsqueezed(1)
        return Mixture(
            logWeights: logWeights, means: centre + (means - centre).matmul(map.transposed(-1, -2)),
            factors: map.unsqueezed(1).matmul(factors))
    }

    /// `[B, K]`.
    public var mean: Tensor { (logWeights.exp().unsqueezed(2) * means).sum(dims: [1]) }

    /// Of all numbers, within the Gaussians and between them, `[B, K, K]`.
    public var covariance: Tensor {
        let weights = logWeights.exp().unsqueezed(2)
        let apart = means - mean.unsqueezed(1)
        let within = (weights.unsqueezed(3) * factors.matmul(factors.transposed(-1, -2))).sum(dims: [1])
        return within + (apart * weights).transposed(-1, -2).matmul(apart)
    }

    /// Linear functions of the numbers, each by itself.
    /// - Parameter directions: one a column, `[K, D]`.
    public func along(_ directions: Tensor) -> Marginals {
        let across = factors.transposed(-1, -2)
        // Some at a time: all Gaussians' numbers along each of thousands of pixels are much.
        let variances = stride(from: 0, to: directions.size(1), by: Self.directionsAtOnce).map { start in
            let length = min(Self.directionsAtOnce, directions.size(1) - start)
            return across.matmul(directions.narrow(1, start: start, length: length)).square().sum(dims: [2])
        }
        return Marginals(
            logWeights: logWeights, means: means.matmul(directions), spreads: Tensor.cat(variances, dim: 2).sqrt())
    }
    private static let directionsAtOnce = 256

    /// Mixtures of Gaussians on a line, D a star.
    public struct Marginals: Sendable {
        /// `[B, M]`.
        public let logWeights: Tensor
        /// `[B, M, D]`.
        public let means: Tensor, spreads: Tensor

        /// What lies below some values, 0 … 1.
        /// - Parameter values: `[B, D]`.
        public func share(below values: Tensor) -> Tensor {
            let scores = (values.unsqueezed(1) - means) / spreads.clamp(min: 1e-12)
            return (logWeights.exp().unsqueezed(2) * scores.normalShare()).sum(dims: [1])
        }

        /// The values below which a share lies, `[B, D]`: found by halving, to within 2⁻²⁰ of what lies between the Gaussians' own.
        /// - Parameter p: 0 … 1, neither of both.
        public func quantile(_ p: Double) -> Tensor {
            let own = means + spreads * normalScore(p)
            var (low, high) = (own.min(dims: [1]), own.max(dims: [1]))
            for _ in 0..<20 {
                let middle = (low + high) * 0.5
                let isBelow = share(below: middle).lt(p)
                (low, high) = (middle.where(isBelow, low), high.where(isBelow, middle))
            }
            return (low + high) * 0.5
        }
    }

    /// Draws, `[B, n, K]`: the same random numbers for every star, so that none depends on the stars beside it.
    /// - Parameters:
    ///   - count: n.
    ///   - seed: equal seeds give equal draws.
    public func draws(_ count: Int, seed: UInt64) -> Tensor {
        var random = SeededGenerator(seed: seed)
        let (stars, dimensions) = (means.size(0), means.size(2))
        // One number from each n-th of the range: every Gaussian has its share of the draws.
        let levels = (0..<count).map { Float((Double($0) + random.uniform()) / Double(count)) }
            .shuffled(using: &random)
        let normal = Self.directions(count, dimensions, using: &random)
        let bounds = logWeights.exp().cumsum(1).unsqueezed(1)
        let level = Tensor(levels, shape: [1, count, 1])
        let chosen = bounds.lt(level).to(.float32).sum(dims: [2]).clamp(max: Double(means.size(1) - 1)).to(.int64)
        let place = chosen.unsqueezed(-1).expanded([stars, count, dimensions])
        let centres = means.gather(1, place)
        // All Gaussians at every draw, of which one is taken: M is small.
        let steps = Tensor(normal, shape: [1, 1, count, dimensions]).matmul(factors.transposed(-1, -2))
        let own = steps.gather(1, place.unsqueezed(1)).squeezed(1)
        return centres + own
    }

    /// Standard normal numbers, n draws of K each, with a mean of 0 and, as near as so few can have it, one spread along all directions:
    /// n > K are uncorrelated with unit spread, fewer stand at right angles (orthogonal Monte Carlo; Yu et al. 2016, NIPS 29, 1975).
    private static func directions(_ count: Int, _ dimensions: Int, using random: inout SeededGenerator) -> [Float] {
        let normal = Tensor(
            (0..<count * dimensions).map { _ in Float(random.gaussian()) }, shape: [count, dimensions])
        guard count > 1 else { return normal.floats() }
        func centred(_ draws: Tensor) -> Tensor { draws - draws.mean(dims: [0], keepDims: true) }
        // Rows (few draws) or columns (many) that are orthonormal: L⁻¹ X of X Xᵀ = L Lᵀ.
        func orthonormal(_ rows: Tensor) -> Tensor {
            let rows = rows.to(.float64)
            return rows.matmul(rows.transposed()).cholesky().solvingTriangular(rows).to(.float32)
        }
        let draws =
            count > dimensions
            ? orthonormal(centred(normal).transposed()).transposed() * Double(count).squareRoot()
            : centred(orthonormal(normal))
                * (Double(dimensions * count) / Double(count - 1)).squareRoot()
        return draws.contiguous().floats()
    }
}
