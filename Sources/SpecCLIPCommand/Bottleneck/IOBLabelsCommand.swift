import ArgumentParser
import Datasets
import Evaluation
import Figures
import Foundation
import Support
import Torch

/// `specclip iob labels`.
struct IOBLabelsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "labels",
        abstract: "Which labels do the latents of a code carry?",
        usage: "specclip iob labels <codes> --of <pairs.h5> [<options>]",
        discussion: """
            CODES are rows of latents: embeddings of a split of a data set, as `specclip
            embed` writes them, or what `iob compress` made of these. For every label of
            the same stars: the share of its variance that each latent tells alone, and
            the first k of them together, on the half of the stars that was not used to
            learn it. --output writes JSON, or a figure.

            EXAMPLE  specclip embed -m ordered.safetensors pairs.h5 --split test -o z.npz
                     specclip iob labels z.npz --name gaia_xp --of pairs.h5 -o labels.png
            """)

    @Argument(help: "Codes, one row per star.") var codes: String
    @OptionGroup var rows: RowOptions
    @Option(name: .customLong("of"), help: ArgumentHelp("The data set with the labels.", valueName: "data.h5"))
    var data: String
    @Option(help: ArgumentHelp("The split that the codes are of.", valueName: "split")) var split: Split = .test
    @Option(help: ArgumentHelp("Latents to look at, from the first.", valueName: "n")) var latents = 16
    @Flag(help: "Print JSON.") var json = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var compute: ComputeOptions

    func run() throws {
        _ = try compute.prepare()
        let url = try output.reportURL()
        guard latents >= 1 else { throw ValidationError("--latents \(latents): give at least 1") }
        let (code, name) = try rows.read(codes)
        let data = try PairedDataSet(opening: URL(fileURLWithPath: data))
        guard code.size(0) == data.count(split) else {
            throw Diagnostic(
                name,
                problem: "\(code.size(0)) rows, but the \(split.rawValue) split of \(data.url.lastPathComponent) has "
                    + "\(data.count(split)) stars",
                remedy: "give codes of all stars of one split, and name it with --split")
        }
        guard !data.labelNames.isEmpty else {
            throw Diagnostic(self.data, problem: "has no labels", remedy: "give a data set with labels")
        }
        let labels = try Self.ordered(data.labelNames).map { ($0, try data.labels($0, split: split)) }
        let flat = code.reshaped([code.size(0), -1])
        let found = try LatentLabels(
            flat.narrow(1, start: 0, length: min(latents, flat.size(1))),
            labels: labels.filter { label in Set(label.1.filter(\.isFinite)).count > 1 })
        let encoded = try JSONText.encode(found)
        if let url { try output.write(encoded, or: WidthFigure(found, name: name), to: url) }
        print(json ? encoded : Self.text(found, name: name))
    }

    /// Labels in the order of a catalogue, without the errors of others.
    private static func ordered(_ names: [String]) -> [String] {
        let catalogue = ["teff", "logg", "fe_h", "alpha_m", "a_k"]
        let values = names.filter { name in !names.contains { name == "e_" + $0 } }
        return catalogue.filter(values.contains) + values.filter { !catalogue.contains($0) }
    }

    /// Percent of each label's variance, alone and together.
    private static func text(_ found: LatentLabels, name: String) -> String {
        let shown = found.shares.prefix(6)
        let names = shown.map { String(repeating: " ", count: max(1, 11 - $0.label.count)) + $0.label.prefix(10) }
        var lines = [
            "Percent of the variance of labels that latents of \(name) tell:",
            "alone / all up to this one together", "latent" + names.joined(),
        ]
        for latent in (shown.first?.alone ?? []).indices {
            let cells = shown.map { String(format: "%5.0f /%4.0f", 100 * $0.alone[latent], 100 * $0.together[latent]) }
            lines.append(String(format: "%6d", latent + 1) + cells.joined())
        }
        return lines.joined(separator: "\n")
    }
}

extension WidthFigure {
    init(_ found: LatentLabels, name: String) {
        func panel(_ title: String, _ values: KeyPath<LatentLabels.Share, [Double]>) -> Panel {
            Panel(
                name: title,
                curves: found.shares.prefix(5).map { share in
                    Curve(
                        name: share.label, widths: share[keyPath: values].indices.map { $0 + 1 },
                        values: share[keyPath: values])
                })
        }
        self.init(
            title: "Labels in the latents of \(URL(fileURLWithPath: name).lastPathComponent)",
            panels: [panel("R², this latent alone", \.alone), panel("R², all up to it", \.together)],
            xLabel: "Latent", isLogarithmic: false)
    }
}
