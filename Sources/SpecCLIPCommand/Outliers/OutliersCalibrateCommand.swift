import ArgumentParser
import Foundation
import StarReading
import Support

/// `specclip outliers calibrate`.
struct OutliersCalibrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Show a model normal stars, beside which others are odd.",
        usage: "specclip outliers calibrate -o <file> [<options>] <input> ...",
        discussion: """
            The stars should be such as a survey has, and must not be those that the model \\
            learned from: of these it knows too much. What is odd is said beside them. Writes \\
            the file of `specclip spectra fit` once more, with what these stars are like. \
            With --together spectra of one star are compared too, for p_instruments and \
            p_repeats.

            EXAMPLE
              specclip outliers calibrate xp.h5 --split calibration -m model.safetensors \\
                  -o model-spectra.safetensors --force
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Input") var input: InputOptions
    @OptionGroup(title: "Input") var observations: GroupingOptions
    @Option(
        help: ArgumentHelp(
            "Of these stars so many may be odd themselves; the oddest do not count.", valueName: "share"))
    var odd = OutlierFinder.usuallyOdd
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        guard (0...0.1).contains(odd) else { throw ValidationError("--odd \(odd): must lie between 0 and 0.1") }
    }

    func run() throws {
        let url = try output.requiredURL(extensions: ["safetensors"])
        try observations.check(input)
        let reader = try model.reader(compute)
        let finder = try OutlierFinder(reader, isCalibrating: true)
        let stars = try observations.forEachBatch(
            of: input, for: reader, doing: "outliers calibrate", into: nil
        ) { stars, _ in try finder.add(normal: stars) }
        for (instrument, count) in try finder.write(to: url, odd: odd) {
            print("\(url.relativePath): \(count) normal stars of \(instrument.name)")
        }
        try stars.finish()
    }
}
