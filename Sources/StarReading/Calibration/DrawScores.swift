import Algorithms
import Statistics
import Support

/// The place of a value among a star's draws, as the score of a Gaussian: 0 at the median, 1 where 84.1 % of the draws lie
/// below. The k-th of S draws has score Φ⁻¹(k / (S + 1)).
///
/// Beyond the outermost draws scores go on in proportion to the distance from the median. Truths that lie outside of all
/// draws are what an overconfident posterior is known by; ranks alone could not say how far outside.
struct DrawScores {
    /// Beyond this no score matters: it is where a posterior without any width puts everything else.
    private static let limit = 40.0

    /// From small to large.
    private let draws: [Float]
    /// Of the draws, ascending.
    private let scores: [Double]
    let median: Double

    /// - Parameters:
    ///   - draws: sorted, finite.
    ///   - scores: `DrawScores.scores(of: draws.count)`, computed once for all stars.
    init(sorted draws: [Float], scores: [Double]) {
        self.draws = draws
        self.scores = scores
        median = quantile(0.5, ofSorted: draws)
    }

    /// The scores of S sorted draws.
    static func scores(of draws: Int) -> [Double] {
        known.value(for: draws) { (1...draws).map { normalScore(Double($0) / Double(draws + 1)) } }
    }

    private static let known = SharedCache<Int, [Double]>(capacity: 8)

    /// The score of a value. Of a value that several draws share: the middle of theirs.
    func score(of value: Double) -> Double {
        let first = draws.partitioningIndex { Double($0) >= value }
        let last = draws.partitioningIndex { Double($0) > value }
        if first == draws.count { return outside(value, at: draws.count - 1) }
        if last == 0 { return outside(value, at: 0) }
        if last > first { return (scores[first] + scores[last - 1]) / 2 }
        let (low, high) = (Double(draws[first - 1]), Double(draws[first]))
        return scores[first - 1] + (scores[first] - scores[first - 1]) * (value - low) / (high - low)
    }

    private func outside(_ value: Double, at end: Int) -> Double {
        let width = Double(draws[end]) - median
        guard width != 0, scores[end] != 0 else { return value < median ? -Self.limit : Self.limit }
        return min(max(scores[end] * (value - median) / width, -Self.limit), Self.limit)
    }

    /// The value of a score; the inverse of `score(of:)`.
    func value(at score: Double) -> Double {
        value(at: score, above: scores.partitioningIndex { $0 >= score })
    }

    /// The values of scores that do not fall: one walk along the draws.
    func values(at ascending: [Double]) -> [Float] {
        var above = 0
        return ascending.map { score in
            while above < scores.count, scores[above] < score { above += 1 }
            return Float(value(at: score, above: above))
        }
    }

    /// - Parameter above: the first draw whose score is not less; as many as there are draws if none is.
    private func value(at score: Double, above: Int) -> Double {
        if above < scores.count, scores[above] == score { return Double(draws[above]) }
        if above == 0 || above == scores.count {
            let end = above == 0 ? 0 : scores.count - 1
            guard scores[end] != 0 else { return Double(draws[end]) }
            return median + (Double(draws[end]) - median) * score / scores[end]
        }
        let (low, high) = (Double(draws[above - 1]), Double(draws[above]))
        return low + (high - low) * (score - scores[above - 1]) / (scores[above] - scores[above - 1])
    }
}
