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

/// A hash that is the same in every process and on every platform (Swift's own is seeded per process): FNV-1a with the
/// finaliser of MurmurHash3.
enum StableHash {
    static func hash(_ text: String, seed: UInt64) -> UInt64 {
        var state: UInt64 = 0xcbf2_9ce4_8422_2325 ^ (seed &* 0x9e37_79b9_7f4a_7c15)
        for byte in text.utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
        state = (state ^ (state >> 33)) &* 0xff51_afd7_ed55_8ccd
        state = (state ^ (state >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return state ^ (state >> 33)
    }

    /// The hash as a number in 0..<1.
    static func unit(_ text: String, seed: UInt64) -> Double {
        Double(hash(text, seed: seed) >> 11) * 0x1p-53
    }
}
