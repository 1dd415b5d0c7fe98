import Foundation
import Torch

/// How many latents of an ordered bottleneck a data set is worth.
///
/// By default latent k + 1 counts while it tells more of a row than of the row's noise. With χ²_k, the squared error of a
/// row at width k in units of the noise's variance, it takes away Δχ² = χ²_k - χ²_{k+1} in the mean over held-out rows.
/// A latent that follows noise alone takes away 1, a degree of freedom; one whose signal has λ times the variance of the
/// noise takes away 1 + λ. It counts when Δχ² > 2, λ > 1: only then do the reconstructions come closer to a *second*
/// observation of the same object with new noise (λ is gained, 1 is lost by noise let in), which is also what Akaike's
/// criterion and Mallows' C_p ask of one more number for each row. Such a latent holds more than ½ log₂(1 + λ) = ½ bit.
///
/// More rows tell Δχ² more exactly and do not move it. The statistics of Ho et al. 2023 (§2.3) do: they take the total
/// variance for the noise and ask for more than 3.84/N of it, so that N rows of data with a spectrum k^-α give a dimension
/// that grows as N^(1/α) and in the end counts the noise. They are kept to compare with the paper.
public struct IntrinsicDimension: Codable, Sendable, Hashable {
    /// Which number is compared with which threshold.
    public enum Statistic: String, Codable, Sendable, CaseIterable {
        /// Δχ² of a row in units of the noise, against 2.
        case noise
        /// 2 Δ with Δ_k = ½ N (err_k - err_{k+1}), err in units of the total variance, against 3.841.
        case wilks
        /// Δ itself against 3.841, as in the notebooks of the paper.
        case published

        /// What a latent must exceed: twice the noise, or the 95 % point of χ² with one degree of freedom.
        public var threshold: Double { self == .noise ? 2 : 3.841458820694124 }
    }

    /// One width of the curve.
    public struct Point: Codable, Sendable, Hashable {
        /// Open latents k.
        public var width: Int
        /// Squared error in units of the total variance.
        public var error: Double
        /// What is compared with the threshold for the next latent; absent at full width.
        public var value: Double?
        /// Log-likelihood that the next latent gains over all rows, the noise being that of the statistic; absent at full
        /// width.
        public var gain: Double?
        /// Probability of so large a value if the next latent had no more signal than noise: one-sided, from the scatter
        /// over the rows, that of estimated noise included. Of the paper's statistics, whose noise is none, there is no
        /// such probability.
        public var p: Double?
    }

    /// What the statistics say of fewer rows, drawn at random.
    public struct Subsample: Codable, Sendable, Hashable {
        /// How many rows.
        public var rows: Int
        /// Dimension by the name of a statistic, the median over the draws; the full width where all latents count.
        public var dimensions: [String: Int]
    }

    /// The first width whose next latent stays below the threshold; `nil` where there is no honest answer.
    public var dimension: Int?
    /// 95 % interval over bootstrap resamples and, where several models were given, over these.
    public var interval: [Int]?
    /// Which statistic was compared.
    public var statistic: Statistic
    /// The threshold it was compared with.
    public var threshold: Double
    /// Error, value, gain and p-value of every width.
    public var curve: [Point]
    /// Held-out rows.
    public var rows: Int
    /// Dimension against the number of rows, the fewest first: what grows here is no property of the data.
    public var againstRows: [Subsample]
    /// Residual variance at full width, over the dimensions that are left and in units of the total variance: the noise
    /// where none is given. `nil` where none are left.
    public var residual: Double?
    /// χ² at full width over the dimensions that are left, where the noise is given: 1 when all signal is told.
    public var reducedChiSquare: Double?
    /// Why there is no answer, or what to doubt about it.
    public var problems: [String]

    /// - Parameters:
    ///   - errors: squared errors of held-out rows at widths 0 … K, `[N, K + 1]`, one matrix per trained model (seed).
    ///   - variance: total population variance of these rows, summed over the features.
    ///   - features: numbers per row that vary. K latents leave features - K dimensions to estimate the noise from, as in
    ///     probabilistic principal components (Tipping & Bishop 1999): σ² = err_K / (features - K).
    ///   - chiSquares: χ² of the same rows by noise that is known, `[N, K + 1]` per model; `nil` estimates the noise.
    ///   - statistic: which number to compare.
    ///   - resamples: bootstrap resamples of the rows, per model.
    ///   - seed: of the resampling.
    public init(
        errors: [Tensor], variance: Double, features: Int, chiSquares: [Tensor]? = nil, statistic: Statistic = .noise,
        resamples: Int = 200, seed: UInt64 = 1
    ) {
        let models = errors.map { SquaredErrors($0, variance: variance) }
        let whitened = chiSquares?.map { SquaredErrors($0, variance: 1) }
        let (mean, meanWhitened) = (SquaredErrors(meanOf: models), whitened.map(SquaredErrors.init(meanOf:)))
        let curve = mean.meanCurve
        let width = curve.count - 1
        let free = features - width
        let gauges = Dictionary(
            uniqueKeysWithValues: Statistic.allCases.map {
                ($0, Gauge(statistic: $0, free: whitened == nil ? free : nil))
            })
        /// The errors that a statistic looks at.
        func judged<Errors>(_ statistic: Statistic, _ errors: Errors, _ chiSquares: Errors?) -> Errors {
            statistic == .noise ? chiSquares ?? errors : errors
        }
        let gauge = gauges[statistic] ?? Gauge(statistic: statistic, free: nil)
        let seen = judged(statistic, mean, meanWhitened)
        rows = mean.rows
        self.statistic = statistic
        threshold = statistic.threshold
        residual = free > 0 ? curve[width] / Double(free) : nil
        reducedChiSquare = free > 0 ? meanWhitened.map { $0.meanCurve[width] / Double(free) } : nil

        let values = gauge.values(seen.meanCurve, rows: rows)
        let p = statistic == .noise ? seen.probabilities(floor: 2, free: gauge.free) : nil
        let count = Double(rows)
        self.curve = curve.indices.map { k in
            guard k < width else { return Point(width: k, error: curve[k]) }
            let gain = statistic == .noise ? 0.5 * count * values[k] : 0.5 * count * (curve[k] - curve[k + 1])
            return Point(width: k, error: curve[k], value: values[k], gain: gain, p: p?[k])
        }
        let found = gauge.dimension(values)
        var each: [Int] = []
        for (index, model) in judged(statistic, models, whitened).enumerated() {
            each += model.resampledCurves(resamples, seed: seed &+ UInt64(index))
                .map { gauge.dimension(gauge.values($0, rows: mean.rows)) ?? width }
        }
        each.sort()
        againstRows = Self.subsampleSizes(mean.rows).map { size in
            // Every statistic sees the same draws.
            var dimensions: [String: Int] = [:]
            for (statistic, gauge) in gauges where gauge.isUsable {
                let drawn = judged(statistic, mean, meanWhitened).drawnCurves(size, count: 20, seed: seed)
                    .map { gauge.dimension(gauge.values($0, rows: size)) ?? width }
                dimensions[statistic.rawValue] = quantile(drawn.sorted(), 0.5)
            }
            return Subsample(rows: size, dimensions: dimensions)
        }
        problems = []
        problems = problems(found: found, width: width, gauge)
        dimension = problems.contains { $0.hasPrefix("no answer") } ? nil : found
        interval = each.isEmpty || dimension == nil ? nil : [quantile(each, 0.025), quantile(each, 0.975)]
    }

    /// All rows and their halves, down to 50 rows and at most six sizes, the smallest first.
    private static func subsampleSizes(_ rows: Int) -> [Int] {
        sequence(first: rows) { $0 / 2 }.prefix(6).prefix { $0 == rows || $0 >= 50 }.reversed()
    }

    /// What speaks against believing the curve.
    private func problems(found: Int?, width: Int, _ gauge: Gauge) -> [String] {
        var problems: [String] = []
        if rows < 10 * width {
            problems.append(
                "no answer: \(rows) held-out rows for \(width) latents, at least \(10 * width) are needed; "
                    + "give more rows or fewer latents")
        }
        guard gauge.isUsable else {
            return problems + [
                "no answer: \(width) latents leave nothing of the features to tell the noise by; "
                    + "give the noise, or take fewer latents or another statistic"
            ]
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
        let limit = statistic == .published ? threshold / 2 : threshold
        if let worse = curve.dropLast().first(where: { ($0.value ?? 0) < -limit }) {
            problems.append(
                String(
                    format: "not converged: opening latent %d makes the error larger (%.4f to %.4f of the variance); "
                        + "train longer", worse.width + 1, worse.error, curve[worse.width + 1].error))
        }
        if let found, let late = curve.dropLast().first(where: { $0.width > found && isFarAbove($0) }) {
            problems.append(
                "latent \(late.width + 1) is worth having though latent \(found + 1) is not: the order is not settled; "
                    + "train longer")
        }
        if statistic == .noise, let found { problems += noiseProblems(found: found, width: width) }
        return problems
    }

    /// Beyond chance: at one in a thousand.
    private func isFarAbove(_ point: Point) -> Bool {
        guard let value = point.value else { return false }
        return statistic == .noise
            ? value > threshold && (point.p ?? 1) < 0.001 : chiSquaredTail(value) < 0.001
    }

    /// What speaks against the noise.
    private func noiseProblems(found: Int, width: Int) -> [String] {
        if let reducedChiSquare {
            guard reducedChiSquare > 2 else { return [] }
            return [
                String(
                    format:
                        "at full width chi-squared is %.3g for each dimension left instead of 1: the noise is larger "
                        + "than given, or the network does not reach it", reducedChiSquare)
            ]
        }
        // White noise would give 1 per latent; below the dimension found nothing else should be left.
        let last = curve[max(found, width - max(1, width / 4))..<width].compactMap(\.value)
        let mean = last.reduce(0, +) / Double(max(1, last.count))
        guard mean > 1.5 else { return [] }
        return [
            String(
                format: "the last latents still take away %.2f times the residual per dimension: what is left is not "
                    + "white noise, and the dimension depends on the width; give the noise", mean)
        ]
    }

    /// The verdict in a line: "2 (95 % interval 2–2)", or why there is none.
    public var verdict: String {
        guard let dimension else { return problems.first ?? "no answer" }
        guard let interval else { return "\(dimension)" }
        return "\(dimension), 95 % interval \(interval[0])–\(interval[1])"
    }
}

/// From a curve of mean errors to the numbers that a statistic compares, and to the dimension.
private struct Gauge {
    let statistic: IntrinsicDimension.Statistic
    /// Dimensions that the latents leave, where the noise is to be estimated from their residual; `nil` where errors are χ².
    let free: Int?

    /// Whether there is any noise to compare with.
    var isUsable: Bool { statistic != .noise || (free ?? 1) > 0 }

    /// For each latent.
    func values(_ curve: [Double], rows: Int) -> [Double] {
        let scale: Double =
            switch statistic {
            case .noise: free.map { Double($0) / max(curve.last ?? 1, .leastNormalMagnitude) } ?? 1
            case .wilks: Double(rows)
            case .published: 0.5 * Double(rows)
            }
        return zip(curve, curve.dropFirst()).map { ($0 - $1) * scale }
    }

    /// The first width whose next latent stays below the threshold; `nil` when every latent is worth having.
    func dimension(_ values: [Double]) -> Int? { values.firstIndex { $0 < statistic.threshold } }
}

/// P(χ² > x) for one degree of freedom.
func chiSquaredTail(_ x: Double) -> Double { x <= 0 ? 1 : erfc((x / 2).squareRoot()) }

/// The value below which a share of sorted numbers lies (nearest rank).
func quantile(_ sorted: [Int], _ share: Double) -> Int {
    sorted[min(sorted.count - 1, max(0, Int((share * Double(sorted.count)).rounded(.down))))]
}
