import Foundation
import Statistics
import Support
import Torch

/// Mutual information of two sets of a few numbers from distances to nearest neighbours (Kraskov, Stögbauer & Grassberger 2004,
/// Phys. Rev. E 69, 066138, arXiv cond-mat/0305641, their first estimator): no density is fitted, and in a few dimensions it is
/// nearly without bias. In many it falls short.
public struct NearestNeighbourInformation: Codable, Sendable, Hashable {
    /// Nats.
    public let value: Double
    /// Of five disjoint parts of the rows the scatter over √5: resampled rows would be their own neighbours.
    public let error: Double
    /// Numbers of each side.
    public let dimensions: Int

    /// - Parameters:
    ///   - x: `[N, D]`.
    ///   - y: `[N, D]`, rows of the same stars.
    ///   - neighbours: k.
    public init(_ x: Tensor, _ y: Tensor, neighbours: Int = 4) {
        func columns(_ rows: Tensor) -> [[Double]] {
            // Scale is none of its business: each number is measured in its own spread.
            (0..<rows.size(1)).map { column in
                let values = rows.select(1, column).to(.float64).doubles()
                let sigma = standardError(values) ?? 1
                return values.map { $0 / max(sigma, 1e-300) }
            }
        }
        let (a, b) = (columns(x), columns(y))
        let count = x.size(0)
        value = Self.estimate(a, b, Array(0..<count), neighbours)
        let parts = (0..<5).map { part in
            Self.estimate(a, b, (0..<count).filter { $0 % 5 == part }, neighbours)
        }
        error = (standardError(parts) ?? .nan) / 5.0.squareRoot()
        dimensions = x.size(1)
    }

    private static func estimate(_ x: [[Double]], _ y: [[Double]], _ rows: [Int], _ neighbours: Int) -> Double {
        guard rows.count > neighbours + 1 else { return .nan }
        let terms = concurrentMap(rows) { own in
            func distances(_ columns: [[Double]]) -> [Double] {
                var most = [Double](repeating: 0, count: rows.count)
                for column in columns {
                    let at = column[own]
                    for (place, row) in rows.enumerated() { most[place] = max(most[place], abs(column[row] - at)) }
                }
                return most
            }
            let (ofX, ofY) = (distances(x), distances(y))
            // The nearest of all is the row itself.
            let reach = ordered(zip(ofX, ofY).map { max($0, $1) }, at: neighbours)
            func closer(_ distances: [Double]) -> Int { max(0, distances.count { $0 < reach } - 1) }
            return digamma(Double(closer(ofX) + 1)) + digamma(Double(closer(ofY) + 1))
        }
        let mean = terms.reduce(0, +) / Double(terms.count)
        return digamma(Double(neighbours)) + digamma(Double(rows.count)) - mean
    }
}

/// ψ(x), the derivative of log Γ(x), for x > 0: by recurrence to 6 and beyond, then its asymptotic series (Abramowitz & Stegun
/// 6.3.18), good to 1e-10.
func digamma(_ x: Double) -> Double {
    var (x, sum) = (x, 0.0)
    while x < 10 {
        sum -= 1 / x
        x += 1
    }
    let square = 1 / (x * x)
    return sum + log(x) - 0.5 / x - square * (1.0 / 12 - square * (1.0 / 120 - square * (1.0 / 252 - square / 240)))
}
