import ArgumentParser
import Foundation
import Spectra
import StarReading
import Support
import Torch

/// `specclip spectra fit`.
struct SpectraFitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit",
        abstract: "Teach a model spectra as distributions, for translate and emulate.",
        usage: "specclip spectra fit <data.h5> ... -m <file> -o <file> [<options>]",
        discussion: """
            Learns what each instrument sees of a star, given what others saw, labels, both or \
            nothing: components of the spectra, and a mixture of Gaussians for their strengths. \
            Stars of the calibration split, where there is one, tell how wide to be. The encoders \
            stay as they are.

            The file written is an addition to the model. Called as the model is, with -spectra, \
            and laid beside it, it is found by itself. With --instrument, what the model knows of \
            the others' spectra is kept. Normal stars must be shown anew (outliers calibrate). \
            Ctrl-C saves; the same command goes on.

            EXAMPLE
              specclip spectra fit pairs.h5 --unlabelled lamost.h5 -m model.safetensors \\
                  -o model-spectra.safetensors
            """)

    @OptionGroup var stars: SpectrumSets
    @Option(help: ArgumentHelp("Learn the spectra of this instrument alone, keep the others'.", valueName: "name"))
    var instrument: String?
    @Option(help: ArgumentHelp("Numbers of a spectrum (default: as its pixels ask for).", valueName: "k"))
    var components: Int?
    @Option(help: ArgumentHelp("Gaussians of the mixture.", valueName: "n")) var gaussians = 8
    @Option(help: ArgumentHelp("Optimiser steps.", valueName: "n")) var steps = 6000
    @Option(help: "Equal seeds give equal files.") var seed: UInt64 = 42
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        if let components, !(1...256).contains(components) {
            throw ValidationError("--components \(components): must be between 1 and 256")
        }
        guard (1...64).contains(gaussians) else {
            throw ValidationError("--gaussians \(gaussians): must be between 1 and 64")
        }
        guard steps > 0 else { throw ValidationError("--steps \(steps): must be at least 1") }
    }

    func run() throws {
        let url = try output.requiredURL(extensions: ["safetensors"])
        let reader = try model.reader(compute)
        let targets =
            try instrument.map { [try reader.instrument(named: $0, option: "--instrument")] } ?? reader.instruments
        Interruption.listen()
        var options = GeneratorFit.Options()
        (options.components, options.gaussians, options.steps, options.seed) = (components, gaussians, steps, seed)
        var fit = GeneratorFit(reader, options, progress: ConsoleProgress("spectra"))
        try stars.forEach { try fit.add($0, isLabelled: $1) }
        let folder = URL(fileURLWithPath: url.path + ".learning")
        let generators = try targets.map { try fit.generator(of: $0, folder: folder) }
        if instrument != nil {
            try reader.write(generators, to: url)
        } else {
            try reader.file.write(addition: SpectrumGenerator.part(generators), to: url)
        }
        try? FileManager.default.removeItem(at: folder)
        print(url.relativePath)
    }
}
