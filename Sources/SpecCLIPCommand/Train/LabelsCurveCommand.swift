import ArgumentParser
import Evaluation
import Foundation
import SpecCLIP
import StarReading
import Support
import Tables

/// `specclip labels curve`.
struct LabelsCurveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "curve",
        abstract: "Measure what a pre-trained encoder is worth where labels are few.",
        usage: "specclip labels curve <configuration> --instrument <name> [<options>]",
        discussion: """
            Fits labels from 100, 300, 1000, 3000, 10000 and all labelled stars of an
            instrument, in three ways: an MLP on the flux, the same on the features of the
            pre-trained encoder, and that encoder fine-tuned. Prints the robust sigma on
            the test split. Needs the encoder of `specclip pretrain` in the run folder and
            a section `finetune` in the configuration, which names data and labels. Where
            that is a list, the last is measured, with the encoder as the others left it.

            EXAMPLE
              specclip labels curve small --data-folder data --run runs/small \\
                  --instrument gaia-xp -o curve.json
            """)

    @OptionGroup var training: TrainingArguments
    @Option(help: ArgumentHelp("Which instrument, for example gaia-xp.", valueName: "name")) var instrument: String
    @Option(help: ArgumentHelp("Numbers of labelled stars, such as 100,1000,all.", valueName: "list"))
    var stars = "100,300,1000,3000,10000,all"
    @Option(help: ArgumentHelp("Steps of each training at most (default: those of `finetune`).", valueName: "n"))
    var steps: Int?
    @Flag(help: "Fine-tune the encoder alone, without the simpler methods.") var alone = false
    @Flag(help: "Keep what was read from each test star in the output.") var predictions = false
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup var compute: ComputeOptions

    func run() throws {
        let url = try output.url(extensions: ["json"])
        _ = try compute.prepare()
        let sizes = try stars.split(separator: ",").map { text in
            if text == "all" { return Int.max }
            guard let size = Int(text), size >= 50 else {
                throw ValidationError("--stars \(stars): give numbers of at least 50, or all, separated by commas")
            }
            return size
        }
        let context = try training.context(device: .cpu)
        let part = try context.configuration.resolvedInstruments(named: instrument)[0]
        guard var section = part.configuration.finetune.last else {
            throw Diagnostic(
                training.configuration, field: "instruments.\(instrument).finetune",
                problem: "there is no such section", remedy: "add one with `data` and `names`")
        }
        if let steps { section.training.length = .steps(max(1, steps)) }
        let before = part.configuration.finetune.count - 1
        let encoder = try ModelFile(contentsOf: context.encoder(of: part.instrument, tunings: before).file)
        let curve = try LearningCurve(
            encoder, part.instrument, section, try context.open(section.data), sizes: sizes,
            seed: context.configuration.seed, isAlone: alone, keepsPredictions: predictions, progress: Program.note)
        print(curve.table(section.names).text(.table), terminator: "")
        print("\n\(curve.instrument), \(curve.tier), test: robust σ over \(curve.stars) stars")
        if let url { try AtomicFile.write(JSONText.encode(curve) + "\n", to: url) }
    }
}

extension LearningCurve {
    /// One row for each number of stars and label.
    fileprivate func table(_ names: [String]) -> Table {
        let methods = Self.methods.filter { points.first?.methods[$0] != nil }
        var rows: [(stars: Int, label: String, sigmas: [String])] = []
        for point in points {
            for name in names {
                let digits = StellarLabel(named: name).digits + 1
                rows.append(
                    (
                        point.labelled, name,
                        methods.map { fixed(point.methods[$0]?[name]?.sigma ?? .nan, digits) }
                    ))
            }
        }
        return Table(
            [
                .init("labelled", .integers(rows.map(\.stars))),
                .init("label", .text(rows.map(\.label))),
            ]
                + methods.enumerated().map { i, method in
                    .init(method, .text(rows.map { $0.sigmas[i] }))
                })
    }
}
