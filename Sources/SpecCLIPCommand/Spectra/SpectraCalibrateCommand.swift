import ArgumentParser
import Foundation
import StarReading
import Support

/// `specclip spectra calibrate`.
struct SpectraCalibrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Set how wide drawn spectra are, by stars of your own.",
        usage: "specclip spectra calibrate <data.h5> ... -m <file> -o <file> [<options>]",
        discussion: """
            Of the stars of the calibration split, which the model must not have learned from, \
            68 % are to lie within the 68 % intervals of what is drawn: of bright stars and of \
            faint ones, at all wavelengths, from nothing, other spectra, labels, and where parts \
            of a spectrum are missing. What was learned stays as it is.

            What is odd is said beside distributions as wide as they were: normal stars must be \
            shown anew (outliers calibrate), and are left out of the file. With --missing-parts \
            they stay.

            EXAMPLE
              specclip spectra calibrate mine.h5 -m model.safetensors \\
                  -o model-spectra.safetensors --force
            """)

    @OptionGroup var stars: SpectrumSets
    @Flag(help: "Set how wide missing parts of spectra are drawn, and nothing else.") var missingParts = false
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func run() throws {
        let url = try output.requiredURL(extensions: ["safetensors"])
        let reader = try model.reader(compute)
        Interruption.listen()
        var calibration = SpectrumCalibration(reader, progress: ConsoleProgress("spectra"))
        try stars.forEach { try calibration.add($0, isLabelled: $1) }
        let counts = try calibration.write(to: url, missingAlone: missingParts)
        for (instrument, count) in counts { print("\(url.relativePath): \(count) stars of \(instrument.name)") }
    }
}
