import CoreMetrics
import Synchronization

/// What the program measures of itself, as Prometheus reads it (text format 0.0.4): a factory of swift-metrics that keeps
/// counters, gauges and histograms in memory.
final class PrometheusMetrics: MetricsFactory {
    /// What a series is of: its name and labels, in the order they were given.
    private struct Key: Hashable {
        var name: String
        var labels: [String]

        init(_ name: String, _ dimensions: [(String, String)]) {
            self.name = PrometheusMetrics.plain(name)
            labels = dimensions.map { PrometheusMetrics.plain($0.0) + "=\"" + PrometheusMetrics.escaped($0.1) + "\"" }
        }
    }

    private enum Series {
        case counter(CounterSeries)
        case gauge(GaugeSeries)
        case histogram(HistogramSeries)

        var kind: String {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    private let all = Mutex<[Key: Series]>([:])
    private let help: [String: String]
    private let bounds: [String: [Double]]

    /// - Parameters:
    ///   - help: what series are, by name.
    ///   - bounds: upper ends of the buckets of histograms, by name; durations have some of their own.
    init(help: [String: String] = [:], bounds: [String: [Double]] = [:]) { (self.help, self.bounds) = (help, bounds) }

    /// Buckets of durations, s.
    private static let durations = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

    /// All series as text.
    var text: String {
        let series = all.withLock {
            $0.sorted { ($0.key.name, $0.key.labels.joined()) < ($1.key.name, $1.key.labels.joined()) }
        }
        var (out, last) = ("", "")
        for (key, one) in series {
            if key.name != last {
                last = key.name
                if let help = help[key.name] { out += "# HELP \(key.name) \(Self.escaped(help, quotes: false))\n" }
                out += "# TYPE \(key.name) \(one.kind)\n"
            }
            func line(_ suffix: String, _ more: [String], _ value: String) {
                let labels = key.labels + more
                out +=
                    key.name + suffix + (labels.isEmpty ? "" : "{" + labels.joined(separator: ",") + "}")
                    + " \(value)\n"
            }
            switch one {
            case .counter(let counter): line("", [], Self.text(counter.value))
            case .gauge(let gauge): line("", [], Self.text(gauge.value))
            case .histogram(let histogram):
                let (counts, sum) = histogram.state
                var total = 0
                for (bound, count) in zip(histogram.bounds + [.infinity], counts) {
                    total += count
                    line("_bucket", ["le=\"\(Self.text(bound))\""], "\(total)")
                }
                line("_sum", [], Self.text(sum))
                line("_count", [], "\(total)")
            }
        }
        return out
    }

    private static func text(_ value: Double) -> String {
        if value == .infinity { return "+Inf" }
        if value == -.infinity { return "-Inf" }
        if value.isNaN { return "NaN" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }

    /// A name of letters, digits, underscores and colons.
    private static func plain(_ name: String) -> String {
        let plain = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") ? $0 : "_" })
        return plain.first?.isNumber ?? true ? "_" + plain : plain
    }

    private static func escaped(_ text: String, quotes: Bool = true) -> String {
        text.reduce(into: "") { out, character in
            switch character {
            case "\\": out += "\\\\"
            case "\"" where quotes: out += "\\\""
            // Of Windows, it is one character.
            case "\n", "\r\n": out += "\\n"
            default: out.append(character)
            }
        }
    }

    // MARK: - Factory

    /// The series of a name and labels; one of another kind stays what it is, and the new one is told to nobody.
    private func series<Found>(
        _ label: String, _ dimensions: [(String, String)], _ make: (String) -> Found, _ wrap: (Found) -> Series,
        _ found: (Series) -> Found?
    ) -> Found {
        let key = Key(label, dimensions)
        return all.withLock { all in
            if let own = all[key] { return found(own) ?? make(key.name) }
            let new = make(key.name)
            all[key] = wrap(new)
            return new
        }
    }

    private func counter(_ label: String, _ dimensions: [(String, String)]) -> CounterSeries {
        series(label, dimensions, { _ in CounterSeries() }, Series.counter) {
            if case .counter(let own) = $0 { own } else { nil }
        }
    }

    private func gauge(_ label: String, _ dimensions: [(String, String)]) -> GaugeSeries {
        series(label, dimensions, { _ in GaugeSeries() }, Series.gauge) {
            if case .gauge(let own) = $0 { own } else { nil }
        }
    }

    private func histogram(_ label: String, _ dimensions: [(String, String)]) -> HistogramSeries {
        series(label, dimensions, { [bounds] in HistogramSeries(bounds[$0] ?? Self.durations) }, Series.histogram) {
            if case .histogram(let own) = $0 { own } else { nil }
        }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { counter(label, dimensions) }
    func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        counter(label, dimensions)
    }
    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { gauge(label, dimensions) }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        aggregate ? histogram(label, dimensions) : gauge(label, dimensions)
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { histogram(label, dimensions) }

    // Series are few and stay: a counter that vanished would begin anew.
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}

private final class CounterSeries: CounterHandler, FloatingPointCounterHandler {
    private let total = Mutex(0.0)
    var value: Double { total.withLock(\.self) }
    func increment(by amount: Int64) { increment(by: Double(amount)) }
    func increment(by amount: Double) { total.withLock { $0 += max(0, amount) } }
    func reset() { total.withLock { $0 = 0 } }
}

private final class GaugeSeries: MeterHandler, RecorderHandler {
    private let current = Mutex(0.0)
    var value: Double { current.withLock(\.self) }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { current.withLock { $0 = value } }
    func increment(by amount: Double) { current.withLock { $0 += amount } }
    func decrement(by amount: Double) { current.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }
}

private final class HistogramSeries: TimerHandler, RecorderHandler {
    let bounds: [Double]
    private let values: Mutex<(counts: [Int], sum: Double)>

    init(_ bounds: [Double]) {
        self.bounds = bounds
        values = Mutex(([Int](repeating: 0, count: bounds.count + 1), 0))
    }

    /// How many values lie in each bucket, the last without an end; and their sum.
    var state: (counts: [Int], sum: Double) { values.withLock(\.self) }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        values.withLock { values in
            values.counts[bucket] += 1
            values.sum += value
        }
    }
}
