import Evaluation
import Foundation
import Support

/// What the demo measured: printed, and kept as `report.json`.
struct DemoReport: Codable {
    var version = Version.current
    var configuration: String
    var lines: [ScoreLine]
    var testsLAMOST: Bool
    /// Names of baselines that are shown but need not be beaten; nor need those of a few stars.
    var forOrientation: [String]?

    func write(to url: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(self).write(to: url, options: .atomic)
    }

    /// One table per data tier, 80 columns wide.
    func print() {
        var tier = ""
        for line in lines {
            if line.tier != tier {
                tier = line.tier
                Swift.print("\n" + row("held-out stars, tier \(tier)", "model", "baseline", ""))
            }
            let unit = line.unit.isEmpty ? "" : " [\(line.unit)]"
            let figures = (number(line.model), number(line.baseline))
            let verdict = line.isBeaten ? "" : isDemanded(line) ? "  NOT BEATEN" : "  (not beaten)"
            Swift.print(row(line.name + unit, figures.0, figures.1, line.baselineName + verdict))
        }
        Swift.print("\n  held-out stars within one σ of the prediction (68 % if the errors are honest)")
        for line in lines {
            guard let coverage = line.coverage else { continue }
            let name = line.name.split(separator: ",").first.map(String.init) ?? line.name
            let share = String(format: "%.0f %%", 100 * coverage)
            Swift.print(row("\(name), \(line.tier)", share, "", "\(line.stars) stars"))
        }
        Swift.print("")
    }

    /// What a few stars say is chance: of eight, σ is off by a quarter.
    private func isDemanded(_ line: ScoreLine) -> Bool {
        line.stars >= Self.enough && !(forOrientation ?? []).contains(line.baselineName)
    }

    /// Stars whose score decides whether the demo fails.
    private static let enough = 50

    /// - Throws: when a baseline that counts is not beaten.
    func check() throws {
        let lost = lines.filter { !$0.isBeaten && isDemanded($0) }
        guard lost.isEmpty else {
            throw Diagnostic(
                "demo", problem: "not better than the baseline: " + lost.map(\.name).joined(separator: "; "),
                remedy: "see report.json")
        }
    }

    private func row(_ name: String, _ model: String, _ baseline: String, _ what: String) -> String {
        func padded(_ text: String, _ width: Int, left: Bool) -> String {
            let space = String(repeating: " ", count: max(0, width - text.count))
            return left ? text + space : space + text
        }
        return "  " + padded(name, 41, left: true) + padded(model, 8, left: false) + padded(baseline, 9, left: false)
            + "  " + what
    }

    private func number(_ value: Double) -> String {
        switch abs(value) {
        case 1000...: String(format: "%.0f", value)
        case 10...: String(format: "%.1f", value)
        case 0.1...: String(format: "%.3f", value)
        default: String(format: "%.4f", value)
        }
    }
}
