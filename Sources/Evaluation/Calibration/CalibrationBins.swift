import StarReading
import Statistics

/// How honest and how good a label's posteriors are for faint and bright, cool and hot, poor and rich stars.
public struct CalibrationBins: Codable, Sendable {
    /// Where one bin ends and the next begins.
    public enum Edges: Sendable {
        /// Bins of equally many stars.
        case quantiles(Int)
        /// These edges, ascending, at least two; stars outside are left out. The last bin includes its upper edge.
        case given([Double])
    }

    /// The stars of one bin.
    public struct Bin: Codable, Sendable {
        /// Edges of the bin.
        public let lower: Double, upper: Double
        /// Median of the quantity.
        public let centre: Double
        /// Stars with truth, posterior and quantity.
        public let stars: Int
        /// Observed coverage of the central intervals of 68.27 and 95 %, with the error of `CoverageCurve`.
        public let coverage68: Double, coverage68Error: Double, coverage95: Double, coverage95Error: Double
        /// Bias (median) and robust σ of posterior median minus truth, with their errors.
        public let residuals: ResidualStatistics
    }

    /// Which label.
    public let label: StellarLabel
    /// What the bins are in, such as "S/N".
    public let quantity: String
    /// From low to high; bins without stars are left out.
    public let bins: [Bin]

    /// - Parameters:
    ///   - values: the quantity, one a star; stars where it is NaN are left out.
    ///   - resamples: bootstrap samples for the errors of bias and σ.
    public init(
        _ check: PosteriorCheck, by values: [Double], named quantity: String, edges: Edges = .quantiles(5),
        resamples: Int = 200
    ) {
        precondition(values.count == check.truth.count)
        label = check.label
        self.quantity = quantity
        let known = values.indices.filter { values[$0].isFinite && !check.pit[$0].isNaN }
            .sorted { values[$0] < values[$1] }
        let groups: [(lower: Double, upper: Double, stars: [Int])]
        switch edges {
        case .quantiles(let wanted):
            let count = max(1, min(wanted, known.count))
            groups = (0..<count).compactMap { bin in
                let part = Array(known[bin * known.count / count..<(bin + 1) * known.count / count])
                guard let first = part.first, let last = part.last else { return nil }
                return (values[first], values[last], part)
            }
        case .given(let edges):
            precondition(edges.count >= 2 && zip(edges, edges.dropFirst()).allSatisfy { $0 < $1 })
            groups = edges.indices.dropLast().map { bin in
                let isLast = bin + 2 == edges.count
                return (
                    edges[bin], edges[bin + 1],
                    known.filter {
                        values[$0] >= edges[bin]
                            && (values[$0] < edges[bin + 1] || isLast && values[$0] == edges[bin + 1])
                    }
                )
            }
        }
        let residuals = check.residuals
        bins = groups.filter { !$0.stars.isEmpty }.map { group in
            let levels = group.stars.map { abs(2 * check.pit[$0] - 1) }
            let curve = Credibility(name: check.label.title, levels: levels).coverage(at: [0.6827, 0.95])
            return Bin(
                lower: group.lower, upper: group.upper, centre: median(group.stars.map { values[$0] }),
                stars: group.stars.count, coverage68: curve.observed[0], coverage68Error: curve.errors[0],
                coverage95: curve.observed[1], coverage95Error: curve.errors[1],
                residuals: ResidualStatistics(group.stars.map { residuals[$0] }, resamples: resamples))
        }
    }
}
