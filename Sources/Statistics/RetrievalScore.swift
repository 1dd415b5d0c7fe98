/// How well stars are found again among many: shares of queries whose partner is first or among the first ten.
public struct RetrievalScore: Codable, Sendable, Hashable {
    /// Share of queries whose partner comes first.
    public let top1: Double
    /// Share of queries whose partner is among the first ten.
    public let top10: Double
    /// Median place of the partner; 1 is first.
    public let medianRank: Double
    /// Stars searched.
    public let stars: Int

    /// - Parameter ranks: per query, how many stars came before its partner.
    public init(ranks: [Double], stars: Int) {
        let count = Double(max(1, ranks.count))
        top1 = Double(ranks.filter { $0 < 1 }.count) / count
        top10 = Double(ranks.filter { $0 < 10 }.count) / count
        medianRank = median(ranks) + 1
        self.stars = stars
    }

    /// What guessing would reach.
    public static func chance(stars: Int) -> RetrievalScore {
        RetrievalScore(
            top1: 1 / Double(stars), top10: min(1, 10 / Double(stars)), medianRank: Double(stars + 1) / 2, stars: stars)
    }

    private init(top1: Double, top10: Double, medianRank: Double, stars: Int) {
        self.top1 = top1
        self.top10 = top10
        self.medianRank = medianRank
        self.stars = stars
    }
}
