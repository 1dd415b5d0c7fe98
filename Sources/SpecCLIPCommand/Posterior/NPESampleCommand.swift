import ArgumentParser
import Foundation
import Posteriors
import Support
import Tables
import Torch

/// `specclip npe sample`.
struct NPESampleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Draw samples of the parameters of every observation.",
        usage: "specclip npe sample <posterior> <observations.npz> -o <samples.npz>",
        discussion: """
            The .npz holds `samples` [observations, samples, parameters] and `names`.

            EXAMPLE  specclip npe sample posterior.safetensors stars.npz -o samples.npz
            """)

    @Argument(help: "The posterior.") var posterior: String
    @Argument(help: "Observations (.npz).") var observations: String
    @Option(help: ArgumentHelp("Array of data.", valueName: "name")) var x = "x"
    @Option(help: ArgumentHelp("Samples of each observation.", valueName: "n")) var samples = 10_000
    @Option(help: ArgumentHelp("Seed of the draws.", valueName: "n")) var seed: UInt64 = 0
    @Flag(help: "Print what was drawn, and how fast, as JSON.") var json = false
    @OptionGroup var output: OutputOptions
    @OptionGroup var compute: ComputeOptions

    /// What `--json` prints.
    struct Report: Encodable {
        let output: String
        let observations: Int
        let samples: Int
        /// Median over the observations: noise, network and transforms, without files.
        let secondsPerObservation: Double
    }

    func validate() throws {
        if samples < 1 { throw ValidationError("--samples \(samples): must be at least 1") }
    }

    func run() throws {
        _ = try compute.prepare()
        let url = try output.requiredURL(extensions: ["npz"])
        let posterior = try LabelPosterior(contentsOf: URL(fileURLWithPath: posterior))
        let context = try MatrixArchive(observations).context(x, of: posterior)
        let sampler = try posterior.sampler()
        var values: [Double] = []
        values.reserveCapacity(context.size(0) * samples * posterior.description.labels.count)
        var seconds: [Double] = []
        // One after the other: each observation has draws of its own, whichever others stand beside it.
        for row in 0..<context.size(0) {
            let start = DispatchTime.now().uptimeNanoseconds
            let drawn = try sampler(samples, given: context.narrow(0, start: row, length: 1), seed: seed &+ UInt64(row))
            seconds.append(Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9)
            values += drawn.doubles()
        }
        let names = posterior.description.labels
        try NPZ.write(
            arrays: [
                ("samples", NPYArray(.float64(values), shape: [context.size(0), samples, names.count])),
                ("names", NPYArray(.string(names))),
            ], to: url)
        guard json else { return print(url.path) }
        let report = Report(
            output: url.path, observations: context.size(0), samples: samples,
            secondsPerObservation: seconds.isEmpty ? 0 : seconds.sorted()[seconds.count / 2])
        print(try JSONText.encode(report))
    }
}
