import Foundation

/// How far off stars were read by what had not seen them, fold by fold, and what follows for a new star: it is as far from what each
/// fold's predictor reads of it as the fold's own stars were (CV+, Barber et al. 2021, Ann. Statist. 49, 486; here all quantiles
/// instead of one interval).
struct FoldScores: Codable, Sendable, Hashable {
    /// Per fold, ascending: residuals in units of the star's expected spread.
    private(set) var folds: [[Float]]

    /// Residuals that are kept: more would tell nothing.
    private static let kept = 1000

    /// Scores are of order 1, and told to a thousandth.
    private static let digits = 1000.0

    /// - Parameter scores: per fold.
    init(_ scores: [[Double]]) {
        let count = max(1, scores.reduce(0) { $0 + $1.count })
        folds = scores.map { fold in
            let share = Int((Double(Self.kept) * Double(fold.count) / Double(count)).rounded(.up))
            return fold.map { Float(($0 * Self.digits).rounded() / Self.digits) }.sorted()
                .evenlySampled(count > Self.kept ? share : fold.count)
        }
    }

    var count: Int { folds.reduce(0) { $0 + $1.count } }

    var isConsistent: Bool {
        count > 0
            && folds.allSatisfy { fold in
                fold.allSatisfy(\.isFinite) && zip(fold, fold.dropFirst()).allSatisfy { $0 <= $1 }
            }
    }

    /// The quantile of a level for a star.
    /// - Parameters:
    ///   - level: 0…1.
    ///   - centres: what each fold's predictor reads.
    ///   - spread: of the star, on the scale of the scores.
    func quantile(_ level: Double, centres: [Double], spread: Double) -> Double {
        let total = Double(count)
        // The star itself is one more of those that might have been drawn.
        let wanted = min(max(level * (total + 1) - 0.5, 0.25), total - 0.25)
        var (low, high) = (Double.infinity, -Double.infinity)
        for (fold, centre) in zip(folds, centres) {
            guard let first = fold.first, let last = fold.last, centre.isFinite else { continue }
            low = min(low, centre + spread * Double(first))
            high = max(high, centre + spread * Double(last))
        }
        guard low <= high, spread > 0 else { return .nan }
        for _ in 0..<40 {
            let middle = (low + high) / 2
            var below = 0.0
            for (fold, centre) in zip(folds, centres) { below += Self.below((middle - centre) / spread, fold) }
            if below < wanted { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// How many scores lie below a value, linear between them.
    private static func below(_ value: Double, _ sorted: [Float]) -> Double {
        guard let first = sorted.first, let last = sorted.last else { return 0 }
        if value <= Double(first) { return 0 }
        if value >= Double(last) { return Double(sorted.count) }
        var (low, high) = (0, sorted.count - 1)
        while high - low > 1 {
            let middle = (low + high) / 2
            if Double(sorted[middle]) <= value { low = middle } else { high = middle }
        }
        let width = Double(sorted[high]) - Double(sorted[low])
        return Double(low) + 0.5 + (width > 0 ? (value - Double(sorted[low])) / width : 0.5)
    }
}
