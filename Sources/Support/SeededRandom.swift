import Foundation

/// A small, fast generator of random numbers whose stream depends on the seed alone (SplitMix64), with the Gaussian
/// variates that simulations need.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64
    private var spare: Double?

    /// A generator; equal seeds give equal streams.
    public init(seed: UInt64) { state = seed }

    /// A generator of its own for one source, so that its draws do not depend on the order of the sources.
    public init(seed: UInt64, source: String) { state = StableHash.hash(source, seed: seed) }

    /// 64 random bits.
    public mutating func next() -> UInt64 { splitMix64(&state) }

    /// Uniform in 0..<1.
    public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Uniform in `range`.
    public mutating func uniform(in range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    }

    /// Standard Gaussian (polar method of Marsaglia).
    public mutating func gaussian() -> Double {
        if let value = spare {
            spare = nil
            return value
        }
        while true {
            let x = 2 * uniform() - 1
            let y = 2 * uniform() - 1
            let r = x * x + y * y
            guard r > 0, r < 1 else { continue }
            let scale = (-2 * log(r) / r).squareRoot()
            spare = y * scale
            return x * scale
        }
    }
}

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
    public mutating func next() -> UInt64 { splitMix64(&state) }
}

/// The next 64 bits of SplitMix64 (Steele, Lea & Flood 2014, OOPSLA).
func splitMix64(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
}
