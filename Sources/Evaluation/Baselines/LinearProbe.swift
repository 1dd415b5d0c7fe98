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
