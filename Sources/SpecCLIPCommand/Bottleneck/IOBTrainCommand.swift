import ArgumentParser
import Foundation
import OrderedBottleneck
import SpecCLIP
import Support
import Torch
import Training

/// `specclip iob train`.
struct IOBTrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train an ordered auto-encoder on rows of numbers.",
        usage: "specclip iob train <data> -o <model.safetensors> [<options>]",
        discussion: """
            Learns from 80 % of the rows, stops by another 10 %, and leaves 10 % for
            `iob dimension`. Checkpoints, metrics.csv and loss.png go to <model>.run;
            Ctrl-C saves, and the same command goes on from there.

            EXAMPLE  specclip iob train embeddings.npz --width 32 -o iob.safetensors

            A configuration (all but width has a default):
              width: 32
              network: { kind: dense, hidden: [256, 256], shortcut: true }
              objective: { kind: linear, widthsPerRow: 8 }    # or linear, geometric, …
              likelihood: { kind: gaussian, variance: 1 }
              scaling: common            # none, features
              training: { batch: 64, epochs: 300, learningRate: 1e-3, patience: 20 }
            """)

    @Argument(help: "Rows to learn.") var data: String
    @OptionGroup var rows: RowOptions
    @Option(help: ArgumentHelp("YAML file.", valueName: "file")) var config: String?
    @Option(help: ArgumentHelp("Latents K (instead of the configuration's).", valueName: "k")) var width: Int?
    @Option(help: ArgumentHelp("Passes over the data, at most.", valueName: "n")) var epochs: Int?
    @Option(help: ArgumentHelp("Seed of weights and order.", valueName: "n")) var seed: UInt64?
    @Flag(help: "Begin anew instead of resuming.") var restart = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var compute: ComputeOptions

    func run() throws {
        let device = try compute.prepare()
        guard let path = output.output else {
            throw ValidationError("Missing expected argument '--output <file>' (.safetensors)")
        }
        let configuration = try settings()
        let url = try OutputCheck.url(path, extensions: ["safetensors"], force: true)
        let (rows, name) = try rows.read(data)
        let training = BottleneckTraining(
            configuration, split: OrderedSplit(rows), name: name, device: device)
        let folder = url.deletingPathExtension().appendingPathExtension("run")
        guard let model = try training.run(in: folder, restart: restart) else { return }
        try model.write(to: url)
        print(url.path)
    }

    private func settings() throws -> BottleneckConfiguration {
        var configuration: BottleneckConfiguration
        if let config {
            guard let text = try? String(contentsOf: URL(fileURLWithPath: config), encoding: .utf8) else {
                throw Diagnostic(config, problem: "cannot be read", remedy: "give a YAML file")
            }
            configuration = try decodeYAML(BottleneckConfiguration.self, text, source: config)
        } else {
            guard let width else {
                throw ValidationError("Give the number of latents: --width <k>, or --config <file>")
            }
            configuration = BottleneckConfiguration(
                width: width, network: .dense(hidden: [256, 256], activation: .gelu, shortcut: true),
                objective: .linear(weights: nil, widthsPerRow: width > 16 ? 8 : nil), scaling: .common,
                training: .adam(epochs: 300, learningRate: 1e-3, minimumLearningRate: 1e-5))
        }
        if let width { configuration.width = width }
        if let epochs { configuration.training.length = .epochs(max(1, epochs)) }
        if let seed { configuration.seed = seed }
        return configuration
    }
}

/// One training with its folder, loss figure and progress: what `iob train` and `iob demo` share.
struct BottleneckTraining {
    let configuration: BottleneckConfiguration
    let split: OrderedSplit
    let name: String
    let device: Device

    init(_ configuration: BottleneckConfiguration, split: OrderedSplit, name: String, device: Device) {
        self.configuration = configuration
        self.split = split
        self.name = name
        self.device = device
    }

    /// The trained model; `nil` when it was interrupted and waits to be resumed.
    func run(in url: URL, restart: Bool, quiet: Bool = false) throws -> OrderedModel? {
        Interruption.listen()
        let folder = try RunFolder(url)
        if restart { try folder.clear() }
        let lock = try RunLock(url.appending(path: "lock"))
        defer { lock.release() }
        let sink: any ProgressSink = quiet ? SilentProgress() : ConsoleProgress("iob")
        let (model, outcome) = try OrderedModel.train(
            configuration, on: split, data: name, folder: folder, device: device, progress: sink)
        guard outcome.isFinished else { return nil }
        if !quiet { LossPicture.draw(in: url, title: "\(name), \(configuration.width) ordered latents") }
        return model
    }
}
