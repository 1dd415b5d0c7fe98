import Foundation

/// `metrics.csv`: one row per training interval and per validation, appended as the run goes.
///
/// Columns: step, split, learning_rate, gradient_norm, one per loss, rows_per_second, waiting (fraction of the
/// interval in which the step waited for data). Empty where a column does not apply.
final class MetricsLog {
    private let url: URL
    private let lossNames: [String]

    var header: String {
        (["step", "split", "learning_rate", "gradient_norm"] + lossNames + ["rows_per_second", "waiting"])
            .joined(separator: ",")
    }

    /// Opens the log, dropping the rows after `step`: a resumed run writes them again.
    init(_ url: URL, lossNames: [String], keepingUpTo step: Int) throws {
        self.url = url
        self.lossNames = lossNames
        var lines = [header]
        if step > 0, let old = try? String(contentsOf: url, encoding: .utf8) {
            lines += old.split(separator: "\n").dropFirst().map(String.init)
                .filter { Int($0.prefix { $0 != "," }).map { $0 <= step } ?? false }
        }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: url, options: .atomic)
    }

    func append(_ row: MetricsRow) throws {
        var fields = ["\(row.step)", row.split.rawValue]
        fields += [row.learningRate, row.gradientNorm].map(Self.text)
        fields += lossNames.map { Self.text(row.losses[$0]) }
        fields += [row.rowsPerSecond, row.waiting].map(Self.text)
        let handle = try FileHandle(forWritingTo: url)
        defer { try? handle.close() }
        try handle.seekToEnd()
        try handle.write(contentsOf: Data((fields.joined(separator: ",") + "\n").utf8))
    }

    private static func text(_ value: Double?) -> String {
        value.map { String(format: "%.7g", $0) } ?? ""
    }
}

/// What an interval of training, or a validation, measured.
public struct MetricsRow: Sendable {
    /// Optimiser step at the end of the interval.
    public var step: Int
    /// What was measured: training or validation.
    public var split: TrainingSplit
    /// Mean of each loss, by name; `loss` is the total.
    public var losses: [String: Double]
    /// Learning rate of the last step.
    public var learningRate: Double?
    /// Mean global L2 norm of the gradient before clipping.
    public var gradientNorm: Double?
    /// Spectra per second.
    public var rowsPerSecond: Double?
    /// Share of the time in which the step waited for data, 0 … 1.
    public var waiting: Double?
}

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

/// Where a run tells how it goes. The command prints to standard error; tests and libraries stay silent.
public protocol ProgressSink {
    /// An interval was trained, or a validation done.
    func report(_ row: MetricsRow, of steps: Int, secondsLeft: Double?)
    /// Something worth a line of its own: resumed, stopped early, interrupted.
    func note(_ text: String)
}

/// Says nothing.
public struct SilentProgress: ProgressSink {
    /// A sink that stays silent.
    public init() {}
    /// Reports an interval or a validation.
    public func report(_ row: MetricsRow, of steps: Int, secondsLeft: Double?) {}
    /// Reports something worth a line of its own.
    public func note(_ text: String) {}
}
