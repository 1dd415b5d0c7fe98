import ArgumentParser
import Datasets
import Evaluation
import Figures
import Foundation
import SpecCLIP
import StarReading
import Support
import Torch

/// `specclip iob widths`.
struct IOBWidthsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "widths",
        abstract: "How far can the embeddings of a model be cut? Scores against the width.",
        usage: "specclip iob widths -m <model> <pairs.h5> [--beside <model>] [<options>]",
        discussion: """
            At every width k the first k numbers of the embeddings of held-out stars are
            kept, as `embed --width k` does. How often the other instrument's spectrum of
            the star is found first and among the first ten (mean over both directions),
            and how far its spectrum is predicted (mean absolute difference). --beside
            names a model aligned without order: its embeddings are cut in the same way,
            and reduced to k principal components. --output writes JSON, or a figure.

            EXAMPLE  specclip iob widths -m ordered.safetensors pairs.h5 \\
                         --beside plain.safetensors -o widths.png
            """)

    @OptionGroup var model: ModelOptions
    @Argument(help: "Pairs; their test split is scored.") var data: String
    @Option(help: ArgumentHelp("A model aligned without order, to compare.", valueName: "model"))
    var beside: String?
    @Option(help: ArgumentHelp("Widths to score (default: 1, 2, 3, 4, 6, 8, … up to all).", valueName: "1,2,…"))
    var widths: String?
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var compute: ComputeOptions

    /// What programs read, and what the figure is drawn from.
    struct Report: Codable {
        var data: String
        var tier: String
        var stars: Int
        var curves: [WidthCurve]
    }

    func run() throws {
        let url = try output.reportURL()
        let reader = try model.reader(compute)
        let widths = try chosenWidths(of: reader)
        let pairs = try PairedDataSet(opening: URL(fileURLWithPath: data))
        guard pairs.count(.test) > 0, reader.instruments.filter(pairs.has).count > 1 else {
            throw Diagnostic(
                data, problem: "holds no held-out stars seen by two instruments of the model",
                remedy: "give pairs with a test split")
        }
        let ordered = try WidthEvaluation(reader.model, pairs)
        var curves = [WidthCurve(name: "ordered", scores: try ordered.cut(widths: widths))]
        if let beside {
            let plain = try ModelFile(contentsOf: URL(fileURLWithPath: beside))
            let model = try catchingTorchErrors { try plain.model(on: reader.device) }
            let full = plain.description.embedding ?? 0
            guard let most = widths.last, most <= full, model.instruments == reader.instruments else {
                throw Diagnostic(
                    beside, problem: "is a model of other instruments or of fewer numbers (\(full))",
                    remedy: "give one of the same instruments, or --widths up to \(full)")
            }
            let unordered = try WidthEvaluation(model, pairs)
            curves.append(WidthCurve(name: "cut", scores: try unordered.cut(widths: widths)))
            curves.append(WidthCurve(name: "PCA", scores: try unordered.principal(widths: widths)))
        }
        let report = Report(data: data, tier: pairs.tier, stars: pairs.count(.test), curves: curves)
        let encoded = try JSONText.encode(report)
        if let url { try output.write(encoded, or: WidthFigure(report), to: url) }
        print(json ? encoded : WidthText(report).text)
    }

    private func chosenWidths(of reader: StarReader) throws -> [Int] {
        guard let full = reader.file.description.embedding else {
            throw Diagnostic(
                reader.file.url.lastPathComponent, problem: "is not aligned",
                remedy: "give a model of `specclip align`")
        }
        guard let widths else {
            let steps = sequence(first: 1) { $0 * 2 }.prefix { $0 < full }
            return Array(Set(steps + steps.map { $0 * 3 / 2 }.filter { $0 < full })).sorted() + [full]
        }
        return try WidthList.parse(widths, option: "--widths", upTo: full).sorted()
    }
}

/// The scores for people: a column per curve under each measure, 80 columns wide for three curves.
struct WidthText {
    private let report: IOBWidthsCommand.Report

    init(_ report: IOBWidthsCommand.Report) { self.report = report }

    /// What is told of every curve.
    static func measures(_ report: IOBWidthsCommand.Report) -> [(name: String, value: (WidthScore) -> Double)] {
        let directions = (report.curves.first?.scores.first?.translation.keys).map { $0.sorted() } ?? []
        return [("top-1", \.top1), ("top-10", \.top10)]
            + directions.map { direction in
                ("|Δ| \(direction)", { $0.translation[direction] ?? .nan })
            }
    }

    var text: String {
        var lines = ["Held-out pairs, tier \(report.tier) (\(report.stars) stars)"]
        let measures = Self.measures(report)
        for pair in stride(from: 0, to: measures.count, by: 2).map({ measures[$0..<min($0 + 2, measures.count)] }) {
            let block = 9 * report.curves.count
            lines += ["", "       " + pair.map { padded("  " + $0.name, block) }.joined(separator: "   ")]
            let names = report.curves.map { String(repeating: " ", count: 9 - $0.name.count) + $0.name }.joined()
            lines.append(" width" + pair.map { _ in " " + names }.joined(separator: "  "))
            for (index, score) in (report.curves.first?.scores ?? []).enumerated() {
                let cells = pair.map { measure in
                    report.curves.map { String(format: "%9.4f", measure.value($0.scores[index])) }.joined()
                }
                lines.append(String(format: "%6d ", score.width) + cells.joined(separator: "   "))
            }
        }
        return lines.map { $0.replacing(/\s+$/, with: "") }.joined(separator: "\n")
    }
}

extension WidthFigure {
    init(_ report: IOBWidthsCommand.Report) {
        self.init(
            title: "Embeddings cut to their first numbers, \(report.stars) held-out stars, \(report.tier)",
            panels: WidthText.measures(report).map { measure in
                Panel(
                    name: measure.name,
                    curves: report.curves.map { curve in
                        Curve(
                            name: curve.name, widths: curve.scores.map(\.width),
                            values: curve.scores.map(measure.value))
                    })
            })
    }
}
