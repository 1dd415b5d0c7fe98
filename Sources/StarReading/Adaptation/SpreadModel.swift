import Foundation
import Statistics
import Torch

/// How far off labels are read of one star beside others: by its signal to noise, and by what kind of star the model takes it for.
struct SpreadModel: Codable, Sendable, Hashable {
    /// Of the inputs, for the mean star where one is not known.
    private var mean: [Double], scale: [Double]
    private var weights: [Double]

    /// Stars without which all are taken to be as hard.
    private static let fewest = 60
    /// Spreads are at most this factor larger or smaller than the mean one.
    private static let largest = log(8.0)

    /// Every star is as hard.
    init() { (mean, scale, weights) = ([], [], []) }

    /// - Parameters:
    ///   - residuals: per star; NaN where the label is not known.
    ///   - input: of the same stars.
    init(_ residuals: [Double], _ input: AdaptationInput) {
        self.init()
        let known = residuals.indices.filter { residuals[$0].isFinite }
        guard known.count >= Self.fewest else { return }
        let sigma = robustSigma(known.map { residuals[$0] })
        guard sigma > 0 else { return }
        let columns = Self.columns(input)
        mean = columns.map { column in
            let finite = column.filter(\.isFinite)
            return finite.isEmpty ? 0 : finite.reduce(0, +) / Double(finite.count)
        }
        scale = zip(columns, mean).map { column, mean in
            let finite = column.filter(\.isFinite)
            let square = finite.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            return finite.isEmpty ? 1 : 1 / max((square / Double(finite.count)).squareRoot(), 1e-9)
        }
        let design = design(columns)
        let width = design.first?.count ?? 0
        // Of a residual near 0 chance has decided.
        let logs = residuals.map { $0.isFinite ? log(max(abs($0), 0.05 * sigma)) : .nan }
        let fit = RidgeRegression(
            Tensor(design.flatMap { $0 }, shape: [design.count, width]), labels: logs,
            penalties: stride(from: 0, through: 5, by: 0.5).map { pow(10, $0) }, standardises: false, isLikeliest: true)
        let found = fit.weights.to(.float64).doubles()
        weights = found.allSatisfy(\.isFinite) ? found : []
    }

    /// Per star, 1 for the mean one.
    func callAsFunction(_ input: AdaptationInput) -> [Double] {
        guard !weights.isEmpty else { return [Double](repeating: 1, count: input.count) }
        return design(Self.columns(input)).map { row in
            let log = zip(row, weights).reduce(0) { $0 + $1.0 * $1.1 }
            return exp(min(max(log, -Self.largest), Self.largest))
        }
    }

    /// Whether its numbers fit so many known labels.
    func isConsistent(known: Int) -> Bool {
        weights.isEmpty
            || (mean.count == known + 1 && scale.count == known + 1 && weights.count == 2 * (known + 1)
                && (mean + scale + weights).allSatisfy(\.isFinite))
    }

    /// Per input, per star: S/N and the model's labels.
    private static func columns(_ input: AdaptationInput) -> [[Double]] {
        let (values, width) = (input.known.doubles(), input.known.shape[1])
        return [input.snr.map { $0 > 0 ? log10($0) : .nan }]
            + (0..<width).map { label in (0..<input.count).map { values[$0 * width + label] } }
    }

    private func design(_ columns: [[Double]]) -> [[Double]] {
        (0..<(columns.first?.count ?? 0)).map { star in
            let linear = columns.indices.map { column in
                let value = (columns[column][star] - mean[column]) * scale[column]
                return value.isFinite ? min(max(value, -3), 3) : 0
            }
            return linear + linear.map { $0 * $0 - 1 }
        }
    }
}
