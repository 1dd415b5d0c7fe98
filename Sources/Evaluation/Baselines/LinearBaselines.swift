import OrderedBottleneck
import StarReading
import Torch

/// Labels as a linear function of features that are not trained for them: how much of a label a frozen encoder has laid out
/// in plain sight.
public struct LinearProbe: Sendable {
    private let fits: [RidgeRegression]
    /// What is predicted.
    public let labels: [StellarLabel]

    /// Fits one ridge regression a label, on the rows where it is known.
    /// - Parameters:
    ///   - features: `[N, F]` of the training split, such as embeddings.
    ///   - labels: values per label, per row; NaN where unknown.
    ///   - names: which labels they are.
    ///   - validation: features and labels by whose mean square error the penalty is chosen; none takes the smallest.
    public init(
        _ features: Tensor, labels values: [[Double]], named names: [StellarLabel],
        validation: (features: Tensor, labels: [[Double]])? = nil
    ) {
        precondition(values.count == names.count && values.allSatisfy { $0.count == features.shape[0] })
        labels = names
        fits = values.enumerated().map { index, column in
            RidgeRegression(
                features, labels: column, validation: validation.map { ($0.features, $0.labels[index]) })
        }
    }

    /// Labels of new features `[M, F]`: per label, per row.
    public func predict(_ features: Tensor) -> [[Double]] { fits.map { $0.predict(features) } }

    /// The penalty chosen for each label, relative to the weight of one row.
    public var penalties: [Double] { fits.map(\.penalty) }
}

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
