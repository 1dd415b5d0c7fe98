import ArgumentParser
import Foundation
import SpecCLIP
import Spectra
import Statistics
import Support
import Torch

/// Times one piece of work for `bench/run.py`, which runs the same work in PyTorch beside it.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Time one piece of work (see bench/README.md).",
        usage: "specclip bench <name> --inputs <folder> [<options>]", shouldDisplay: false)

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

/// The weights and spectra that both sides of a benchmark read.
struct BenchInputs {
    let folder: URL
    let device: Device

    /// 64 spectra as files have them.
    func rawSpectra() throws -> [Spectrum] {
        let wavelength = try tensor("wavelength").doubles()
        let flux = try tensor("flux")
        let (rows, values) = (flux.shape[0], flux.doubles())
        return (0..<rows).map { row in
            Spectrum(
                wavelength: wavelength, flux: Array(values[row * wavelength.count..<(row + 1) * wavelength.count]),
                origin: "bench#\(row)")
        }
    }

    /// The first rows of the spectra on a model's grid, `[count, pixels]`.
    func prepared(_ name: String, count: Int) throws -> Tensor {
        try tensor(name).narrow(0, start: 0, length: count).contiguous().to(device)
    }

    /// The paper's encoder of an instrument with the weights of `<weights>.safetensors`.
    func encoder(_ instrument: Instrument, weights: String, forTraining: Bool = false) throws -> any Encoder {
        let configuration = try Configuration(named: Preset.paper.rawValue)
        guard let part = configuration.instruments[instrument.name] else {
            throw Diagnostic("preset paper", field: instrument.name, problem: "is missing", remedy: "")
        }
        let encoder = Initializer.$isSkipped.withValue(true) {
            part.encoder.makeEncoder(pixels: instrument.grid.count)
        }
        // Weights that lie in the mapped file can be read, not changed.
        try encoder.load(try SafetensorsFile(contentsOf: file(weights)).all(), sharing: !forTraining)
        try encoder.to(device)
        encoder.evaluate()
        return encoder
    }

    /// The paper's aligned model with random weights.
    func alignedModel() throws -> SpecCLIPModel {
        let model = SpecCLIPModel(try Configuration(named: Preset.paper.rawValue).alignedModel())
        try model.to(device)
        return model
    }

    private func tensor(_ name: String) throws -> Tensor {
        try SafetensorsFile(contentsOf: file("spectra")).tensor(name)
    }

    private func file(_ name: String) throws -> URL {
        let url = folder.appending(path: name + ".safetensors")
        guard FileManager.default.fileExists(atPath: url.path) else {
            throw Diagnostic(url.path, problem: "does not exist", remedy: "run bench/run.py, which makes it")
        }
        return url
    }
}
