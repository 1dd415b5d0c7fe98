import Foundation
import Statistics
import Torch

/// A linear function of features whose weights are kept small: by how much is chosen on validation rows or by what the rows say
/// themselves, and rows that lie far off the fit count little.
package struct RidgeRegression: Sendable {
    /// `[features]`, in units of their spread.
    package let weights: Tensor
    package let intercept: Double
    private let mean: Tensor
    private let inverseSpread: Tensor
    /// The penalty chosen, relative to the weight of one row.
    package let penalty: Double
    /// −2 log of the marginal likelihood of the labels, up to a constant.
    package let unlikelihood: Double

    /// How residuals are weighed.
    package enum Fit: Sendable {
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

    package static let penalties = [1e-2, 1, 1e1, 1e2, 1e3, 1e4]

    /// - Parameters:
    ///   - features: `[N, F]`.
    ///   - labels: one a row; rows where it is NaN are left out.
    ///   - rowWeights: what each row counts; nil for all the same.
    ///   - validation: features and labels of other rows, for the choice of the penalty; none takes the first.
    ///   - isLikeliest: takes the penalty instead under which the labels are likeliest, weights and residuals taken for Gaussian
    ///     (MacKay 1992, Neural Comput. 4, 415).
    ///   - standardises: brings the features to one spread first; not where their spread says what they are worth.
    package init(
        _ features: Tensor, labels: [Double], rowWeights given: [Double]? = nil,
        validation: (features: Tensor, labels: [Double])? = nil, penalties: [Double] = penalties, fit: Fit = .squares,
        standardises: Bool = true, isLikeliest: Bool = false
    ) {
        let (x, y) = Self.known(features, labels)
        let mean = x.mean(dims: [0])
        // A feature without spread says nothing; the floor keeps it from becoming infinite.
        let inverseSpread =
            standardises
            ? (x - mean).square().mean(dims: [0]).clamp(min: 1e-12).rsqrt() : Tensor.ones(like: mean)
        (self.mean, self.inverseSpread) = (mean, inverseSpread)
        let scaled = (x - mean) * inverseSpread
        let held = validation.map { Self.known($0.features, $0.labels) }
        let heldScaled = held.map { ($0.features - mean) * inverseSpread }
        let known = labels.indices.filter { labels[$0].isFinite }
        let prior = given.map { weights in known.map { weights[$0] } } ?? [Double](repeating: 1, count: y.count)
        var rowWeights = Tensor(prior).to(scaled.dtype)
        var best: Candidate?
        for round in 0...fit.rounds {
            let path = Self.path(scaled, y, rowWeights, penalties)
            let errors = path.map { candidate -> Double in
                guard let heldScaled, let held else { return isLikeliest ? candidate.unlikelihood : 0 }
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
            var residuals = zip(scaled.matmul(best.weights).doubles(), y).map { $0 + best.intercept - $1 }
            if isLikeliest {
                // A fit that is free enough follows each row a little: what is meant is how far off it is without it.
                let pulls = best.leverage(scaled, rowWeights)
                residuals = zip(residuals, pulls).map { $0 / max(1 - $1, 0.05) }
            }
            let scale = median(residuals.map { abs($0) }) / 0.6745
            guard scale > 0 else { break }
            let next = zip(residuals, prior).map { residual, weight -> Double in
                let pull = residual / (2 * scale)
                return weight / (1 + pull * pull)
            }
            rowWeights = Tensor(next).to(scaled.dtype)
        }
        weights = best?.weights ?? Tensor.zeros([features.shape[1]], dtype: mean.dtype)
        intercept = best?.intercept ?? .nan
        penalty = best?.penalty ?? .nan
        unlikelihood = best?.unlikelihood ?? .infinity
    }

    /// What is added to features times weights where features were not standardised.
    var offset: Double { intercept - (mean * inverseSpread * weights.to(mean.dtype)).sum().item() }

    /// One value a row.
    package func predict(_ features: Tensor) -> [Double] {
        ((features.to(mean.dtype) - mean) * inverseSpread).matmul(weights).doubles().map { $0 + intercept }
    }

    private static func known(_ features: Tensor, _ labels: [Double]) -> (features: Tensor, labels: [Double]) {
        precondition(features.shape[0] == labels.count)
        let rows = labels.indices.filter { labels[$0].isFinite }
        let picked = rows.count == labels.count ? features : features.indexSelect(0, Tensor(rows.map(Int64.init)))
        // Thousands of features would take minutes in double precision, and have a penalty to hide its want behind.
        let isWide = features.shape[1] > 512 && features.dtype != .float64
        return (picked.to(isWide ? .float32 : .float64), rows.map { labels[$0] })
    }

    /// Weights for each penalty: with the eigenvectors of the weighted covariance at hand, each costs but a product.
    private static func path(
        _ x: Tensor, _ y: [Double], _ rowWeights: Tensor, _ penalties: [Double]
    ) -> [Candidate] {
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
        let spread = ((target - targetMean).square() * rowWeights.to(.float64)).sum().item()
        let (eigenvalues, squares) = (values.doubles().map { max($0, 0) }, rotated.doubles().map { $0 * $0 })
        return penalties.map { penalty in
            let solution = vectors.matmul(rotated / (values.clamp(min: 0) + penalty)).to(x.dtype)
            let left = zip(eigenvalues, squares).reduce(spread) { $0 - $1.1 / ($1.0 + penalty) }
            let rows = Double(y.count)
            let volume = eigenvalues.reduce(0) { $0 + log1p($1 / penalty) }
            return Candidate(
                weights: solution, intercept: targetMean - (centre * solution).sum().item(), penalty: penalty,
                unlikelihood: rows * log(max(left, 1e-300) / rows) + volume, centre: centre,
                axes: vectors * (values.clamp(min: 0) + penalty).rsqrt())
        }
    }

    /// The fit under one penalty.
    private struct Candidate {
        let weights: Tensor
        let intercept: Double
        let penalty: Double
        /// −2 log of the marginal likelihood, up to a constant, with the best scale of the residuals.
        let unlikelihood: Double
        fileprivate let centre: Tensor
        /// Whose squares are the inverse of covariance and penalty.
        fileprivate let axes: Tensor

        /// How much each row pulls the fit towards itself, 0…1.
        func leverage(_ x: Tensor, _ rowWeights: Tensor) -> [Double] {
            let pulls = (x - centre).matmul(axes.to(x.dtype)).square().sum(dims: [1])
            return (pulls * rowWeights).doubles()
        }
    }
}
