/// A hash that is the same in every process and on every platform (Swift's own is seeded per process): FNV-1a with the
/// finaliser of MurmurHash3.
package enum StableHash {
    package static func hash(_ text: String, seed: UInt64) -> UInt64 {
        var state: UInt64 = 0xcbf2_9ce4_8422_2325 ^ (seed &* 0x9e37_79b9_7f4a_7c15)
        for byte in text.utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
        state = (state ^ (state >> 33)) &* 0xff51_afd7_ed55_8ccd
        state = (state ^ (state >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return state ^ (state >> 33)
    }

    /// The hash as a number in 0..<1.
    package static func unit(_ text: String, seed: UInt64) -> Double {
        Double(hash(text, seed: seed) >> 11) * 0x1p-53
    }
}
