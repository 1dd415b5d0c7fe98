import Foundation
import Support
import Torch

/// Directions of two sets of numbers that go together most (canonical correlations, Hotelling 1936, Biometrika 28, 321): learned
/// from some stars, measured on others.
public struct CanonicalCorrelations {
    private let meanX: Tensor, meanY: Tensor
    private let axesX: Tensor, axesY: Tensor
    /// On the stars that they are measured on, the first direction first.
    public let correlations: [Double]
    /// Stars that they are measured on.
    public let stars: Int

    /// - Parameters:
    ///   - training: to learn the directions from.
    ///   - heldOut: to measure them on.
    public init(_ training: PairedRows, heldOut: PairedRows) {
        let (x, y) = (training.x.to(.float64), training.y.to(.float64))
        (meanX, meanY) = (x.mean(dims: [0]), y.mean(dims: [0]))
        let (a, b) = (x - meanX, y - meanY)
        let count = Double(training.count)
        /// Axes along which all variances are 1; what hardly varies is left nearly out.
        func whitening(_ rows: Tensor) -> Tensor {
            let (values, vectors) = (rows.transposed().matmul(rows) / count).symmetricEigen()
            let floor = (values.max().item()) * 1e-6 + 1e-12
            return vectors * (values.clamp(min: 0) + floor).rsqrt()
        }
        let (wx, wy) = (whitening(a), whitening(b))
        let cross = a.matmul(wx).transposed().matmul(b.matmul(wy)) / count
        let kept = min(cross.size(0), cross.size(1))
        let (squares, left) = cross.matmul(cross.transposed()).symmetricEigen()
        let u = left.narrow(1, start: cross.size(0) - kept, length: kept).flipped([1])
        let s = squares.narrow(0, start: cross.size(0) - kept, length: kept).flipped([0]).clamp(min: 1e-18).sqrt()
        axesX = wx.matmul(u)
        axesY = wy.matmul(cross.transposed().matmul(u) / s)
        let (p, q) = (
            (heldOut.x.to(.float64) - meanX).matmul(axesX), (heldOut.y.to(.float64) - meanY).matmul(axesY)
        )
        let (dp, dq) = (p - p.mean(dims: [0]), q - q.mean(dims: [0]))
        let norms = (dp.square().sum(dims: [0]) * dq.square().sum(dims: [0])).clamp(min: 1e-300).sqrt()
        correlations = ((dp * dq).sum(dims: [0]) / norms).doubles()
        stars = heldOut.count
    }

    /// How many correlations exceed what stars that were paired by chance have: 3 / √N.
    public var count: Int { correlations.count { $0 > 3 / Double(stars).squareRoot() } }

    /// Nats that the correlations stand for if all were Gaussian.
    public var gaussianInformation: Double {
        -0.5
            * correlations.filter { $0 > 3 / Double(stars).squareRoot() }
            .reduce(0) { $0 + Foundation.log1p(-min($1 * $1, 1 - 1e-12)) }
    }

    /// Rows along the first directions, `[N, count]`.
    func projected(_ rows: PairedRows, count: Int) -> PairedRows {
        let kept = min(count, axesX.size(1))
        return PairedRows(
            (rows.x.to(.float64) - meanX).matmul(axesX.narrow(1, start: 0, length: kept)),
            (rows.y.to(.float64) - meanY).matmul(axesY.narrow(1, start: 0, length: kept)))
    }
}

/// The spectrum of a critic as an operator between functions of two sides: the singular values of Σ_f^½ Σ_g^½, Σ being the
/// covariances of f and g over stars.
public struct CriticSpectrum: Codable, Sendable, Hashable {
    /// The largest first.
    public let singularValues: [Double]

    /// (Σ s²)² / Σ s⁴: as many directions as there were if all had the same share.
    public var participation: Double {
        let squares = singularValues.map { $0 * $0 }
        let sum = squares.reduce(0, +)
        return sum * sum / max(squares.reduce(0) { $0 + $1 * $1 }, 1e-300)
    }

    init(_ f: Tensor, _ g: Tensor) {
        func covariance(_ rows: Tensor) -> Tensor {
            let centred = rows.to(.float64) - rows.to(.float64).mean(dims: [0])
            return centred.transposed().matmul(centred) / Double(rows.size(0))
        }
        let (values, vectors) = covariance(f).symmetricEigen()
        let root = vectors * values.clamp(min: 0).sqrt()
        let product = root.transposed().matmul(covariance(g)).matmul(root)
        singularValues = product.symmetricEigen().values.doubles().reversed().map { max(0, $0).squareRoot() }
    }
}
