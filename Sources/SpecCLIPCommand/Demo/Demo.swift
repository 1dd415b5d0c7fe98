import ArgumentParser
import Foundation
import Simulation
import SpecCLIP
import StarReading
import Support
import Torch

/// The stages of the demo, each skipped where its result is there.
struct Demo {
    let folder: URL
    let isProcedural: Bool
    /// A preset or a file.
    let configuration: String
    let lamost: URL?
    let device: Device

    private var reportFile: URL { folder.appending(path: "report.json") }

    func run() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let context = try context()
        let data = DemoData(folder: folder, isProcedural: isProcedural)
        try stage("Data") { try data.make() }
        for (instrument, configuration) in try context.configuration.resolvedInstruments() {
            try training("Pre-training: \(instrument.title)", context) { context in
                let stage = Pretraining(instrument, configuration, context: context)
                guard try stage.run().isFinished else { throw Interrupted() }
                drawLosses(stage.output, title: "\(instrument.title) encoder, \(data.pairsTier)")
            }
        }
        try training("Alignment", context) { context in
            let stage = Alignment(context: context)
            guard try stage.run().isFinished else { throw Interrupted() }
            drawLosses(stage.output, title: "Alignment, \(data.pairsTier)")
        }
        try training("Labels", context) { context in
            guard try LabelFitting(context: context).run() else { throw Interrupted() }
        }
        let labels = LabelFitting(context: context)
        let evaluation = DemoEvaluation(model: labels.output, data: data, lamost: lamost)
        let report = try evaluated(evaluation)
        report.print()
        try stage("A star") { try DemoStar(model: labels.output, data: data, lamost: lamost).read() }
        try report.check()
    }

    /// Runs a training stage; one that was begun under other settings (of another version, say) begins anew.
    private func training(_ name: String, _ context: StageContext, _ body: (StageContext) throws -> Void) throws {
        try stage(name) {
            do {
                try body(context)
            } catch let error as Diagnostic where error.reason == .settingsDiffer {
                print("    was trained under other settings: training anew")
                var anew = context
                anew.restart = true
                try body(anew)
            }
        }
    }

    /// The configuration; for stars from formulas with fewer steps.
    private func context() throws -> StageContext {
        var configuration = try Configuration(named: configuration)
        if isProcedural { configuration.shorten(to: "pairs.h5") }
        return StageContext(
            configuration, dataFolder: folder, folder: folder.appending(path: "run"), device: device,
            progress: { ConsoleProgress($0) })
    }

    /// The stored report where it is newer than the model, else a new one.
    private func evaluated(_ evaluation: DemoEvaluation) throws -> DemoReport {
        if isUpToDate(reportFile, after: [evaluation.model]),
            let data = try? Data(contentsOf: reportFile),
            let report = try? JSONDecoder().decode(DemoReport.self, from: data),
            report.testsLAMOST == (lamost != nil)
        {
            return report
        }
        var report: DemoReport?
        try stage("Evaluation") {
            let made = try evaluation.run()
            try made.write(to: reportFile)
            report = made
        }
        return try report ?? evaluation.run()
    }

    /// Runs a stage and tells how long it took.
    private func stage(_ name: String, _ body: () throws -> Void) throws {
        let start = Date()
        print("==> \(name)")
        fflush(nil)
        do {
            try body()
        } catch is Interrupted {
            print("Interrupted; the same command goes on from here.")
            throw ExitCode.success
        }
        let seconds = Date().timeIntervalSince(start)
        if seconds >= 1 { print("    \(ProgressLine.duration(seconds))") }
    }

    /// Draws the losses unless the picture is there already.
    private func drawLosses(_ output: URL, title: String) {
        let folder = output.deletingLastPathComponent()
        let picture = folder.appending(path: "loss.png")
        if !isUpToDate(picture, after: [output]) { LossPicture.draw(in: folder, title: title) }
    }
}

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

/// The data sets of the demo.
struct DemoData {
    let folder: URL
    let isProcedural: Bool

    /// Pairs of LRS and XP.
    var pairs: URL { folder.appending(path: "pairs.h5") }
    /// XP spectra with labels.
    var xp: URL { isProcedural ? pairs : folder.appending(path: "xp.h5") }
    /// Real spectra on the LRS grid with labels, none of which the pairs were made from in its test split.
    var miles: URL? { isProcedural ? nil : folder.appending(path: "miles.h5") }

    var pairsTier: String { (isProcedural ? PairTier.procedural : .semiSynthetic).rawValue }

    private var sets: [(tier: PairTier, url: URL, limit: Int?)] {
        guard !isProcedural, let miles else { return [(.procedural, pairs, 2000)] }
        return [(.realXP, xp, nil), (.semiSynthetic, pairs, nil), (.realMILES, miles, nil)]
    }

    /// Makes what is missing, fetching the libraries it is made from first.
    func make() throws {
        for set in sets where !FileManager.default.fileExists(atPath: set.url.path) {
            let line = ProgressLine(set.url.lastPathComponent)
            for package in set.tier.packages {
                try LibraryStore().fetch(package) { DataFetchCommand.show($0, on: line) }
            }
            var options = PairOptions()
            options.limit = set.limit
            try PairMaker(set.tier, options: options).write(to: set.url) { done, total in
                line.update(done, of: total)
                try Interruption.check()
            }
            line.finish()
            print("    \(set.url.path): \(set.tier.rawValue), \(set.tier.summary)")
        }
    }
}
