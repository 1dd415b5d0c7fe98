import ArgumentParser
import Figures
import Foundation
import OrderedBottleneck
import Support
import Torch

/// `specclip iob demo`.
struct IOBDemoCommand: ParsableCommand {
    enum Sample: String, ExpressibleByArgument, CaseIterable {
        case sCurve = "s-curve"
        case nDisk = "n-disk"
    }

    enum Objective: String, ExpressibleByArgument, CaseIterable { case linear, geometric }

    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Data of known dimension: the S-curve (2) or images of n disks (3n).",
        usage: "specclip iob demo s-curve|n-disk [<options>]",
        discussion: """
            Makes 10,000 rows, trains, and writes model.safetensors, report.json,
            dimension.png, reconstruction.png and traverse.png to the output folder.

            EXAMPLE  specclip iob demo s-curve --json
            """)

    @Argument(help: "s-curve or n-disk.") var sample: Sample
    @Option(help: ArgumentHelp("Disks in every image (n-disk).", valueName: "n")) var disks = 2
    @Option(help: "linear, or geometric with unit sweeping.") var objective = Objective.linear
    @Option(help: ArgumentHelp("Seed of data and weights.", valueName: "n")) var seed: UInt64 = 42
    @Option(help: ArgumentHelp("Passes over the data, at most.", valueName: "n")) var epochs: Int?
    @Option(help: "published, to repeat the paper; noise or wilks.")
    var statistic = IntrinsicDimension.Statistic.published
    @OptionGroup var separate: SeparateOptions
    @Option(name: .shortAndLong, help: ArgumentHelp("Folder of the results.", valueName: "folder"))
    var output: String?
    @Flag(help: "Print JSON.") var json = false
    @Flag(help: "Begin anew instead of resuming.") var restart = false
    @OptionGroup var compute: ComputeOptions

    func run() throws {
        let device = try compute.prepare()
        guard (1...10).contains(disks) else { throw ValidationError("--disks \(disks): give 1 to 10") }
        let name = sample == .sCurve ? "s-curve" : "\(disks)-disk"
        let folder = URL(fileURLWithPath: output ?? "iob-\(name)", isDirectory: true)
        var configuration = sample == .sCurve ? BottleneckConfiguration.sCurve(seed: seed) : .disks(disks, seed: seed)
        if objective == .geometric { configuration.objective = .geometric(p: 0.1) }
        if let epochs { configuration.training.length = .epochs(max(1, epochs)) }
        Generator.seed(seed)
        let rows = sample == .sCurve ? SampleSet.sCurve(10_000) : SampleSet.disks(10_000, disks: disks)
        let training = BottleneckTraining(
            configuration, split: OrderedSplit(rows), name: name, device: device)
        guard let model = try training.run(in: folder.appending(path: "run"), restart: restart) else { return }
        try model.write(to: folder.appending(path: "model.safetensors"))
        let report = try DimensionReport(
            models: [model], test: training.split.test, reference: training.split.training,
            data: "\(name): the \(training.split.test.size(0)) rows that training left out",
            noise: sample == .sCurve ? .standardDeviation(SampleSet.sCurveNoise) : .residual, statistic: statistic,
            separate: try separate.errors(beside: model, training.split, name: name, device: device))
        try AtomicFile.write(try DimensionText(report).json + "\n", to: folder.appending(path: "report.json"))
        draw(model, report, training.split.test, in: folder)
        print(json ? try DimensionText(report).json : DimensionText(report).text)
    }

    /// Pictures are no reason to fail a finished training: where they cannot be drawn, a line says why.
    private func draw(_ model: OrderedModel, _ report: DimensionReport, _ test: Tensor, in folder: URL) {
        do {
            try BottleneckFigure(report).write(to: folder.appending(path: "dimension.png"), force: true)
            let rebuilt =
                sample == .sCurve
                ? try GridFigure(curve: model, test)
                : try GridFigure(images: model, test, widths: 0...min(9, model.width))
            try rebuilt.write(to: folder.appending(path: "reconstruction.png"), force: true)
            let steps = [-2, -1, 0, 1, 2].map(Double.init)
            let moved = try (0..<min(6, model.width)).map { try model.traversal(of: $0, steps: steps) }
            try GridFigure(traversals: moved, steps: steps, shape: model.description.shape)
                .write(to: folder.appending(path: "traverse.png"), force: true)
        } catch {
            Program.note("no figures: \(ErrorLine.text(of: error))")
        }
    }
}

extension GridFigure {
    /// Points of the S-curve and where they are at widths 0 … K.
    init(curve model: OrderedModel, _ test: Tensor) throws {
        func points(_ rows: Tensor, _ colour: Colour, size: Double) -> Series {
            .points(x: rows.select(1, 0).doubles(), y: rows.select(1, 2).doubles(), colour: colour, size: size)
        }
        let cells = try (0...model.width).map { width -> Cell? in
            let rebuilt = try model.decompress(try model.compress(test, width: width))
            return Cell(
                "\(width) latents", [points(test, .rule, size: 0.2), points(rebuilt, .blue, size: 0.2)])
        }
        self.init(
            title: "The S-curve rebuilt from its first latents (side view)", rows: [cells], cellWidth: 96,
            cellHeight: 130, x: Axis("x", range: -1.6...1.6), y: Axis("z", range: -2.7...2.7))
    }

    /// Some images, and what they are at each of the widths.
    init(images model: OrderedModel, _ test: Tensor, widths: ClosedRange<Int>) throws {
        let chosen = test.narrow(0, start: 0, length: min(4, test.size(0)))
        let rebuilt = try widths.map { try model.decompress(try model.compress(chosen, width: $0)) }
        let rows = (0..<chosen.size(0)).map { row -> [Cell?] in
            [Cell("image", image: pixels(chosen.select(0, row)))]
                + zip(widths, rebuilt).map { Cell("\($0)", image: pixels($1.select(0, row))) }
        }
        self.init(
            title: "Images rebuilt from their first latents", rows: rows, cellWidth: 50, cellHeight: 50,
            x: .pixels(chosen.size(3)), y: .pixels(chosen.size(2)), colour: .range(of: chosen))
    }
}
