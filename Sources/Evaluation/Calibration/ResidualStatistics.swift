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
    ///   - groups: what is drawn together, one a residual; nil draws each by itself.
    ///   - resamples: bootstrap samples, drawn with replacement.
    ///   - seed: equal seeds give equal errors.
    public init(_ residuals: [Double], groups: [String]? = nil, resamples: Int = 200, seed: UInt64 = 1) {
        let places = residuals.indices.filter { residuals[$0].isFinite }
        let known = places.map { residuals[$0] }
        stars = known.count
        guard known.count >= 3 else {
            (bias, biasError, sigma, sigmaError) = (nil, nil, nil, nil)
            return
        }
        bias = median(known)
        sigma = robustSigma(known)
        let bootstrap = groups.map { groups in GroupBootstrap(places.map { groups[$0] }) }
        var generator = SeededGenerator(seed: seed)
        var (biases, sigmas): ([Double], [Double]) = ([], [])
        for _ in 0..<resamples {
            let drawn =
                bootstrap.map { $0.draw(using: &generator).map { known[$0] } }
                ?? known.indices.map { _ in known[Int(generator.next() % UInt64(known.count))] }
            biases.append(median(drawn))
            sigmas.append(robustSigma(drawn))
        }
        biasError = standardError(biases)
        sigmaError = standardError(sigmas.filter { $0 >= 0 })
    }
}
