import Foundation

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

/// Prints one line per interval on standard error: losses, rate and time left.
public struct ConsoleProgress: ProgressSink {
    private let name: String

    /// - Parameter name: what is trained, at the start of each line.
    public init(_ name: String) { self.name = name }

    /// Reports an interval or a validation.
    public func report(_ row: MetricsRow, of steps: Int, secondsLeft: Double?) {
        let total = row.losses["loss"].map { String(format: "%.4f", $0) } ?? "?"
        var line = "\(name)  \(row.step)/\(steps)"
        switch row.split {
        case .validation: line += "  validation \(total)"
        case .training:
            line += "  loss \(total)"
            if let rate = row.rowsPerSecond { line += String(format: "  %.0f spectra/s", rate) }
            if let waiting = row.waiting { line += String(format: "  waiting %.1f%%", 100 * waiting) }
            if let seconds = secondsLeft { line += "  " + Self.duration(seconds) + " left" }
        }
        note(line, prefixed: false)
    }

    /// Reports something worth a line of its own.
    public func note(_ text: String) { note(text, prefixed: true) }

    private func note(_ text: String, prefixed: Bool) {
        FileHandle.standardError.write(Data(((prefixed ? "\(name)  " : "") + text + "\n").utf8))
    }

    /// "45 s", "3 min 20 s", "2 h 5 min".
    public static func duration(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        switch whole {
        case ..<60: return "\(whole) s"
        case ..<3600: return "\(whole / 60) min \(whole % 60) s"
        default: return "\(whole / 3600) h \(whole % 3600 / 60) min"
        }
    }
}
