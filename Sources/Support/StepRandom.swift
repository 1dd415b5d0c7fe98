/// A small, fast generator whose sequence depends on nothing but its seeds (SplitMix64, Steele et al. 2014).
///
/// `SystemRandomNumberGenerator` cannot be seeded; shuffles and augmentation must repeat after a resume.
public struct StepRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A generator for one purpose: equal words give equal sequences, different words unrelated ones.
    public init(_ words: UInt64...) {
        state = 0x9E37_79B9_7F4A_7C15
        for word in words {
            state ^= word
            _ = next()
            state = state &* 0xD129_42F1_5A2F_6B2D &+ 1
        }
    }

    /// 64 random bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
