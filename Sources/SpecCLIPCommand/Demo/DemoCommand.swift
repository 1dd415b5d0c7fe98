import ArgumentParser
import Foundation
import Support

/// `specclip demo`.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Walk the whole way once: data, training, evaluation, one star read.",
        usage: "specclip demo [<options>]",
        discussion: """
            Fetches the libraries, makes the data sets, trains the tiny preset, evaluates it on held-out stars beside \
            baselines, and reads a star. Every finished stage is found again; an interrupted one goes on. Fails when \
            a baseline is not beaten. Results: <output>/report.json, <output>/star.png.

            With --procedural nothing is downloaded: the stars come from formulas, and the training is short.
            """)

    @Option(name: .shortAndLong, help: ArgumentHelp("Folder of the demo.", valueName: "folder"))
    var output = "demo"

    @Flag(help: "Stars from formulas instead of real ones: nothing to download, under a minute.")
    var procedural = false

    @Option(
        help: ArgumentHelp(
            "Folder of real LAMOST files with labels.csv, to test on as well.", valueName: "folder"))
    var lamost: String?

    @Option(
        help: ArgumentHelp("What to train: a preset or a YAML file that names xp.h5 and pairs.h5.", valueName: "name"))
    var configuration = "tiny"

    @OptionGroup var compute: ComputeOptions

    func run() throws {
        let device = try compute.prepare()
        Interruption.listen()
        let demo = Demo(
            folder: URL(fileURLWithPath: output, isDirectory: true), isProcedural: procedural,
            configuration: configuration, lamost: lamost.map { URL(fileURLWithPath: $0, isDirectory: true) },
            device: device)
        try demo.run()
    }
}
