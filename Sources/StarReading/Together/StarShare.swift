import Support

/// Which stars of an input are one worker's own, where several share it.
///
/// Spectra of a star may lie in any files: all workers look at all of them, and so agree on which are of one star, by whatever
/// grouping. A star is a worker's own by what its first spectrum says, its source id or column, or by that spectrum's name where
/// nothing is said and by position; no star is two workers' or nobody's, as long as all have seen the same.
public struct StarShare: Sendable {
    /// Spectra that were looked at.
    public let spectra: Int
    /// Equal where the same spectra, in the same order, are of the same stars.
    public let content: String
    private let shard: Shard
    /// Per star, by its number in the groups.
    private let isOwn: [Bool]

    /// The share of a worker.
    /// - Parameters:
    ///   - clues: of all spectra, in their order.
    ///   - groups: which of them are of one star.
    ///   - shard: the worker.
    public init(_ clues: [StarGrouping.Clue], _ groups: StarGrouping.Groups, of shard: Shard) {
        var isOwn = [Bool?](repeating: nil, count: (groups.stars.max() ?? -1) + 1)
        var content: UInt64 = 0
        for (clue, star) in zip(clues, groups.stars) {
            isOwn[star] = isOwn[star] ?? shard.owns(star: clue.hash)
            content = StableHash.hash("\(clue.position.part) \(clue.position.row) \(clue.hash) \(star)", seed: content)
        }
        self.shard = shard
        self.isOwn = isOwn.map { $0 ?? false }
        self.content = String(content, radix: 16)
        spectra = clues.count
    }

    /// Whether a star is the worker's own, by its number in the groups.
    public func owns(_ star: Int) -> Bool { isOwn[star] }

    /// Whether a star is the worker's own of which a spectrum came that was not there before.
    public func owns(_ clue: StarGrouping.Clue) -> Bool { shard.owns(star: clue.hash) }
}
