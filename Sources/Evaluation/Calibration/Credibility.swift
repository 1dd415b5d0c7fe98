import Statistics
import Support

/// For each star the level of the credible region that just holds the truth. Whatever the regions (central intervals,
/// highest densities, balls about random points), levels are uniform in 0…1 if posteriors are honest.
public struct Credibility: Sendable {
    /// Of what: a label, or the joint posterior.
    public let name: String
    /// In 0…1, one a star; NaN where unknown.
    public let levels: [Double]

    /// Levels that were found elsewhere.
    public init(name: String, levels: [Double]) {
        self.name = name
        self.levels = levels
    }

    /// Regions of highest density: the level of the truth is the share of draws with a higher density.
    ///
    /// Low levels are reached by too many truths where a joint posterior is too wide, by too few where it is too narrow,
    /// biased or has the wrong correlations.
    /// - Parameters:
    ///   - draws: log density of each draw under its star's posterior, `[stars][draws]`.
    ///   - truth: log density of the truth, one a star; NaN leaves a star out.
    public static func highestDensity(
        draws: [[Double]], truth: [Double], name: String = "joint, highest density", seed: UInt64 = 1
    ) -> Credibility {
        precondition(draws.count == truth.count)
        var generator = SeededGenerator(seed: seed)
        return Credibility(
            name: name,
            levels: zip(draws, truth).map { densities, truth in
                let uniform = generator.uniform()
                guard !truth.isNaN, !densities.contains(where: \.isNaN) else { return .nan }
                return (Double(densities.count { $0 > truth }) + uniform) / Double(densities.count + 1)
            })
    }

    /// Whether levels are uniform.
    public func uniformity(bins: Int = 20) -> UniformityTest { UniformityTest(levels, bins: bins) }

    /// Expected against observed coverage.
    public func coverage(at expected: [Double] = CoverageCurve.defaultLevels) -> CoverageCurve {
        CoverageCurve(self, at: expected)
    }
}

/// The share of stars whose truth lies within their credible regions, for regions of several levels.
public struct CoverageCurve: Codable, Sendable, Hashable {
    /// Every 5 %, and the levels that tables quote: 68.27 and 95 %.
    public static let defaultLevels = ((1...19).map { Double($0) / 20 } + [0.6827]).sorted()

    /// Of what.
    public let name: String
    /// Stars that were counted.
    public let stars: Int
    /// The regions' levels: what coverage should be.
    public let expected: [Double]
    /// What it is; 0 without stars.
    public let observed: [Double]
    /// Standard deviation by which the observed share of honest posteriors strays (binomial).
    public let errors: [Double]

    /// The coverage of credible regions at the levels given.
    public init(_ credibility: Credibility, at expected: [Double] = defaultLevels) {
        let sorted = credibility.levels.filter { !$0.isNaN }.sorted()
        let count = Double(sorted.count)
        name = credibility.name
        stars = sorted.count
        self.expected = expected
        observed = shares(ofSorted: sorted, upTo: expected)
        errors = expected.map { count > 0 ? ($0 * (1 - $0) / count).squareRoot() : 0 }
    }

    /// Observed coverage at one of the levels; nil where it was not asked for.
    public func observed(at level: Double) -> Double? {
        expected.firstIndex { abs($0 - level) < 1e-9 }.map { observed[$0] }
    }

    /// The largest difference between observed and expected coverage.
    public var largestDeviation: Double { zip(observed, expected).map { abs($0 - $1) }.max() ?? 0 }

    /// Observed minus expected coverage, mean over the levels: negative for posteriors that are too sure of themselves.
    public var meanDeviation: Double {
        zip(observed, expected).reduce(0) { $0 + $1.0 - $1.1 } / Double(max(1, expected.count))
    }
}

extension Credibility {
    /// How far the coverage at each level strays when stars are drawn anew, with replacement: the range that holds a share
    /// of the resampled curves (percentile bootstrap).
    public func bootstrapBand(
        at expected: [Double] = CoverageCurve.defaultLevels, share: Double = 0.95, resamples: Int = 200,
        seed: UInt64 = 1
    ) -> [ClosedRange<Double>] {
        let known = levels.filter { !$0.isNaN }
        guard !known.isEmpty else { return expected.map { _ in 0...1 } }
        var generator = SeededGenerator(seed: seed)
        let curves = (0..<resamples).map { _ in
            // What counts is only how many fall between which levels: no need to sort each resample.
            shares(
                of: (0..<known.count).map { _ in known[Int(generator.next() % UInt64(known.count))] }, upTo: expected)
        }
        return expected.indices.map { level in
            let values = curves.map { $0[level] }.sorted()
            let out = Int((1 - share) / 2 * Double(values.count))
            return values[out]...values[max(out, values.count - 1 - out)]
        }
    }
}

/// The share of values that are at most each of the levels.
private func shares(ofSorted values: [Double], upTo levels: [Double]) -> [Double] {
    levels.map { level in
        guard !values.isEmpty else { return 0 }
        var (low, high) = (0, values.count)
        while low < high {
            let middle = (low + high) / 2
            if values[middle] <= level { low = middle + 1 } else { high = middle }
        }
        return Double(low) / Double(values.count)
    }
}

private func shares(of values: [Double], upTo levels: [Double]) -> [Double] {
    shares(ofSorted: values.sorted(), upTo: levels)
}
