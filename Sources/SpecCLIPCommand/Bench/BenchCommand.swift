import ArgumentParser
import Foundation
import Statistics
import Support
import Torch

/// Times one piece of work for `bench/run.py`, which runs the same work in PyTorch beside it.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Time one piece of work (see bench/README.md).", shouldDisplay: false)

    @Argument(help: "What to time.") var name: Benchmark
    @Option(help: ArgumentHelp("Folder with the weights and spectra that bench/run.py makes.", valueName: "folder"))
    var inputs: String
    @OptionGroup var compute: ComputeOptions
    @Option(help: "Calls to take the median of (default: by name).") var iterations: Int?
    @Flag(help: "Print JSON (it always is).") var json = false

    func validate() throws {
        if let iterations, iterations < 1 { throw ValidationError("--iterations \(iterations): must be at least 1") }
    }

    func run() throws {
        let inputs = BenchInputs(folder: URL(fileURLWithPath: inputs), device: try compute.prepare())
        var figure = try name.run(inputs, iterations: iterations)
        figure.peakMiB = peakMemory
        if name == .peakEmbedLRS64 { (figure.value, figure.unit) = (figure.peakMiB, "MiB") }
        print(try JSONText.encode(figure, pretty: false))
    }

    /// The most memory this process has held, MiB.
    private var peakMemory: Double {
        var usage = rusage()
        #if os(Linux)
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            return Double(usage.ru_maxrss) / 1024
        #else
            getrusage(RUSAGE_SELF, &usage)
            return Double(usage.ru_maxrss) / 1_048_576
        #endif
    }
}

extension Benchmark: ExpressibleByArgument {}
