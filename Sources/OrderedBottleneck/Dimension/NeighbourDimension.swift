import Foundation
import Torch

/// Intrinsic dimension from distances to the nearest neighbours: estimators that need no training, to compare with.
public struct NeighbourDimension {
    /// Distances to the nearest neighbours of every row, ascending, `[N, k]`; rows with a twin at distance 0 are left out.
    private let distances: [[Double]]

    /// - Parameters:
    ///   - rows: `[N, …]`, N above `neighbours`.
    ///   - neighbours: how many to look at.
    public init(_ rows: Tensor, neighbours: Int = 20) {
        let points = rows.reshaped([rows.size(0), -1]).to(.float64)
        let count = min(neighbours + 1, points.size(0))
        let norms = points.square().sum(dims: [1])
        var found: [[Double]] = []
        for start in stride(from: 0, to: points.size(0), by: 512) {
            let block = points.narrow(0, start: start, length: min(512, points.size(0) - start))
            let near = (norms.unsqueezed(0) - block.matmul(points.transposed()) * 2).topk(count, largest: false).indices
            // The nearest are found by inner products, their distances by differences: those lose no digits.
            for row in 0..<block.size(0) {
                let others = points.indexSelect(0, near.select(0, row))
                let distance = (others - block.select(0, row)).norm(dim: 1).doubles().sorted()
                if distance.count == count, distance[1] > 0 { found.append(Array(distance.dropFirst())) }
            }
        }
        distances = found
    }

    /// TwoNN (Facco et al. 2017): from the ratio of the distances to the second and the first neighbour, by a line through
    /// the origin that leaves out the largest tenth. Nil where there is no answer; ``problem`` says why.
    public var twoNN: Double? {
        guard problem == nil else { return nil }
        let ratios = ratios
        let count = ratios.count
        let kept = Int(Double(count) * 0.9)
        var (xx, xy) = (0.0, 0.0)
        for (i, ratio) in ratios.prefix(kept).enumerated() {
            let (x, y) = (log(ratio), -log(1 - Double(i + 1) / Double(count)))
            xx += x * x
            xy += x * y
        }
        return xy / xx
    }

    /// Why the distances tell no dimension, in words; nil where they do.
    public var problem: String? {
        let ratios = ratios
        guard ratios.count > 2 else { return "too few rows that differ" }
        let ties = ratios.count { $0 < 1 + 1e-9 }
        guard Double(ties) < 0.1 * Double(ratios.count) else {
            return
                "\(100 * ties / ratios.count) % of the rows have their two nearest at one distance, as numbers on a lattice do"
        }
        return nil
    }

    /// Of the distances to the second and the first neighbour, ascending.
    private var ratios: [Double] { distances.filter { $0.count >= 2 }.map { $0[1] / $0[0] }.sorted() }

    /// Maximum likelihood (Levina & Bickel 2005) over all neighbours, the inverses averaged over the rows
    /// (MacKay & Ghahramani 2005), without the last neighbour's own zero.
    public var maximumLikelihood: Double {
        let inverses = distances.compactMap { distance -> Double? in
            guard let last = distance.last, distance.count > 2 else { return nil }
            return distance.dropLast().reduce(0) { $0 + log(last / $1) } / Double(distance.count - 1)
        }
        guard !inverses.isEmpty else { return .nan }
        return Double(inverses.count) / inverses.reduce(0, +)
    }
}

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
