import Foundation

/// The counts between which a share of all outcomes of n independent trials lies: how far a histogram's bin or an
/// observed coverage may stray by chance.
public struct BinomialBand: Sendable, Hashable {
    /// The lowest and the highest count of the band.
    public let counts: ClosedRange<Int>
    /// Trials.
    public let trials: Int

    /// - Parameters:
    ///   - trials: n, not negative.
    ///   - probability: of success in each, 0…1.
    ///   - share: of outcomes within the band, such as 0.99; half of the rest lies on either side.
    ///
    /// Complexity: O(n), exact also where a Gaussian would not do (a few stars, a level of 99 %).
    public init(trials: Int, probability: Double, share: Double) {
        precondition(trials >= 0 && (0...1).contains(probability) && (0..<1).contains(share))
        self.trials = trials
        guard probability > 0, probability < 1, trials > 0 else {
            let count = probability == 1 ? trials : 0
            counts = count...count
            return
        }
        let n = Double(trials)
        let (success, failure) = (log(probability), log1p(-probability))
        let (low, high) = ((1 - share) / 2, (1 + share) / 2)
        var sum = 0.0
        var (first, last): (Int?, Int?) = (nil, nil)
        for k in 0...trials {
            let x = Double(k)
            let ways = logGamma(n + 1) - logGamma(x + 1) - logGamma(n - x + 1)
            sum += exp(ways + x * success + (n - x) * failure)
            if first == nil, sum > low { first = k }
            if sum >= high {
                last = k
                break
            }
        }
        counts = (first ?? 0)...max(first ?? 0, last ?? trials)
    }

    /// The band as shares of the trials.
    public var shares: ClosedRange<Double> {
        let n = Double(max(1, trials))
        return Double(counts.lowerBound) / n...Double(counts.upperBound) / n
    }
}

/// log Γ(x) for x > 0. (`lgamma` writes a global variable, which Swift's concurrency checks refuse on some platforms.)
public func logGamma(_ x: Double) -> Double {
    var sign: Int32 = 0
    return lgamma_r(x, &sign)
}
