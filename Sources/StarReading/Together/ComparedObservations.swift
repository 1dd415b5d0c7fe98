/// A star's observations beside each other.
public struct ComparedObservations: Sendable, Hashable {
    /// Observations that contradict others, by their places among the star's.
    public struct Contradiction: Sendable, Hashable {
        /// Several where visits of an instrument were read as one.
        public let first: [Int], second: [Int]
    }

    /// What was read from each of them alone, in their order.
    public internal(set) var alone: [StarLabels]
    /// Which contradict which.
    public let contradictions: [Contradiction]
    /// What their radial velocities tell; nil where fewer than two are known.
    public let velocities: VisitVelocities?
}

extension ComparedObservations.Contradiction: CustomStringConvertible {
    /// `2-3`: the second observation and the third; `1+3-2` where the first and the third were read as one.
    public var description: String {
        func numbers(_ places: [Int]) -> String { places.map { "\($0 + 1)" }.joined(separator: "+") }
        return numbers(first) + "-" + numbers(second)
    }
}
