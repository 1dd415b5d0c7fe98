import Algorithms
import Foundation
import Statistics

/// How the draws of one label are moved so that intervals hold what they promise: a value at each of a few Gaussian scores.
struct PosteriorCorrection: Codable, Sendable, Hashable {
    let method: PosteriorCalibration.Method
    /// Scores z of the knots, ascending.
    let knots: [Double]
    /// By level: the score among the original draws below which a share Φ(z) of the truths lies. By width: the factor on
    /// the distance of the draws of score z from their median.
    let values: [Double]

    /// The knots that a number of different stars can tell: at least five of them beyond the outermost.
    static func knots(_ method: PosteriorCalibration.Method, stars: Int) -> [Double] {
        // ±1 and ±1.96 are knots so that the intervals people quote, of 68 and 95 %, are hit exactly.
        let positive =
            method == .levels ? [0.5, 1, 1.5, normalScore(0.975), normalScore(0.995)] : [1, normalScore(0.975)]
        let kept = positive.filter { Double(stars) * normalShare(-$0) >= 5 }
        return kept.reversed().map { -$0 } + (method == .levels ? [0] : []) + kept
    }

    /// What one star tells about the value at each knot.
    static func statistics(
        _ method: PosteriorCalibration.Method, knots: [Double], truth: Double, draws: DrawScores
    ) -> [Double] {
        switch method {
        case .levels:
            return Array(repeating: draws.score(of: truth), count: knots.count)
        case .widths:
            return knots.map { (truth - draws.median) / (draws.value(at: $0) - draws.median) }
        }
    }

    /// - Parameters:
    ///   - statistics: `[rows][knots]`.
    ///   - weights: per row; those of one star add up to 1.
    ///
    /// The k-th of n validation stars stands for the level k / (n + 1): the truth of a further star lies below with that
    /// probability exactly, whatever the posterior (split conformal prediction; Vovk et al. 2005, Romano et al. 2019,
    /// arXiv 1905.03222).
    init(_ method: PosteriorCalibration.Method, knots: [Double], statistics: [[Double]], weights: [Double]) {
        var values = knots.indices.map { i in
            // A factor's level is counted outwards from the median, a score's from below.
            let level = normalShare(method == .levels ? knots[i] : abs(knots[i]))
            return conformalQuantile(level, of: statistics.map { $0[i] }, weights: weights)
        }
        switch method {
        case .levels:
            // Equal neighbours would let all draws between them fall into one.
            for i in values.indices.dropFirst() { values[i] = max(values[i], values[i - 1] + Self.leastStep) }
        case .widths:
            // No star has a width to go by where all draws agree.
            values = values.map { $0.isFinite ? max($0, Self.leastFactor) : 1 }
        }
        self.init(method, knots: knots, values: values)
    }

    /// For few stars: the centre alone, by one shift (by level) and one factor on the width, the same all over the
    /// posterior. Wings keep the shape that the model gives them.
    /// - Parameters:
    ///   - statistics: `[rows][knots]` at the knots ±1.
    ///   - weights: per row; those of one star add up to 1.
    init(centre method: PosteriorCalibration.Method, statistics: [[Double]], weights: [Double]) {
        // 68.3 % of further stars lie within the corrected ±1.
        let inside = 2 * normalShare(1) - 1
        switch method {
        case .levels:
            let scores = statistics.map { $0[0] }
            let shift = conformalQuantile(0.5, of: scores, weights: weights)
            let width = conformalQuantile(inside, of: scores.map { abs($0 - shift) }, weights: weights)
            let step = max(width, Self.leastStep)
            self.init(method, knots: [-1, 0, 1], values: [shift - step, shift, shift + step])
        case .widths:
            // Of the two factors the one on the truth's side of the median is not negative.
            let factors = statistics.map { $0.max() ?? .nan }
            let factor = conformalQuantile(inside, of: factors, weights: weights)
            let safe = factor.isFinite ? max(factor, Self.leastFactor) : 1
            self.init(method, knots: Self.centreKnots, values: [safe, safe])
        }
    }

    /// Where the statistics of a correction of the centre are taken.
    static let centreKnots = [-1.0, 1.0]
    private static let leastStep = 1e-6
    private static let leastFactor = 1e-3

    private init(_ method: PosteriorCalibration.Method, knots: [Double], values: [Double]) {
        self.method = method
        self.knots = knots
        self.values = values
    }

    /// Between this (share 0) and another (share 1) with the same knots.
    func mixed(with other: PosteriorCorrection, share: Double) -> PosteriorCorrection {
        PosteriorCorrection(
            method, knots: knots, values: zip(values, other.values).map { $0 + share * ($1 - $0) })
    }

    /// Whether a file's numbers make a correction.
    var isConsistent: Bool {
        knots.count >= 2 && knots.count == values.count && (knots + values).allSatisfy(\.isFinite)
            && zip(knots, knots.dropFirst()).allSatisfy { $0 < $1 }
            && (method == .widths || zip(values, values.dropFirst()).allSatisfy { $0 < $1 })
    }

    /// The score among the original draws that each of the corrected draws takes (by level), or the factor on its distance
    /// from the median (by width).
    /// - Parameter scores: ascending.
    func table(scores: [Double]) -> [Double] {
        switch method {
        case .levels:
            return PCHIP(x: knots, y: values)(ascending: scores)
        case .widths:
            return scores.map(factor)
        }
    }

    /// Linear between the knots of a side, constant beyond them.
    private func factor(_ score: Double) -> Double {
        let side = knots.indices.filter { (knots[$0] < 0) == (score < 0) }
        guard let first = side.first, let last = side.last else { return 1 }
        if score <= knots[first] { return values[first] }
        if score >= knots[last] { return values[last] }
        let above = side.first { knots[$0] >= score } ?? last
        let share = (score - knots[above - 1]) / (knots[above] - knots[above - 1])
        return values[above - 1] + share * (values[above] - values[above - 1])
    }

    /// Corrected draws from small to large.
    /// - Parameter table: `table(scores:)` of the draws' scores.
    func corrected(_ draws: DrawScores, sorted: [Float], table: [Double]) -> [Float] {
        switch method {
        case .levels:
            return draws.values(at: table)
        case .widths:
            let moved = zip(sorted, table).map { Float(draws.median + (Double($0) - draws.median) * $1) }
            // Where the outer factor is much the smaller one, draws could overtake each other.
            return moved.sorted()
        }
    }
}

/// The value below which a further star's lies with probability `level`, by the order of n stars' values: place
/// level · (n + 1), linear between neighbours. A star with several values stands where the middle of their weights is, as
/// one with a single value does; values that are not finite are no values.
private func conformalQuantile(_ level: Double, of values: [Double], weights: [Double]) -> Double {
    let sorted = zip(values, weights).filter { $0.0.isFinite }.sorted { $0.0 < $1.0 }
    guard let first = sorted.first, let last = sorted.last else { return .nan }
    var reached = 0.0
    let places = sorted.map { _, weight -> Double in
        defer { reached += weight }
        return reached + (weight + 1) / 2
    }
    let place = level * (reached + 1)
    let above = places.partitioningIndex { $0 >= place }
    guard above > 0 else { return first.0 }
    guard above < places.count else { return last.0 }
    let share = (place - places[above - 1]) / (places[above] - places[above - 1])
    return sorted[above - 1].0 + share * (sorted[above].0 - sorted[above - 1].0)
}
