import StarReading
import Statistics
import Support

/// What the posteriors of one label say about the truths of held-out stars: one pass over the draws, from which ranks,
/// coverage, residuals and their dependence on other quantities follow.
public struct PosteriorCheck: Sendable {
    /// Which label.
    public let label: StellarLabel
    /// Draws a star.
    public let draws: Int
    /// True values, one a star; NaN where unknown.
    public let truth: [Double]
    /// Medians of the draws; NaN where they are not finite.
    public let median: [Double]
    /// Draws below the truth, 0…S; nil where there is no truth or no posterior. Uniform for honest posteriors: the rank
    /// statistic of simulation-based calibration (Talts et al. 2018, arXiv 1804.06788).
    public let ranks: [Int?]
    /// Probability integral transform of the truth: the share of the posterior below it, in 0…1; NaN as above.
    ///
    /// A uniform number is added to the rank before it is divided by S + 1, so that honest posteriors give exactly uniform
    /// values, not a comb of S + 1 teeth that tests would stumble over.
    public let pit: [Double]

    /// One check a label.
    /// - Parameters:
    ///   - truth: per label of the samples, per star; NaN where unknown.
    ///   - seed: of the uniform numbers.
    public static func all(_ samples: PosteriorSamples, truth: [[Double]], seed: UInt64 = 1) -> [PosteriorCheck] {
        precondition(truth.count == samples.labels.count && truth.allSatisfy { $0.count == samples.stars })
        return samples.labels.indices.map { PosteriorCheck(samples, label: $0, truth: truth[$0], seed: seed) }
    }

    /// The check of one label of the samples.
    public init(_ samples: PosteriorSamples, label: Int, truth: [Double], seed: UInt64 = 1) {
        self.label = samples.labels[label]
        self.truth = truth
        draws = samples.draws
        var generator = SeededGenerator(seed: seed, source: samples.labels[label].name)
        var (ranks, pit, median): ([Int?], [Double], [Double]) = ([], [], [])
        for star in 0..<samples.stars {
            guard let sorted = samples.sortedDraws(ofStar: star, label: label) else {
                ranks.append(nil)
                pit.append(.nan)
                median.append(.nan)
                continue
            }
            let middle = sorted.count / 2
            median.append(
                sorted.count.isMultiple(of: 2)
                    ? (Double(sorted[middle - 1]) + Double(sorted[middle])) / 2 : Double(sorted[middle]))
            guard truth[star].isFinite else {
                ranks.append(nil)
                pit.append(.nan)
                continue
            }
            let below = sorted.count { Double($0) < truth[star] }
            let equal = sorted[below...].prefix { Double($0) == truth[star] }.count
            let rank = below + Int(generator.uniform() * Double(equal + 1))
            ranks.append(rank)
            pit.append((Double(rank) + generator.uniform()) / Double(sorted.count + 1))
        }
        (self.ranks, self.pit, self.median) = (ranks, pit, median)
    }

    /// Stars with truth and posterior.
    public var stars: Int { ranks.count { $0 != nil } }

    /// Median minus truth of each star; NaN where unknown.
    public var residuals: [Double] { zip(median, truth).map { $0 - $1 } }

    /// Ranks counted in equal bins.
    public func rankHistogram(bins: Int = 20) -> [Int] { histogram(ofShares: pit, bins: bins) }

    /// Whether ranks are uniform.
    public func uniformity(bins: Int = 20) -> UniformityTest { UniformityTest(pit, bins: bins) }

    /// The smallest central interval of each star's posterior that holds the truth, as its level.
    public var credibility: Credibility { Credibility(name: label.title, levels: pit.map { abs(2 * $0 - 1) }) }
}
