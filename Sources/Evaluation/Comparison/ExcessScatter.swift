import Foundation
import Statistics
import Support

/// The scatter of differences that the stated errors of both sides do not explain.
///
/// It is the v for which the robust σ of δ / √(s² + v) is 1, δ being a difference about the median and s the error that is stated
/// for it: every star is judged by its own error, as in narrow bins of error, and outliers count as little as in σ itself.
public struct ExcessScatter: Codable, Sendable, Hashable {
    /// √v, in the label's unit; 0 where the stated errors explain all.
    public let sigma: Double
    /// Standard deviation of `sigma` over resamples.
    public let sigmaError: Double
    /// Robust σ of the differences in units of their stated errors: 1 where these are honest and there is nothing else.
    public let pull: Double
    /// Standard deviation of `pull` over resamples.
    public let pullError: Double
    /// Median stated error of a difference, in the label's unit.
    public let stated: Double
    /// Differences with a stated error.
    public let stars: Int

    /// Whether it is no more than chance makes of none: the pull lies less than two errors above 1.
    public var isConsistentWithZero: Bool { pull < 1 + 2 * pullError }

    /// - Parameters:
    ///   - differences: of the two sides.
    ///   - errors: 1 σ that is stated for each; NaN leaves one out.
    ///   - groups: what is drawn together.
    ///   - resamples: bootstrap samples.
    /// - Returns: nil for fewer than ten differences with errors.
    public init?(_ differences: [Double], errors: [Double], groups: [String], resamples: Int = 100, seed: UInt64 = 1) {
        let places = differences.indices.filter { differences[$0].isFinite && errors[$0].isFinite && errors[$0] > 0 }
        guard places.count >= 10 else { return nil }
        let (delta, error) = (places.map { differences[$0] }, places.map { errors[$0] })
        let found = Self.estimate(delta, error)
        let bootstrap = GroupBootstrap(places.map { groups[$0] })
        var generator = SeededGenerator(seed: seed)
        let drawn = (0..<resamples).map { _ in
            let chosen = bootstrap.draw(using: &generator)
            return Self.estimate(chosen.map { delta[$0] }, chosen.map { error[$0] })
        }
        (sigma, pull, stars) = (found.sigma, found.pull, places.count)
        sigmaError = standardError(drawn.map(\.sigma)) ?? 0
        pullError = standardError(drawn.map(\.pull)) ?? 0
        stated = median(error)
    }

    private static func estimate(_ delta: [Double], _ error: [Double]) -> (sigma: Double, pull: Double) {
        let centre = median(delta)
        let centred = delta.map { $0 - centre }
        func pull(_ variance: Double) -> Double {
            robustSigma(zip(centred, error).map { $0 / ($1 * $1 + variance).squareRoot() }, aboutZero: true)
        }
        let alone = pull(0)
        guard alone > 1 else { return (0, alone) }
        // Twice the whole scatter is more than any part of it.
        var (low, high) = (0.0, 2 * max(robustSigma(centred), 1e-12))
        while pull(high * high) > 1 { high *= 2 }
        for _ in 0..<24 {
            let middle = (low + high) / 2
            if pull(middle * middle) > 1 { low = middle } else { high = middle }
        }
        return ((low + high) / 2, alone)
    }
}
