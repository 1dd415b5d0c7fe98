import Foundation
import Support
import Torch

/// Which labels the latents of an ordered code carry: how much of a label's variance each latent tells by itself, and the
/// first k of them together, on rows that were not used to find out how.
public struct LatentLabels: Codable, Sendable {
    /// What one label shares with the latents.
    public struct Share: Codable, Sendable {
        /// The label's name.
        public var label: String
        /// Rows whose label is known.
        public var rows: Int
        /// Share of the variance that each latent tells alone, by the mean label in each of 20 intervals of the latent
        /// with equally many rows: any dependence counts, not a linear one only.
        public var alone: [Double]
        /// Share that the first 1, 2, … latents tell together, linearly.
        public var together: [Double]
    }

    /// One per label, in the order given.
    public var shares: [Share]

    /// - Parameters:
    ///   - code: `[N, K]`.
    ///   - labels: name and values, one per row; NaN where unknown.
    /// - Throws: `Diagnostic` where there are fewer than 100 rows with a label.
    public init(_ code: Tensor, labels: [(name: String, values: [Double])], seed: UInt64 = 1) throws {
        shares = try labels.map { label in
            var random = StepRandom(seed, 0x1ABE1)
            let known = label.values.indices.filter { label.values[$0].isFinite }.shuffled(using: &random)
            guard known.count >= 100 else {
                throw Diagnostic(
                    label.name, problem: "known for \(known.count) rows; give at least 100, or leave the label out")
            }
            let half = known.count / 2
            return Share(
                code, label: label, fit: Array(known[..<half]), test: Array(known[half...]), rows: known.count)
        }
    }
}

extension LatentLabels.Share {
    fileprivate init(
        _ code: Tensor, label: (name: String, values: [Double]), fit: [Int], test: [Int], rows: Int
    ) {
        func picked(_ rows: [Int]) -> Tensor { code.indexSelect(0, Tensor(rows.map(Int64.init))) }
        let (fitted, tested) = (picked(fit), picked(test))
        let (known, truth) = (fit.map { label.values[$0] }, test.map { label.values[$0] })
        self.label = label.name
        self.rows = rows
        let width = code.size(1)
        alone = (0..<width).map { latent in
            let means = BinnedMean(fitted.select(1, latent).doubles(), known)
            return explained(tested.select(1, latent).doubles().map(means.callAsFunction), truth)
        }
        together = (1...width).map { k in
            let baseline = LinearBaseline(
                fitted.narrow(1, start: 0, length: k), labels: [known], components: k)
            return explained(baseline.predict(tested.narrow(1, start: 0, length: k))[0], truth)
        }
    }
}

/// Share of the variance that predictions explain; not below 0, which is what the mean reaches.
private func explained(_ predicted: [Double], _ truth: [Double]) -> Double {
    let mean = truth.reduce(0, +) / Double(truth.count)
    let total = truth.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let left = zip(predicted, truth).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return total > 0 ? max(0, 1 - left / total) : 0
}

/// The mean of y in intervals of x that hold equally many points.
private struct BinnedMean {
    private let edges: [Double]
    private let means: [Double]

    init(_ x: [Double], _ y: [Double], intervals: Int = 20) {
        let sorted = zip(x, y).sorted { $0.0 < $1.0 }
        let bounds = (0...intervals).map { $0 * sorted.count / intervals }
        means = zip(bounds, bounds.dropFirst()).map { start, end in
            sorted[start..<max(end, start + 1)].reduce(0) { $0 + $1.1 } / Double(max(1, end - start))
        }
        edges = bounds.dropFirst().dropLast().map { sorted[$0].0 }
    }

    func callAsFunction(_ x: Double) -> Double { means[edges.count { $0 <= x }] }
}
