import Statistics
import Support

/// Bias and scatter of residuals with their errors, from resampled stars.
public struct ResidualStatistics: Codable, Sendable, Hashable {
    /// Residuals that were used.
    public let stars: Int
    /// Median residual; nil for fewer than three residuals, as all that follows (JSON knows no NaN).
    public let bias: Double?
    /// Standard deviation of the bias over resamples.
    public let biasError: Double?
    /// Tukey's biweight about the median.
    public let sigma: Double?
    /// Standard deviation of the scatter over resamples.
    public let sigmaError: Double?

    /// - Parameters:
    ///   - residuals: prediction minus truth; what is not finite is left out.
    ///   - resamples: bootstrap samples, drawn with replacement.
    ///   - seed: equal seeds give equal errors.
    public init(_ residuals: [Double], resamples: Int = 200, seed: UInt64 = 1) {
        let known = residuals.filter(\.isFinite)
        stars = known.count
        guard known.count >= 3 else {
            (bias, biasError, sigma, sigmaError) = (nil, nil, nil, nil)
            return
        }
        bias = median(known)
        sigma = robustSigma(known)
        var generator = SeededGenerator(seed: seed)
        var (biases, sigmas): ([Double], [Double]) = ([], [])
        for _ in 0..<resamples {
            let drawn = known.indices.map { _ in known[Int(generator.next() % UInt64(known.count))] }
            biases.append(median(drawn))
            sigmas.append(robustSigma(drawn))
        }
        biasError = standardDeviation(biases)
        sigmaError = standardDeviation(sigmas.filter { $0 >= 0 })
    }
}

private func standardDeviation(_ values: [Double]) -> Double? {
    guard values.count > 1 else { return nil }
    let mean = values.reduce(0, +) / Double(values.count)
    return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
}
