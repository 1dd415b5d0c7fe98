import ArgumentParser
import Foundation
import Posteriors
import SpecCLIP
import Support
import Torch
import Training

/// `specclip npe train`.
struct NPETrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a flow on pairs of parameters and data.",
        usage: "specclip npe train <data.npz> -o <posterior.safetensors> [<options>]",
        discussion: """
            Stops when 20 passes have not lowered the loss of the tenth of the rows that is
            held out. Checkpoints and metrics.csv go to <posterior>.run; Ctrl-C saves, and
            the same command goes on from there.

            Parameters that are NaN are missing, which needs --keep-order; so do errors of
            parameters and marginal densities.

            EXAMPLE  specclip npe train simulations.npz -o posterior.safetensors

            A configuration (everything has a default):
              kind: nsf                  # or maf
              transforms: 5
              hidden: 50
              blocks: 2
              bins: 10
              training: { batch: 200, learningRate: 5e-4, patience: 20 }
            """)

    @Argument(help: "Pairs to learn from (.npz).") var data: String
    @Option(help: ArgumentHelp("Array of parameters.", valueName: "name")) var theta = "theta"
    @Option(help: ArgumentHelp("Array of data.", valueName: "name")) var x = "x"
    @Option(help: ArgumentHelp("Array of errors of the parameters.", valueName: "name")) var errors: String?
    @Option(help: ArgumentHelp("Names of the parameters: a,b,c.", valueName: "names")) var names: String?
    @Option(help: ArgumentHelp("YAML file.", valueName: "file")) var config: String?
    @Option(help: ArgumentHelp("Flow: maf or nsf (default: nsf).", valueName: "kind")) var kind: FlowConfiguration.Kind?
    @Flag(help: "One order of parameters in all transforms.") var keepOrder = false
    @Option(help: ArgumentHelp("Flows of several seeds, taken together.", valueName: "n")) var members = 1
    @Option(help: ArgumentHelp("Passes over the data, at most.", valueName: "n")) var epochs: Int?
    @Option(help: ArgumentHelp("Seed of weights and order.", valueName: "n")) var seed: UInt64?
    @Flag(help: "Begin anew instead of resuming.") var restart = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var compute: ComputeOptions

    func validate() throws {
        if !(1...100).contains(members) { throw ValidationError("--members \(members): must be between 1 and 100") }
    }

    func run() throws {
        let device = try compute.prepare()
        guard let path = output.output else {
            throw ValidationError("Missing expected argument '--output <file>' (.safetensors)")
        }
        let url = try OutputCheck.url(path, extensions: ["safetensors"], force: true)
        let fitting = try FlowFitting(try settings(), members: members, data: try pairs(), device: device)
        Interruption.listen()
        let folder = url.deletingPathExtension().appendingPathExtension("run")
        let run = try RunFolder(folder)
        if restart { try clear(run) }
        let lock = try RunLock(folder.appending(path: "lock"))
        defer { lock.release() }
        guard let posterior = try fitting.run(in: folder, progress: ConsoleProgress("npe")) else { return }
        try posterior.write(to: url)
        print(url.path)
    }

    private func clear(_ run: RunFolder) throws {
        try run.clear()
        for member in FlowFitting.memberFolders(in: run.url, count: members)
        where FileManager.default.fileExists(atPath: member.path) {
            try RunFolder(member).clear()
        }
    }

    private func pairs() throws -> FlowData {
        let archive = try MatrixArchive(data)
        let theta = try archive.matrix(theta, option: "--theta")
        return try FlowData(
            context: try archive.matrix(x, option: "--x"), labels: theta,
            errors: try errors.map { try archive.matrix($0, option: "--errors") },
            names: names.map { $0.split(separator: ",").map(String.init) }, name: data)
    }

    private func settings() throws -> FlowConfiguration {
        var configuration = FlowConfiguration()
        if let config {
            guard let text = try? String(contentsOf: URL(fileURLWithPath: config), encoding: .utf8) else {
                throw Diagnostic(config, problem: "cannot be read", remedy: "give a YAML file")
            }
            configuration = try decodeYAML(FlowConfiguration.self, text, source: config)
        }
        if let kind { configuration.kind = kind }
        if keepOrder { configuration.fixedOrder = true }
        if let epochs { configuration.training.length = .epochs(max(1, epochs)) }
        if let seed { configuration.seed = seed }
        return configuration
    }
}

extension FlowConfiguration.Kind: ExpressibleByArgument {}
