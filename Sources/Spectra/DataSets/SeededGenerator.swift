import Foundation

/// A small, fast generator of random numbers whose stream depends on the seed alone (SplitMix64; Steele, Lea & Flood
/// 2014, OOPSLA), with the Gaussian variates that simulations need.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64
    private var spare: Double?

    /// A generator; equal seeds give equal streams.
    public init(seed: UInt64) { state = seed }

    /// A generator of its own for one source, so that its draws do not depend on the order of the sources.
    public init(seed: UInt64, source: String) { state = StableHash.hash(source, seed: seed) }

    /// 64 random bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

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
