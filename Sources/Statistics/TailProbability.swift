import Foundation

/// Probabilities that a test's statistic would be as large as it is, or larger, by chance.
package enum TailProbability {
    /// Of a Kolmogorov–Smirnov distance between n uniform numbers and their law (Stephens 1970, J. R. Stat. Soc. B 32,
    /// 115: good to 1 % from n = 5 on).
    package static func kolmogorovSmirnov(distance: Double, count: Int) -> Double {
        let root = Double(count).squareRoot()
        let lambda = (root + 0.12 + 0.11 / root) * distance
        // Below this the alternating series needs many terms, and its sum is 1 within 1e-7.
        guard lambda > 0.3 else { return 1 }
        var sum = 0.0
        for k in 1...100 {
            let term = exp(-2 * Double(k * k) * lambda * lambda)
            sum += k.isMultiple(of: 2) ? -2 * term : 2 * term
        }
        return min(1, max(0, sum))
    }

    /// Of χ² with so many degrees of freedom: the regularised incomplete gamma function Q(ν / 2, χ² / 2).
    package static func chiSquare(_ value: Double, degrees: Int) -> Double {
        let (a, x) = (Double(degrees) / 2, value / 2)
        guard x > 0, degrees > 0 else { return 1 }
        let front = exp(a * log(x) - x - logGamma(a))
        if x < a + 1 {
            // Power series of P.
            var (term, sum, n) = (1 / a, 1 / a, a)
            while abs(term) > abs(sum) * 1e-15 {
                n += 1
                term *= x / n
                sum += term
            }
            return max(0, 1 - front * sum)
        }
        // Continued fraction of Q (modified Lentz).
        var b = x + 1 - a
        var (c, d) = (1e300, 1 / b)
        var h = d
        for i in 1...10_000 {
            let step = -Double(i) * (Double(i) - a)
            b += 2
            d = step * d + b
            c = b + step / c
            if abs(d) < 1e-300 { d = 1e-300 }
            if abs(c) < 1e-300 { c = 1e-300 }
            d = 1 / d
            h *= d * c
            if abs(d * c - 1) < 1e-15 { break }
        }
        return front * h
    }
}

/// Whether numbers are uniform in 0…1, as probability integral transforms and credible levels of honest posteriors are.
public struct UniformityTest: Codable, Sendable, Hashable {
    /// How many numbers.
    public let count: Int
    /// Largest distance between the share of numbers below a level and the level (Kolmogorov–Smirnov).
    public let distance: Double
    /// Probability of a distance as large by chance.
    public let distanceProbability: Double
    /// χ² of a histogram of equal bins.
    public let chiSquare: Double
    /// Bins of the histogram, one more than the degrees of freedom.
    public let bins: Int
    /// Probability of a χ² as large by chance.
    public let chiSquareProbability: Double

    /// - Parameters:
    ///   - values: in 0…1; NaN are left out.
    ///   - bins: of the histogram.
    public init(_ values: [Double], bins: Int = 20) {
        let sorted = values.filter { !$0.isNaN }.sorted()
        let n = Double(sorted.count)
        count = sorted.count
        self.bins = bins
        distance =
            sorted.enumerated().map { max($1 - Double($0) / n, Double($0 + 1) / n - $1) }.max() ?? 0
        distanceProbability = TailProbability.kolmogorovSmirnov(distance: distance, count: max(1, sorted.count))
        let expected = max(n, 1) / Double(bins)
        chiSquare = histogram(ofShares: sorted, bins: bins).reduce(0) {
            $0 + (Double($1) - expected) * (Double($1) - expected) / expected
        }
        chiSquareProbability = count > 0 ? TailProbability.chiSquare(chiSquare, degrees: bins - 1) : 1
    }
}

/// Counts of numbers in 0…1 in equal bins; NaN are left out.
package func histogram(ofShares values: [Double], bins: Int) -> [Int] {
    var counts = [Int](repeating: 0, count: bins)
    for value in values where !value.isNaN { counts[min(bins - 1, max(0, Int(value * Double(bins))))] += 1 }
    return counts
}
