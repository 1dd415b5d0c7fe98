import Statistics

/// Quantiles of a posterior from few of its draws: through those near the level goes a parabola of the draws over their Gaussian
/// scores, of which a Gaussian posterior's are a straight line; it counts draws the less, the farther from the level they are
/// (local regression; Cleveland 1979, JASA 74, 829). 500 evenly spread draws then give quantiles within 0.02 errors of those
/// of many, where one pair of draws alone (Hyndman & Fan's type 6, as in `PosteriorSamples.quantiles(_:label:)`) is off by
/// 0.025.
struct SmoothedQuantiles {
    /// Scores to either side that are looked at: wider, and the bend of skewed posteriors would show.
    private static let reach = 0.5
    /// Draws without which there is no parabola to fit.
    private static let fewest = 8

    /// For each level, the first rank that counts and the weights of the draws from there on.
    private let windows: [(first: Int, weights: [Double])]

    /// - Parameters:
    ///   - levels: between 0 and 1.
    ///   - scores: of the draws, `DrawScores.scores(of:)`.
    init(_ levels: [Double], scores: [Double]) {
        windows = levels.map { level in
            let centre = normalScore(level)
            let ranks = scores.indices.filter { abs(scores[$0] - centre) < Self.reach }
            guard ranks.count >= Self.fewest, let first = ranks.first, let last = ranks.last else {
                return Self.between(level, scores.count)
            }
            let distances = scores[first...last].map { $0 - centre }
            let kernel = distances.map { 1 - ($0 / Self.reach) * ($0 / Self.reach) }
            // The value of the parabola at the centre: the first row of the inverse of its normal equations.
            let moments = (0...4).map { power in
                zip(distances, kernel).reduce(0.0) { sum, one in
                    (0..<power).reduce(one.1) { product, _ in product * one.0 } + sum
                }
            }
            let row = [
                moments[2] * moments[4] - moments[3] * moments[3],
                moments[2] * moments[3] - moments[1] * moments[4],
                moments[1] * moments[3] - moments[2] * moments[2],
            ]
            let determinant = moments[0] * row[0] + moments[1] * row[1] + moments[2] * row[2]
            guard determinant > 0 else { return Self.between(level, scores.count) }
            return (
                first,
                zip(distances, kernel).map { $1 * (row[0] + $0 * (row[1] + $0 * row[2])) / determinant }
            )
        }
    }

    /// The quantiles of a posterior's sorted draws, in the order of the levels. None lies beyond the draws that it comes from,
    /// whatever leaps there are between them.
    func callAsFunction(_ sorted: [Float]) -> [Double] {
        windows.map { first, weights in
            // From the lowest on, so that nothing is lost where a label varies little.
            let base = sorted[first]
            var sum = 0.0
            for (place, weight) in weights.enumerated() { sum += weight * Double(sorted[first + place] - base) }
            return Double(base) + min(max(sum, 0), Double(sorted[first + weights.count - 1] - base))
        }
    }

    /// Between the two draws next to a level.
    private static func between(_ level: Double, _ draws: Int) -> (first: Int, weights: [Double]) {
        let place = min(max(level * Double(draws + 1) - 1, 0), Double(draws - 1))
        let below = min(Int(place), max(draws - 2, 0))
        return draws < 2 ? (0, [1]) : (below, [1 - (place - Double(below)), place - Double(below)])
    }
}
