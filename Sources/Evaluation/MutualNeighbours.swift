import Torch

/// How alike two spaces are in which the same stars lie: the mean share of its k nearest neighbours that a star has in both
/// (mutual k-nearest-neighbour alignment, MKNN; Huh et al. 2024, arXiv 2405.07987, section 2).
///
/// Neighbours are the nearest by Euclidean distance, the star itself left out. Rows of unit length have the same neighbours by
/// cosine. Two equal spaces give 1, two that have nothing to do with each other k / (N − 1); the order of the two, rotations and
/// scales do not matter.
public enum MutualNeighbours {
    /// The share of common neighbours of each star, 0…1; the mean over stars is the published measure.
    /// - Parameters:
    ///   - a: `[N, E]`, a star a row.
    ///   - b: `[N, F]`, the same stars in the same order.
    ///   - k: neighbours of each star; at most N − 1 are taken.
    public static func overlaps(_ a: Tensor, _ b: Tensor, neighbours k: Int) -> [Double] {
        precondition(a.shape[0] == b.shape[0], "rows differ")
        let (ofA, ofB) = (nearest(a, count: k), nearest(b, count: k))
        return zip(ofA, ofB).map { first, second in
            Double(Set(first).intersection(second).count) / Double(max(1, first.count))
        }
    }

    /// The overlap of spaces that have nothing to do with each other.
    /// - Parameters:
    ///   - stars: N.
    ///   - k: neighbours of each.
    public static func chance(stars: Int, neighbours k: Int) -> Double {
        stars > 1 ? min(1, Double(k) / Double(stars - 1)) : 0
    }

    /// The rows nearest to each, nearest first, itself left out.
    static func nearest(_ rows: Tensor, count k: Int) -> [[Int]] {
        let (rows, count) = (rows.to(.float64), rows.shape[0])
        let kept = min(k, count - 1)
        guard kept > 0 else { return Array(repeating: [], count: count) }
        let squares = rows.square().sum(dims: [1]).unsqueezed(0)
        return withoutGradient {
            stride(from: 0, to: count, by: 1024).flatMap { start in
                let block = rows.narrow(0, start: start, length: min(1024, count - start))
                // One more than is wanted: the star itself is among them, unless copies of it are.
                let nearness = block.matmul(rows.transposed()) * 2 - squares
                let found = nearness.topk(kept + 1, dim: 1, largest: true).indices.int64s()
                return (0..<block.shape[0]).map { row in
                    let places = found[row * (kept + 1)..<(row + 1) * (kept + 1)].map { Int($0) }
                    return Array(places.filter { $0 != start + row }.prefix(kept))
                }
            }
        }
    }
}
