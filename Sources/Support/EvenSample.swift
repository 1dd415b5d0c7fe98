extension RandomAccessCollection {
    /// At most `limit` of the elements, evenly sampled, in their order.
    ///
    /// One element is drawn from each of `limit` blocks of neighbours (stratified sampling). Libraries may be sorted, by
    /// brightness for example: every part of the order counts alike, which the first rows do not, and a draw from the
    /// whole only does on average. The place within a block is drawn too, by a fixed seed: where rows alternate (two
    /// visits of each star, two plates by turns), every n-th one would be of one kind.
    ///
    /// Which places are drawn depends on `count` and `limit` alone, so that tables of the same stars keep the same ones.
    public func evenlySampled(_ limit: Int) -> [Element] {
        guard limit < count else { return Array(self) }
        var random = StepRandom(UInt64(count), 0x5A3B)
        return (0..<Swift.max(0, limit)).map { block in
            let place = Int.random(in: block * count / limit..<(block + 1) * count / limit, using: &random)
            return self[index(startIndex, offsetBy: place)]
        }
    }
}
