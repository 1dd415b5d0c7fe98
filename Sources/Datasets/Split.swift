import Support

/// The parts of a data set: what is fitted, what decides when to stop, what is reported.
public enum Split: String, Sendable, Codable, CaseIterable {
    case train
    case validation
    case test
}

/// Assigns sources to splits by a hash of their identifier, so that every spectrum of a star lands in the same split,
/// in every file made with the same seed and whatever the order of the rows.
public struct SplitAssignment: Sendable, Codable, Hashable {
    /// Share of the sources held out for validation, 0…1.
    public var validation: Double
    /// Share of the sources held out for test, 0…1.
    public var test: Double
    /// Seed of the hash.
    public var seed: UInt64

    /// Shares of sources; the rest is for training.
    public init(validation: Double = 0.15, test: Double = 0.15, seed: UInt64 = 0) {
        self.validation = validation
        self.test = test
        self.seed = seed
    }

    /// The split of a source.
    public func split(of sourceID: String) -> Split {
        let place = StableHash.unit(sourceID, seed: seed)
        if place < test { return .test }
        return place < test + validation ? .validation : .train
    }
}
