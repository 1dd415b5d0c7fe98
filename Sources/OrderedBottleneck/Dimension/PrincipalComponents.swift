import Torch

/// The directions of largest variance of a set of rows: the plainest compression there is, and so the baseline.
public struct PrincipalComponents: Sendable {
    /// Mean row, `[L]`.
    public let mean: Tensor
    /// Components as columns, the largest first, `[L, k]`.
    public let components: Tensor
    /// Variance along each component.
    public let variances: [Double]

    /// - Parameters:
    ///   - rows: `[N, L]`.
    ///   - count: components to keep, at most L.
    public init(_ rows: Tensor, count: Int) {
        let mean = rows.mean(dims: [0])
        let centred = rows - mean
        let covariance = centred.transposed().matmul(centred).to(.float64) / Double(max(1, rows.shape[0] - 1))
        let kept = min(count, rows.shape[1])
        let (values, vectors) = covariance.symmetricEigen()
        self.mean = mean
        variances = Array(values.doubles().reversed().prefix(kept)).map { max(0, $0) }
        components = vectors.narrow(1, start: rows.shape[1] - kept, length: kept).flipped([1]).to(.float32)
    }

    /// Coordinates along the components, `[N, k]`.
    public func project(_ rows: Tensor) -> Tensor { (rows - mean).matmul(components) }
}

extension PrincipalComponents {
    /// Rows as their first `width` components tell them, `[N, L]`.
    public func rebuilt(_ rows: Tensor, width: Int) -> Tensor {
        let kept = components.narrow(1, start: 0, length: width)
        return (rows - mean).matmul(kept).matmul(kept.transposed()) + mean
    }

    /// Squared error of rows rebuilt from the first `width` components, summed over features and averaged over rows.
    public func squaredErrors(_ rows: Tensor, width: Int) -> Double {
        let centred = (rows - mean).to(.float64)
        let kept = components.narrow(1, start: 0, length: width).to(.float64)
        let lost = centred.square().sum() - centred.matmul(kept).square().sum()
        return lost.item() / Double(max(1, rows.size(0)))
    }
}
