import ArgumentParser
import Datasets
import Foundation
import StarReading
import Support

/// `specclip outliers learn`.
struct OutliersLearnCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "learn",
        abstract: "Teach a model what two stars in one spectrum look like.",
        usage: "specclip outliers learn <data.h5> ... -m <file> -o <file> [<options>]",
        discussion: """
            Adds spectra of real stars in pairs, with all ratios of their light from 0.2 on and \
            velocities up to 400 km/s apart, and learns to tell these from the stars as they are. \
            No labels are needed; where temperatures are known, two pairs in five differ by 800 K \
            or more and hardly in velocity. More steps learn few stars by heart. Writes the file of `specclip spectra fit` once more; show it \
            normal stars then (`specclip outliers calibrate`). Ctrl-C saves; the same command \
            goes on.

            EXAMPLE
              specclip outliers learn pairs.h5 lamost.h5 -m model.safetensors \
                  -o model-spectra.safetensors --force
            """)

    @Argument(help: ArgumentHelp("Data sets (HDF5) of single stars.", valueName: "data.h5")) var data: [String]
    @Option(help: ArgumentHelp("Optimiser steps.", valueName: "n")) var steps = 1500
    @Option(help: "Equal seeds give equal files.") var seed: UInt64 = 42
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        guard steps > 0 else { throw ValidationError("--steps \(steps): must be at least 1") }
    }

    func run() throws {
        let url = try output.requiredURL(extensions: ["safetensors"])
        let reader = try model.reader(compute)
        Interruption.listen()
        var fit = SecondStarFit(reader, steps: steps, seed: seed, progress: ConsoleProgress("pairs"))
        for path in data { try fit.add(try PairedDataSet(opening: URL(fileURLWithPath: path))) }
        let folder = URL(fileURLWithPath: url.path + ".learning")
        for (instrument, count) in try fit.write(to: url, folder: folder) {
            print("\(url.relativePath): pairs of \(count) stars of \(instrument.name)")
        }
        try? FileManager.default.removeItem(at: folder)
    }
}
