import Foundation
import Torch

/// How many latents a data set is worth: the likelihood-ratio test of an ordered bottleneck (Ho et al. 2023, §2.3).
///
/// Latent k + 1 is worth having while the log-likelihood it adds on held-out data, Δ_k = ½ N (err_k - err_{k+1}), is
/// more than chance would add. err_k is the squared error at width k in units of the data's total variance.
public struct IntrinsicDimension: Codable, Sendable, Hashable {
    /// Which number is compared with the χ² threshold of one degree of freedom.
    public enum Statistic: String, Codable, Sendable, CaseIterable {
        /// 2 Δ, as Wilks' theorem has it.
        case wilks
        /// Δ itself, as in the notebooks of the paper.
        case published
    }

    /// One width of the curve.
    public struct Point: Codable, Sendable, Hashable {
        /// Open latents k.
        public var width: Int
        /// Squared error in units of the total variance.
        public var error: Double
        /// Log-likelihood gained by the next latent, Δ_k; absent at full width.
        public var gain: Double?
        /// Probability that a useless latent would gain as much; absent at full width.
        public var p: Double?
    }

    /// The first width whose next latent gains nothing significant; `nil` where there is no honest answer.
    public var dimension: Int?
    /// 95 % interval over bootstrap resamples and, where several models were given, over these.
    public var interval: [Int]?
    /// Which statistic was compared.
    public var statistic: Statistic
    /// The threshold it was compared with: 3.841 for p = 0.05.
    public var threshold: Double
    /// Error, gain and p-value of every width.
    public var curve: [Point]
    /// Held-out rows.
    public var rows: Int
    /// Why there is no answer, or what to doubt about it.
    public var problems: [String]

    /// 95 % point of χ² with one degree of freedom.
    public static let threshold = 3.841458820694124

    /// - Parameters:
    ///   - errors: squared errors of held-out rows at widths 0 … K, `[N, K + 1]`, one matrix per trained model (seed).
    ///   - variance: total population variance of these rows, summed over the features.
    ///   - statistic: which number to compare.
    ///   - resamples: bootstrap resamples of the rows, per model.
    ///   - seed: of the resampling.
    public init(
        errors: [Tensor], variance: Double, statistic: Statistic = .wilks, resamples: Int = 200, seed: UInt64 = 1
    ) {
        let models = errors.map { SquaredErrors($0, variance: variance) }
        let curves = models.map { $0.meanCurve }
        let width = (curves.first?.count ?? 1) - 1
        rows = models.first?.rows ?? 0
        self.statistic = statistic
        threshold = Self.threshold
        let mean = (0...width).map { k in curves.map { $0[k] }.reduce(0, +) / Double(max(1, curves.count)) }
        let count = Double(rows)
        curve = mean.indices.map { k in
            guard k < width else { return Point(width: k, error: mean[k], gain: nil, p: nil) }
            let gain = 0.5 * count * (mean[k] - mean[k + 1])
            return Point(width: k, error: mean[k], gain: gain, p: chiSquaredTail(Self.value(gain, statistic)))
        }
        let found = Self.dimension(of: mean, rows: count, statistic)
        var each: [Int] = []
        for (index, model) in models.enumerated() {
            each += model.resampledCurves(resamples, seed: seed &+ UInt64(index))
                .map { Self.dimension(of: $0, rows: count, statistic) ?? width }
        }
        each.sort()
        problems = Self.problems(curve, found: found, width: width, rows: rows)
        dimension = problems.contains { $0.hasPrefix("no answer") } ? nil : found
        interval = each.isEmpty || dimension == nil ? nil : [quantile(each, 0.025), quantile(each, 0.975)]
    }

    private static func value(_ gain: Double, _ statistic: Statistic) -> Double {
        statistic == .wilks ? 2 * gain : gain
    }

    /// The first width whose next latent stays below the threshold; `nil` when every latent is worth having.
    static func dimension(of curve: [Double], rows: Double, _ statistic: Statistic) -> Int? {
        (0..<max(0, curve.count - 1)).first { k in
            value(0.5 * rows * (curve[k] - curve[k + 1]), statistic) < threshold
        }
    }

    /// What speaks against believing the curve.
    private static func problems(_ curve: [Point], found: Int?, width: Int, rows: Int) -> [String] {
        var problems: [String] = []
        if rows < 10 * width {
            problems.append(
                "no answer: \(rows) held-out rows for \(width) latents, at least \(10 * width) are needed; "
                    + "give more rows or fewer latents")
        }
        if found == nil {
            problems.append(
                "no answer: all \(width) latents are worth having, so there may be more; train with a larger width")
        }
        if let closed = curve.first?.error, abs(closed - 1) > 0.05 {
            problems.append(
                String(
                    format: "no answer: with all latents closed the error is %.3f of the variance instead of 1: "
                        + "not converged, or trained on other data; train longer", closed))
        }
        if let worse = curve.dropLast().first(where: { value($0.gain ?? 0, .wilks) < -threshold }) {
            problems.append(
                String(
                    format: "not converged: opening latent %d makes the error larger (%.4f to %.4f of the variance); "
                        + "train longer", worse.width + 1, worse.error, curve[worse.width + 1].error))
        }
        if let found, let late = curve.dropLast().first(where: { $0.width > found && ($0.p ?? 1) < 0.001 }) {
            problems.append(
                "latent \(late.width + 1) is worth having though latent \(found + 1) is not: the order is not settled; "
                    + "train longer")
        }
        return problems
    }

    /// The verdict in a line: "2 (95 % interval 2–2)", or why there is none.
    public var verdict: String {
        guard let dimension else { return problems.first ?? "no answer" }
        guard let interval else { return "\(dimension)" }
        return "\(dimension), 95 % interval \(interval[0])–\(interval[1])"
    }
}

/// P(χ² > x) for one degree of freedom.
func chiSquaredTail(_ x: Double) -> Double { x <= 0 ? 1 : erfc((x / 2).squareRoot()) }

/// The value below which a share of sorted numbers lies (nearest rank).
func quantile(_ sorted: [Int], _ share: Double) -> Int {
    sorted[min(sorted.count - 1, max(0, Int((share * Double(sorted.count)).rounded(.down))))]
}
