import Figures
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

/// The loss figure of a run folder, drawn from its `metrics.csv`.
enum LossPicture {
    /// Writes `loss.png` beside the metrics. A picture is no reason to fail a finished training: where it cannot be
    /// drawn, a line on standard error says why.
    static func draw(in folder: URL, title: String) {
        do {
            let text = try String(contentsOf: folder.appending(path: "metrics.csv"), encoding: .utf8)
            let rows = text.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
            guard let header = rows.first, let loss = header.firstIndex(of: "loss"), rows.count > 2 else { return }
            func curve(_ split: Substring) -> LossFigure.Curve {
                let rows = rows.dropFirst().filter { $0.count == header.count && $0[1] == split }
                return LossFigure.Curve(
                    steps: rows.map { Double($0[0]) ?? .nan }, values: rows.map { Double($0[loss]) ?? .nan })
            }
            let figure = LossFigure(title: title, training: curve("training"), validation: curve("validation"))
            try figure.write(to: folder.appending(path: "loss.png"), force: true)
        } catch {
            FileHandle.standardError.write(Data("no loss figure: \(ErrorLine.text(of: error))\n".utf8))
        }
    }
}
