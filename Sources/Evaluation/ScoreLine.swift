/// One figure of a model beside the figure of a baseline, on stars that neither has seen.
public struct ScoreLine: Codable, Sendable, Hashable {
    /// Whether a small or a large figure is good.
    public enum Better: String, Codable, Sendable { case lower, higher }

    /// What is measured, for example "XP → Teff, robust σ".
    public var name: String
    /// Where the test stars come from (see docs/data): real-xp, real-miles, semi-synthetic, ….
    public var tier: String
    /// Number of test stars.
    public var stars: Int
    /// Unit of both figures; empty for shares.
    public var unit: String
    /// Figure of the model.
    public var model: Double
    /// Figure of the baseline.
    public var baseline: Double
    /// What the baseline is.
    public var baselineName: String
    /// Whether small or large is good.
    public var better: Better
    /// Median of prediction minus truth, where that makes sense.
    public var bias: Double?
    /// Share of stars within one of the model's own σ, where it gives one; 0.683 is honest.
    public var coverage: Double?

    /// A line of a report.
    public init(
        _ name: String, tier: String, stars: Int, unit: String, model: Double, baseline: Double, baselineName: String,
        better: Better = .lower, bias: Double? = nil, coverage: Double? = nil
    ) {
        self.name = name
        self.tier = tier
        self.stars = stars
        self.unit = unit
        self.model = model
        self.baseline = baseline
        self.baselineName = baselineName
        self.better = better
        self.bias = bias
        self.coverage = coverage
    }

    /// Whether the model does better than the baseline.
    public var isBeaten: Bool { better == .lower ? model < baseline : model > baseline }
}

/// How good embeddings are when only their first numbers are kept.
public struct WidthScore: Codable, Sendable, Hashable {
    /// Numbers kept.
    public var width: Int
    /// Shares of held-out stars whose partner comes first and among the first ten, mean over the directions of search.
    public var top1: Double
    /// See `top1`.
    public var top10: Double
    /// Median place of the partner, mean over the directions; 1 is first.
    public var medianRank: Double
    /// Mean absolute difference of predicted and observed spectra, by direction ("lamost-lrs → gaia-xp").
    public var translation: [String: Double]
}

/// One way to shorten embeddings, at several widths.
public struct WidthCurve: Codable, Sendable, Hashable {
    /// What is shortened, and how.
    public var name: String
    /// Narrow to wide.
    public var scores: [WidthScore]

    /// A curve with its name.
    public init(name: String, scores: [WidthScore]) {
        self.name = name
        self.scores = scores
    }
}
