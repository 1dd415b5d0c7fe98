import Torch
import Training

/// Squared errors of many rows at every width, and the curves made of them.
struct SquaredErrors {
    /// `[N, K + 1]`, float64, in units of the total variance.
    private let errors: Tensor
    let rows: Int

    init(_ errors: Tensor, variance: Double) {
        self.errors = errors.to(.float64) / variance
        rows = errors.size(0)
    }

    /// Mean error per width.
    var meanCurve: [Double] { errors.mean(dims: [0]).doubles() }

    /// Mean curves of rows drawn anew with replacement: as weights, so that all resamples are one matrix product.
    func resampledCurves(_ count: Int, seed: UInt64) -> [[Double]] {
        guard rows > 1, count > 0 else { return [] }
        var random = StepRandom(seed, 0xB007)
        var curves: [[Double]] = []
        for start in stride(from: 0, to: count, by: 16) {
            let block = min(16, count - start)
            var weights = [Double](repeating: 0, count: block * rows)
            for resample in 0..<block {
                for _ in 0..<rows { weights[resample * rows + Int.random(in: 0..<rows, using: &random)] += 1 }
            }
            let means = (Tensor(weights, shape: [block, rows]).matmul(errors) / Double(rows)).doubles()
            let length = means.count / block
            curves += (0..<block).map { Array(means[$0 * length..<($0 + 1) * length]) }
        }
        return curves
    }
}

extension Tensor {
    /// Population variance summed over the features of rows `[N, …]`.
    public var totalVariance: Double {
        to(.float64).reshaped([size(0), -1]).variance(dim: 0, unbiased: false).sum().item()
    }
}
