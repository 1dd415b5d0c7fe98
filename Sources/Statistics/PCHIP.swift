import Algorithms

/// A smooth rising curve through a few knots: cubic Hermite pieces whose slopes are limited so that the curve never falls
/// (Fritsch & Carlson 1980, SIAM J. Numer. Anal. 17, 238). Beyond the outer knots it goes on straight, with the slope of
/// the line from the middle of the curve: wings are scaled about the median.
package struct PCHIP {
    private let x: [Double]
    private let y: [Double]
    private let slopes: [Double]

    /// - Parameters:
    ///   - x: ascending, at least two.
    ///   - y: not falling.
    package init(x: [Double], y: [Double]) {
        self.x = x
        self.y = y
        let last = x.count - 1
        let rises = (0..<last).map { (i: Int) -> Double in (y[i + 1] - y[i]) / (x[i + 1] - x[i]) }
        let middle = x.partitioningIndex { $0 >= 0 }
        func wing(_ end: Int) -> Double {
            let centre = min(max(middle, 0), last)
            return centre == end ? rises[min(end, last - 1)] : (y[end] - y[centre]) / (x[end] - x[centre])
        }
        slopes = x.indices.map { i -> Double in
            let (before, after) = (rises[max(0, i - 1)], rises[min(i, last - 1)])
            guard i > 0, i < last else { return min(wing(i), 3 * before) }
            let wanted = harmonicMean((before, after), weights: (x[i + 1] - x[i], x[i] - x[i - 1]))
            return min(wanted, 3 * min(before, after))
        }
    }

    package func callAsFunction(_ at: Double) -> Double {
        let above = x.partitioningIndex { $0 > at }
        return value(at, below: above)
    }

    /// The values at places that do not fall: one walk along the knots.
    package func callAsFunction(ascending places: [Double]) -> [Double] {
        var above = 0
        return places.map { at in
            while above < x.count, x[above] <= at { above += 1 }
            return value(at, below: above)
        }
    }

    /// - Parameter above: the first knot beyond `at`; as many as there are knots if none is.
    private func value(_ at: Double, below above: Int) -> Double {
        let last = x.count - 1
        if above == 0 { return y[0] + slopes[0] * (at - x[0]) }
        if above > last { return y[last] + slopes[last] * (at - x[last]) }
        let i = above - 1
        let width = x[i + 1] - x[i]
        let t = (at - x[i]) / width
        let (t2, t3) = (t * t, t * t * t)
        return y[i] * (2 * t3 - 3 * t2 + 1) + y[i + 1] * (3 * t2 - 2 * t3)
            + width * (slopes[i] * (t3 - 2 * t2 + t) + slopes[i + 1] * (t3 - t2))
    }
}

/// Fritsch & Butland's slope between two pieces: near the flatter one, zero if either is flat. The piece farther off
/// counts less, hence each weight is the other piece's width.
private func harmonicMean(_ values: (Double, Double), weights: (Double, Double)) -> Double {
    guard values.0 > 0, values.1 > 0 else { return 0 }
    let (first, second) = (weights.0 + 2 * weights.1, 2 * weights.0 + weights.1)
    return (first + second) / (first / values.1 + second / values.0)
}
