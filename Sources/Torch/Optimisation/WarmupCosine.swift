import Foundation

/// A learning rate that rises linearly from 0, then falls along half a cosine to a minimum, and stays there.
public struct WarmupCosine: Codable, Sendable, Hashable {
    /// The highest rate.
    public var base: Double
    /// Steps of the rise.
    public var warmup: Int
    /// Steps after which the rate is ``minimum``, the rise included.
    public var total: Int
    /// The last rate.
    public var minimum: Double

    /// - Parameters:
    ///   - base: the highest rate.
    ///   - warmup: steps of the rise.
    ///   - total: steps until the minimum, the rise included.
    ///   - minimum: the last rate.
    public init(base: Double, warmup: Int, total: Int, minimum: Double = 0) {
        self.base = base
        self.warmup = warmup
        self.total = total
        self.minimum = minimum
    }

    /// The rate for the step after `n` completed ones. With a rise the first step has rate 0, as in the published code.
    public func rate(step n: Int) -> Double {
        if n < warmup { return base * Double(n) / Double(warmup) }
        if n >= total { return minimum }
        let progress = Double(n - warmup) / Double(total - warmup)
        return minimum + (1 + cos(.pi * progress)) / 2 * (base - minimum)
    }
}
