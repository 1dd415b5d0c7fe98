import Foundation
import Support
import Torch

/// Squared errors of many rows at every width, and the curves made of them.
struct SquaredErrors {
    /// `[N, K + 1]`, float64, in units of the total variance or of the noise.
    private let errors: Tensor
    let rows: Int

    init(_ errors: Tensor, variance: Double) {
        self.errors = errors.to(.float64) / variance
        rows = errors.size(0)
    }

    /// The mean over models of what they make of the same rows.
    init(meanOf models: [SquaredErrors]) {
        let sum = models.dropFirst().reduce(models.first?.errors ?? Tensor.zeros([0, 1])) { $0 + $1.errors }
        errors = sum / Double(max(1, models.count))
        rows = errors.size(0)
    }

    /// Mean error per width.
    var meanCurve: [Double] { errors.mean(dims: [0]).doubles() }

    /// Mean curves of rows drawn anew with replacement.
    func resampledCurves(_ count: Int, seed: UInt64) -> [[Double]] {
        guard rows > 1 else { return [] }
        var random = StepRandom(seed, 0xB007)
        return curves(count, of: rows) { weights in
            for _ in 0..<rows { weights[Int.random(in: 0..<rows, using: &random)] += 1 }
        }
    }

    /// Mean curves of `size` rows drawn without replacement; of all rows there is but one.
    func drawnCurves(_ size: Int, count: Int, seed: UInt64) -> [[Double]] {
        guard size < rows else { return [meanCurve] }
        var random = StepRandom(seed, 0xD4A3, UInt64(size))
        // Any order is as good a start as any other.
        var order = Array(0..<rows)
        return curves(count, of: size) { weights in
            for i in 0..<size {
                order.swapAt(i, Int.random(in: i..<rows, using: &random))
                weights[order[i]] = 1
            }
        }
    }

    /// Rows are drawn as weights, so that the curves of many draws are one matrix product.
    private func curves(_ count: Int, of size: Int, draw: (inout [Double]) -> Void) -> [[Double]] {
        stride(from: 0, to: count, by: 16).flatMap { start -> [[Double]] in
            let block = min(16, count - start)
            let weights = (0..<block).flatMap { _ in
                var weights = [Double](repeating: 0, count: rows)
                draw(&weights)
                return weights
            }
            let means = (Tensor(weights, shape: [block, rows]).matmul(errors) / Double(size)).doubles()
            let length = means.count / block
            return (0..<block).map { Array(means[$0 * length..<($0 + 1) * length]) }
        }
    }

    /// For each latent, the probability that rows scatter to a mean gain this far above `floor` times the noise if it were
    /// that at most: one-sided, by the normal distribution of the mean of independent rows.
    /// - Parameter free: dimensions whose residual at full width is the noise; `nil` where the errors are in its units.
    func probabilities(floor: Double, free: Int?) -> [Double] {
        let width = errors.size(1) - 1
        guard rows > 1, width > 0 else { return Array(repeating: .nan, count: width) }
        let gains = errors.narrow(1, start: 0, length: width) - errors.narrow(1, start: 1, length: width)
        let excess =
            free.map { gains - errors.narrow(1, start: width, length: 1) * (floor / Double(max(1, $0))) }
            ?? gains - floor
        let (mean, scatter) = (excess.mean(dims: [0]).doubles(), excess.std(dim: 0, unbiased: true).doubles())
        return zip(mean, scatter).map { mean, scatter in
            let deviation =
                scatter > 0 ? mean / (scatter / Double(rows).squareRoot()) : mean > 0 ? .infinity : -.infinity
            return 0.5 * erfc(deviation / 2.0.squareRoot())
        }
    }
}

extension Tensor {
    /// Population variance summed over the features of rows `[N, …]`.
    public var totalVariance: Double {
        to(.float64).reshaped([size(0), -1]).variance(dim: 0, unbiased: false).sum().item()
    }
}
