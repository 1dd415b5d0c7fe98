import Foundation
import Support
import Torch

/// Directions in groups of like ones, so that a search looks at a few groups alone (an inverted file; Sivic & Zisserman 2003, ICCV;
/// Jégou et al. 2011, IEEE TPAMI 33, 117). Groups are those of spherical k-means.
struct InvertedLists {
    /// The middle of each group, of unit length, `[K, E]`.
    let centroids: Tensor

    /// The number of groups.
    var count: Int { centroids.size(0) }

    init(centroids: Tensor) { self.centroids = centroids }

    /// Up to so many rows all are looked at: an exact search takes no longer.
    static let exact = 50_000
    /// Rows that each group is learned from, on the average.
    static let sample = 128
    private static let rounds = 8
    private static let block = 8192

    /// Groups that suit a number of rows: a power of two near its square root; 1 for few.
    static func count(for rows: Int) -> Int {
        rows <= exact ? 1 : 1 << Int((0.4 + log2(Double(rows)) / 2).rounded())
    }

    /// Learns groups.
    /// - Parameters:
    ///   - rows: of unit length, `[n, E]`, drawn from all.
    ///   - count: K, at most n.
    ///   - seed: equal seeds give equal groups on one machine.
    init(learning rows: Tensor, count: Int, seed: UInt64 = 1) throws {
        guard count > 1 else {
            centroids = rows.mean(dims: [0], keepDims: true)
            return
        }
        var random = SeededGenerator(seed: seed)
        let number = rows.size(0)
        var centroids = rows.rows(Array((0..<number).shuffled(using: &random).prefix(count)))
        for _ in 0..<Self.rounds {
            try Interruption.check()
            let groups = InvertedLists(centroids: centroids).groups(of: rows)
            let sums = Tensor.zeros([count, rows.size(1)]).indexAdd(0, groups, rows)
            // A group that nothing is nearest to begins anew at some row.
            let length = sums.norm(dim: 1, keepDims: true)
            let others = rows.rows((0..<count).map { _ in Int(random.next() % UInt64(number)) })
            centroids = (sums / length.clamp(min: 1e-6)).where(length.gt(1e-6), others)
        }
        self.centroids = centroids
    }

    /// The group of each row, `[n]`.
    func groups(of rows: Tensor) -> Tensor {
        let blocks = stride(from: 0, to: rows.size(0), by: Self.block).map { start in
            rows.narrow(0, start: start, length: min(Self.block, rows.size(0) - start))
                .matmul(centroids.transposed()).argmax(dim: 1)
        }
        return blocks.count == 1 ? blocks[0] : Tensor.cat(blocks, dim: 0)
    }
}
