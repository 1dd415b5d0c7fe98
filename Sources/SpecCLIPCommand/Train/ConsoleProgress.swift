import Foundation
import Training

/// A training run on standard error: one line drawn over on a terminal, in a log a line for each validation.
final class ConsoleProgress: ProgressSink {
    private let name: String
    private let line: ProgressLine
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var validation: Double?
    private var latest: MetricsRow?
    private var secondsLeft: Double?

    /// - Parameter name: what is trained, at the start of each line.
    init(_ name: String) {
        self.name = name
        line = ProgressLine(name)
    }

    deinit { line.finish() }

    func report(_ row: MetricsRow, of steps: Int, secondsLeft: Double?) {
        switch row.split {
        case .training:
            latest = row
            self.secondsLeft = secondsLeft
        case .validation: validation = row.losses["loss"]
        }
        if isTerminal || row.split == .validation { line.show(text(step: row.step, of: steps)) }
    }

    func note(_ text: String) {
        line.finish()
        FileHandle.standardError.write(Data("\(name)  \(text)\n".utf8))
    }

    private func text(step: Int, of steps: Int) -> String {
        var text = "\(name)  \(step)/\(steps)"
        if let loss = latest?.losses["loss"] { text += String(format: "  loss %.4f", loss) }
        if let validation { text += String(format: "  val %.4f", validation) }
        if let rate = latest?.rowsPerSecond { text += String(format: "  %.0f/s", rate) }
        if let waiting = latest?.waiting { text += String(format: "  wait %.0f%%", 100 * waiting) }
        if let secondsLeft, step < steps { text += "  " + ProgressLine.duration(secondsLeft) + " left" }
        return text
    }
}
