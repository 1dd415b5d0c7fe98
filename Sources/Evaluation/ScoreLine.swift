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
