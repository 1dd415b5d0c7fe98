import Foundation
import Support
import Torch

/// Draws of some labels as points, with a density estimated from them.
///
/// Gaussian kernels of Scott's width (1992), drawn towards the centre so that the variance stays that of the draws (West
/// 1993, J. R. Stat. Soc. B 55, 409).
struct DrawCloud {
    private let centre: Tensor, covariance: Tensor
    /// To axes along which the draws have unit variance, and back.
    private let whitening: Tensor, spread: Tensor
    /// Centres of the kernels along these axes, and their width.
    private let kernels: Tensor
    /// The width of the kernels, in units of the draws' own.
    let width: Double
    /// Twice the logarithm of the volume that the draws take, up to a term that depends on the number of labels alone.
    let logVolume: Double

    /// Kernels of the density: more would cost time and tell nothing.
    private static let largest = 1000

    /// - Parameters:
    ///   - columns: draws per label; nil where there are none, or draws that are not finite or all the same.
    ///   - width: of the kernels, in units of the draws' own; Scott's when nil.
    ///   - factors: densities that are multiplied: the noise of all adds up, and kernels are as wide as if draws were fewer by so
    ///     much.
    init?(_ columns: [[Float]], width: Double? = nil, factors: Int = 1) {
        guard let count = columns.first?.count, count > 1,
            columns.allSatisfy({ $0.count == count && $0.allSatisfy(\.isFinite) })
        else { return nil }
        let points = Tensor.cat(columns.map { Tensor($0, shape: [count, 1]) }, dim: 1).to(.float64)
        centre = points.mean(dims: [0], keepDims: true)
        let deviations = points - centre
        covariance = deviations.transposed().matmul(deviations) * (1 / Double(count - 1))
        let (values, vectors) = covariance.symmetricEigen()
        guard let least = values.doubles().min(), least > 0 else { return nil }
        logVolume = values.log().sum().item()
        whitening = vectors * values.sqrt().reciprocal()
        spread = (vectors * values.sqrt()).transposed()
        let step = max(1, count / Self.largest)
        let chosen = stride(from: 0, to: count, by: step).map(Int64.init)
        let own = width ?? min(1, pow(Double(chosen.count) / Double(factors), -1 / (Double(columns.count) + 4)))
        self.width = own
        kernels = deviations.indexSelect(0, Tensor(chosen)).matmul(whitening) * (1 - own * own).squareRoot()
    }

    /// Logarithms of the density, up to a term that is the same for all points.
    /// - Parameter columns: points, per label.
    func logDensity(at columns: [[Float]]) -> [Double] {
        let points = Tensor.cat(columns.map { Tensor($0, shape: [$0.count, 1]) }, dim: 1).to(.float64)
        let places = (points - centre).matmul(whitening)
        let squares =
            places.square().sum(dims: [1], keepDims: true) + kernels.square().sum(dims: [1], keepDims: false)
            - places.matmul(kernels.transposed()) * 2
        return (squares * (-0.5 / (width * width))).logSumExp(dim: 1).doubles()
    }

    /// Draws from the density.
    /// - Returns: so many of each label.
    func draws(_ count: Int, using random: inout SeededGenerator) -> [[Float]] {
        let (rows, dimensions) = (kernels.size(0), kernels.size(1))
        let own = kernels.indexSelect(0, Tensor((0..<count).map { Int64($0 % rows) }))
        let noise = Tensor((0..<count * dimensions).map { _ in random.gaussian() }, shape: [count, dimensions])
        let points = (own + noise * width).matmul(spread) + centre
        return points.split((0..<dimensions).map { _ in 1 }, 1).map { $0.to(.float32).floats() }
    }

    /// Squared distance of the centres in units of both widths together.
    func distance(to other: DrawCloud) -> Double {
        let between = centre - other.centre
        return (between * (covariance + other.covariance).solving(between.transposed()).transposed()).sum().item()
    }
}
