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
