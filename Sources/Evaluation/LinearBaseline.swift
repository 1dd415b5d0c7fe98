import OrderedBottleneck
import Torch

/// Labels as a linear function of principal components: what a model must beat to be worth its training.
public struct LinearBaseline: Sendable {
    private let components: PrincipalComponents
    /// `[1 + k, labels]`.
    private let weights: Tensor

    /// - Parameters:
    ///   - rows: `[N, L]`.
    ///   - labels: per label, per row; rows with a missing label are left out.
    ///   - components: how many to regress on.
    public init(_ rows: Tensor, labels: [[Double]], components count: Int) {
        let known = (0..<rows.shape[0]).filter { row in labels.allSatisfy { $0[row].isFinite } }
        let index = Tensor(known.map(Int64.init), shape: [known.count])
        let used = rows.indexSelect(0, index)
        components = PrincipalComponents(used, count: count)
        let x = Self.design(components.project(used))
        let y = Tensor(known.flatMap { row in labels.map { $0[row] } }, shape: [known.count, labels.count])
        // A touch of ridge, far below any signal, keeps the normal equations solvable when components vanish.
        let gram = x.transposed().matmul(x)
        let ridge = Tensor.eye(gram.shape[0], dtype: .float64) * (1e-10 * Double(known.count))
        weights = (gram + ridge).solving(x.transposed().matmul(y))
    }

    /// Labels of new rows: per label, per row.
    public func predict(_ rows: Tensor) -> [[Double]] {
        let out = Self.design(components.project(rows)).matmul(weights).transposed().contiguous()
        let values = out.doubles()
        let count = rows.shape[0]
        return (0..<out.shape[0]).map { Array(values[$0 * count..<($0 + 1) * count]) }
    }

    private static func design(_ coordinates: Tensor) -> Tensor {
        Tensor.cat([Tensor.ones([coordinates.shape[0], 1]), coordinates], dim: 1).to(.float64)
    }
}
