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
