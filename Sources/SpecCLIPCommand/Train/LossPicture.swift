import Figures
import Foundation

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
