import Foundation

/// How often a normal case scores as high as one that is looked at: a p-value from the scores of normal cases, whatever the score is
/// (conformal prediction; Vovk et al. 2005; Bates et al. 2023, Ann. Statist. 51, 149).
///
/// Scores change with a covariate, such as the signal to noise: they are compared in units of the spread of the cases with like
/// covariates, all together then. Ranks among n cases give no p below 1/(n + 1); beyond the highest twentieth a generalised Pareto
/// tail is fitted (Pickands 1975, Ann. Statist. 3, 119), never thinner than an exponential one.
public struct ConformalPValue: Codable, Sendable, Hashable {
    /// Covariates of the normal cases, ascending, at which centre and spread are known.
    private var knots: [Double], centres: [Double], spreads: [Double]
    /// Standardised scores of the normal cases, ascending.
    private var scores: [Double]
    /// Where the tail begins, its shape and scale; nil where too few cases lie in it.
    private var tail: Tail?

    private struct Tail: Codable, Sendable, Hashable {
        var start: Double, shape: Double, scale: Double
    }

    /// Cases with like covariates, share of the cases in the tail, and the fewest that a tail is fitted to.
    private static let (near, share, fewest) = (200, 0.05, 20)
    private static let mostKnots = 32

    /// Normal cases.
    public var count: Int { scores.count }
    /// No rank gives a smaller p.
    public var floor: Double { 1 / Double(count + 1) }

    /// - Parameters:
    ///   - scores: of normal cases; high is odd. Those that are not finite do not count.
    ///   - covariates: one each; nil where scores do not depend on anything.
    public init(_ scores: [Double], covariates: [Double]? = nil) {
        let values = covariates ?? scores.map { _ in 0 }
        let cases = zip(scores, values).filter { $0.0.isFinite && $0.1.isFinite }.sorted { $0.1 < $1.1 }
        (knots, centres, spreads) = ([], [], [])
        let width = min(Self.near, cases.count)
        let places = covariates == nil ? min(1, cases.count) : min(Self.mostKnots, max(1, 2 * cases.count / Self.near))
        for place in 0..<(cases.isEmpty ? 0 : places) {
            let start = places > 1 ? (cases.count - width) * place / (places - 1) : 0
            let own = cases[start..<(covariates == nil ? cases.count : start + width)]
            let level = own.map(\.0).sorted()
            let knot = own.map(\.1).sorted()[own.count / 2]
            if let last = knots.last, knot <= last { continue }
            knots.append(knot)
            centres.append(level[level.count / 2])
            spreads.append(max(level[level.count * 84 / 100] - level[level.count * 16 / 100], 1e-12))
        }
        self.scores = []
        self.scores = cases.map { standardised($0.0, at: $0.1) }.sorted()
        let start = self.scores.count - Int(Self.share * Double(self.scores.count))
        if self.scores.count - start >= Self.fewest {
            let threshold = self.scores[start - 1]
            tail = Self.fitted(self.scores[start...].map { $0 - threshold }, from: threshold)
        }
    }

    /// By probability-weighted moments (Hosking & Wallis 1987, Technometrics 29, 339).
    private static func fitted(_ excesses: [Double], from start: Double) -> Tail? {
        let count = Double(excesses.count)
        let mean = excesses.reduce(0, +) / count
        let weighted =
            excesses.enumerated().reduce(0) {
                $0 + $1.element * (count - Double($1.offset) - 1) / (count - 1)
            } / count
        guard mean > 0, mean > 2 * weighted else { return mean > 0 ? Tail(start: start, shape: 0, scale: mean) : nil }
        let shape = min(max(2 - mean / (mean - 2 * weighted), 0), 0.9)
        return Tail(start: start, shape: shape, scale: mean * (1 - shape))
    }

    private func standardised(_ score: Double, at covariate: Double) -> Double {
        guard let first = knots.first, let last = knots.last else { return score }
        func between(_ values: [Double]) -> Double {
            if covariate <= first { return values[0] }
            if covariate >= last { return values[values.count - 1] }
            let right = knots.firstIndex { $0 > covariate } ?? knots.count - 1
            let t = (covariate - knots[right - 1]) / (knots[right] - knots[right - 1])
            return values[right - 1] + t * (values[right] - values[right - 1])
        }
        return (score - between(centres)) / between(spreads)
    }

    /// The p-value of a score; NaN for one that is not a number.
    /// - Parameters:
    ///   - score: of the case that is looked at.
    ///   - covariate: of the case; beyond those of all normal cases it is taken as the nearest.
    public func callAsFunction(_ score: Double, covariate: Double = 0) -> Double {
        guard !score.isNaN, !covariate.isNaN, !scores.isEmpty else { return .nan }
        let own = standardised(score, at: covariate)
        if let tail, own > tail.start {
            let excess = (own - tail.start) / tail.scale
            let left = tail.shape > 1e-6 ? pow(1 + tail.shape * excess, -1 / tail.shape) : exp(-excess)
            return max(Self.share * left, 1e-300)
        }
        var (low, high) = (0, scores.count)
        while low < high {
            let middle = (low + high) / 2
            if scores[middle] < own { low = middle + 1 } else { high = middle }
        }
        return Double(scores.count - low + 1) / Double(scores.count + 1)
    }
}

/// Several p-values of one case as one number that is high where any of them is small (Cauchy combination, Liu & Xie 2020, JASA 115,
/// 393): it hardly minds that they depend on each other, and is made a p-value by ``ConformalPValue``.
/// - Parameter values: those that are NaN do not count.
/// - Returns: NaN where none counts.
public func cauchyCombination(_ values: [Double]) -> Double {
    let known = values.filter { !$0.isNaN }
    guard !known.isEmpty else { return .nan }
    let sum = known.reduce(0) { sum, p in
        // 1 would be −∞, and hide what others say.
        let p = min(p, 0.99)
        return sum + (p < 1e-10 ? 1 / (Double.pi * p) : tan((0.5 - p) * .pi))
    }
    // Its logarithm where it is large, so that scores have spreads.
    let mean = sum / Double(known.count)
    return mean > 1 ? 1 + log(mean) : mean
}

/// Several p-values of one case as one, by the same combination: exact where each is uniform and they do not depend on each other, and
/// nearly so for small ones if they do.
/// - Parameter values: those that are NaN do not count.
/// - Returns: NaN where none counts; the value itself where one does.
public func combinedPValue(_ values: [Double]) -> Double {
    let known = values.filter { !$0.isNaN }
    guard known.count > 1 else { return known.first ?? .nan }
    let score = cauchyCombination(known)
    // Beyond 1 the score is logarithmic, and the share of a Cauchy distribution above x is 1/(π x) where x is large.
    let mean = score > 1 ? exp(min(score - 1, 690)) : score
    return mean > 1e8 ? 1 / (Double.pi * mean) : 0.5 - atan(mean) / .pi
}

/// The least false-discovery rate at which each case would be on the list (Benjamini & Hochberg 1995, J. R. Stat. Soc. B 57, 289).
/// - Parameter p: p-values; NaN where there is none, which do not count.
/// - Returns: q-values, NaN likewise.
public func falseDiscoveryRates(_ p: [Double]) -> [Double] {
    let order = p.indices.filter { !p[$0].isNaN }.sorted { p[$0] > p[$1] }
    var (q, least) = ([Double](repeating: .nan, count: p.count), 1.0)
    for (place, index) in order.enumerated() {
        least = min(least, p[index] * Double(order.count) / Double(order.count - place))
        q[index] = least
    }
    return q
}
