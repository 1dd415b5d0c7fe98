extension RandomAccessCollection {
    /// At most so many of the elements, evenly spread: libraries may be sorted, by brightness for example, so that their
    /// first rows are not like all others.
    public func thinned(to limit: Int) -> [Element] {
        guard limit < count else { return Array(self) }
        return (0..<Swift.max(0, limit)).map { self[index(startIndex, offsetBy: $0 * count / limit)] }
    }
}
