import OrderedBottleneck
import StarReading
import Statistics
import Torch

/// A linear function of features whose weights are kept small: by how much is chosen on validation rows, and rows that lie
/// far off the fit count little.
struct RidgeRegression: Sendable {
    /// `[features]`, in units of their spread.
    private let weights: Tensor
    private let intercept: Double
    private let mean: Tensor
    private let inverseSpread: Tensor
    /// The penalty chosen, relative to the weight of one row.
    let penalty: Double

    /// How residuals are weighed.
    enum Fit {
        /// Least squares.
        case squares
        /// Least squares repeated, a residual of r robust σ weighing 1 / (1 + (r / 2)²) the next time (Cauchy). What the
        /// field quotes is the robust scatter, and a few per cent of odd stars would else decide the fit.
        case robust(rounds: Int)

        var rounds: Int {
            switch self {
            case .squares: 0
            case .robust(let rounds): rounds
            }
        }
    }

    static let penalties = [1e-2, 1, 1e1, 1e2, 1e3, 1e4]

    /// - Parameters:
    ///   - features: `[N, F]`.
    ///   - labels: one a row; rows where it is NaN are left out.
    ///   - validation: features and labels of other rows, for the choice of the penalty; none takes the first.
    init(
        _ features: Tensor, labels: [Double], validation: (features: Tensor, labels: [Double])?,
        penalties: [Double] = penalties, fit: Fit = .squares
    ) {
        let (x, y) = Self.known(features, labels)
        let mean = x.mean(dims: [0])
        // A feature without spread says nothing; the floor keeps it from becoming infinite.
        let inverseSpread = (x - mean).square().mean(dims: [0]).clamp(min: 1e-12).rsqrt()
        (self.mean, self.inverseSpread) = (mean, inverseSpread)
        let scaled = (x - mean) * inverseSpread
        let held = validation.map { Self.known($0.features, $0.labels) }
        let heldScaled = held.map { ($0.features - mean) * inverseSpread }
        var rowWeights = Tensor.ones([y.count], dtype: scaled.dtype)
        var best: (weights: Tensor, intercept: Double, penalty: Double)?
        for round in 0...fit.rounds {
            let path = Self.path(scaled, y, rowWeights, penalties)
            let errors = path.map { candidate -> Double in
                guard let heldScaled, let held else { return 0 }
                let predicted = heldScaled.matmul(candidate.weights).doubles().map { $0 + candidate.intercept }
                let residuals = zip(predicted, held.labels).map { $0 - $1 }
                switch fit {
                case .squares: return residuals.reduce(0) { $0 + $1 * $1 }
                case .robust: return robustSigma(residuals)
                }
            }
            guard let chosen = path.indices.min(by: { errors[$0] < errors[$1] }) else { break }
            best = path[chosen]
            guard round < fit.rounds, let best else { break }
            let residuals = zip(scaled.matmul(best.weights).doubles(), y).map { $0 + best.intercept - $1 }
            let scale = median(residuals.map { abs($0) }) / 0.6745
            guard scale > 0 else { break }
            let next = residuals.map { residual -> Double in
                let pull = residual / (2 * scale)
                return 1 / (1 + pull * pull)
            }
            rowWeights = Tensor(next).to(scaled.dtype)
        }
        weights = best?.weights ?? Tensor.zeros([features.shape[1]], dtype: mean.dtype)
        intercept = best?.intercept ?? .nan
        penalty = best?.penalty ?? .nan
    }

    /// One value a row.
    func predict(_ features: Tensor) -> [Double] {
        ((features.to(mean.dtype) - mean) * inverseSpread).matmul(weights).doubles().map { $0 + intercept }
    }

    private static func known(_ features: Tensor, _ labels: [Double]) -> (features: Tensor, labels: [Double]) {
        precondition(features.shape[0] == labels.count)
        let rows = labels.indices.filter { labels[$0].isFinite }
        let picked = rows.count == labels.count ? features : features.indexSelect(0, Tensor(rows.map(Int64.init)))
        // Thousands of features would take minutes in double precision, and have a penalty to hide its want behind.
        return (picked.to(features.shape[1] > 512 ? .float32 : .float64), rows.map { labels[$0] })
    }

    /// Weights for each penalty: with the eigenvectors of the weighted covariance at hand, each costs but a product.
    private static func path(
        _ x: Tensor, _ y: [Double], _ rowWeights: Tensor, _ penalties: [Double]
    ) -> [(weights: Tensor, intercept: Double, penalty: Double)] {
        let total = rowWeights.sum().item()
        guard total > 0 else { return [] }
        let column = rowWeights.unsqueezed(1)
        let centre = (x * column).sum(dims: [0]) / total
        let target = Tensor(y)
        let targetMean = (target * rowWeights.to(.float64)).sum().item() / total
        let centred = x - centre
        let weighted = (centred * column).transposed()
        let (values, vectors) = weighted.matmul(centred).to(.float64).symmetricEigen()
        let moments = weighted.matmul((target - targetMean).to(x.dtype)).to(.float64)
        let rotated = vectors.transposed().matmul(moments)
        return penalties.map { penalty in
            let solution = vectors.matmul(rotated / (values.clamp(min: 0) + penalty)).to(x.dtype)
            return (solution, targetMean - (centre * solution).sum().item(), penalty)
        }
    }
}

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
