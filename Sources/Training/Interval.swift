import Foundation

/// What happened between two lines of the log: mean losses, speed, and the share of time spent waiting for data.
struct Interval {
    private let start = Date()
    private let waitedBefore: Double
    private var waitedNow: Double
    private var sums: [String: Double] = [:]
    private var steps = 0
    private var rows = 0

    init(waitedBefore: Double = 0) {
        self.waitedBefore = waitedBefore
        waitedNow = waitedBefore
    }

    var seconds: Double { Date().timeIntervalSince(start) }
    var secondsPerStep: Double { seconds / Double(max(1, steps)) }

    mutating func add(_ losses: [(name: String, value: Double)], rows: Int, waited: Double) {
        for (name, value) in losses { sums[name, default: 0] += value }
        steps += 1
        self.rows += rows
        waitedNow = waited
    }

    func row(step: Int, rate: Double) -> MetricsRow {
        var means = sums.mapValues { $0 / Double(max(1, steps)) }
        let norm = means.removeValue(forKey: "gradient_norm")
        let seconds = max(self.seconds, 1e-9)
        return MetricsRow(
            step: step, split: .training, losses: means, learningRate: rate, gradientNorm: norm,
            rowsPerSecond: Double(rows) / seconds, waiting: min(1, (waitedNow - waitedBefore) / seconds))
    }
}

/// The rows of each step, shuffling once per epoch rather than once per step. Used by one thread.
final class PermutationCache: @unchecked Sendable {
    private let order: EpochOrder
    private var epoch = -1
    private var permutation: [Int] = []

    init(_ order: EpochOrder) { self.order = order }

    func rows(of step: Int) -> [Int] {
        let wanted = step / order.stepsPerEpoch
        if wanted != epoch {
            epoch = wanted
            permutation = order.permutation(epoch: epoch)
        }
        return order.rows(of: step, in: permutation)
    }
}
