import Foundation

/// How far long work has come, on standard error: one line that is drawn over on a terminal, a line every ten seconds
/// in a log, nothing for work that ends at once.
final class ProgressLine {
    private let what: String
    private let unit: String
    private let start = Date()
    private var drawn = Date()
    private var hasDrawn = false
    private let isTerminal = isatty(STDERR_FILENO) == 1

    /// - Parameters:
    ///   - what: what is done, at the start of the line.
    ///   - unit: what is counted.
    init(_ what: String, unit: String = "spectra") {
        self.what = what
        self.unit = unit
    }

    /// Tells that `done` of `total` (if known) are done.
    func update(_ done: Int, of total: Int? = nil) {
        let now = Date()
        guard now.timeIntervalSince(drawn) > (isTerminal ? 0.2 : 10) else { return }
        drawn = now
        let seconds = now.timeIntervalSince(start)
        let rate = Double(done) / max(seconds, 1e-3)
        var text = "\(what)  \(done)" + (total.map { "/\($0)" } ?? "") + " \(unit)  \(Self.short(rate))/s"
        if let total, rate > 0, done < total { text += "  \(Self.duration(Double(total - done) / rate)) left" }
        show(text)
    }

    /// Shows a line of the caller's making.
    func show(_ text: String) {
        FileHandle.standardError.write(Data((isTerminal ? "\r\u{1B}[K\(text)" : text + "\n").utf8))
        hasDrawn = true
    }

    /// Wipes the line.
    func finish() {
        guard hasDrawn, isTerminal else { return }
        FileHandle.standardError.write(Data("\r\u{1B}[K".utf8))
        hasDrawn = false
    }

    /// "45 s", "3 min 20 s", "2 h 5 min".
    static func duration(_ seconds: Double) -> String {
        let whole = Int(min(seconds, 1e9).rounded())
        switch whole {
        case ..<60: return "\(whole) s"
        case ..<3600: return "\(whole / 60) min \(whole % 60) s"
        default: return "\(whole / 3600) h \(whole % 3600 / 60) min"
        }
    }

    private static func short(_ rate: Double) -> String { String(format: rate < 10 ? "%.1f" : "%.0f", rate) }
}

/// "12 kB", "3.4 MB", "1.2 GB".
func readableSize(_ bytes: Int) -> String {
    switch bytes {
    case ..<1000: "\(bytes) B"
    case ..<1_000_000: String(format: "%.0f kB", Double(bytes) / 1e3)
    case ..<1_000_000_000: String(format: "%.1f MB", Double(bytes) / 1e6)
    default: String(format: "%.1f GB", Double(bytes) / 1e9)
    }
}
