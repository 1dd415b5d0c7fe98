import ArgumentParser
import Foundation
import StarReading
import Support

struct TranslateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "translate",
        abstract: "Predict the spectrum that another instrument would see.",
        usage: "specclip translate --to <name> [<options>] <input> ...",
        discussion: """
            The flux is as the target instrument prepares it: gaia-xp divided by the flux at 550 nm, optical \
            divided by its own level. A star that the target did observe gives its reconstruction.

            OUTPUT, BY EXTENSION
              .npz   wavelength [m] in Å, flux [n, m] float32, source_id [n], file [n]
              .fits  columns file, source_id, instrument, wavelength, flux (vectors)
              .csv   long form, one pixel a line: file, source_id, wavelength, flux

            EXAMPLES
              specclip translate star.fits --to gaia-xp -o xp.csv
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Model") var cut: WidthOptions
    @OptionGroup(title: "Input") var input: InputOptions
    @Option(help: ArgumentHelp("The instrument to predict: gaia-xp or optical, say.", valueName: "name")) var to: String
    @OptionGroup(title: "Output") var rows: ResultOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func run() throws {
        let url = try rows.output.requiredURL(extensions: SpectrumFile.extensions)
        let reader = try model.reader(compute, cut)
        let target = try reader.instrument(named: to, option: "--to")
        let pixels = target.grid.count
        let output = try RowOutput(
            StarCatalogue.vectors("flux", [], [], width: pixels), to: url,
            settings: [
                "translate", ContentHash.of(reader.file.url), input.settings, "\(target.name) \(cut.width ?? 0)",
            ], restart: rows.restart, as: SpectrumFile.format(target))
        let stars = try StarInput(input, among: reader.instruments, doing: "translate", into: output)
        try stars.forEachBatch { batch in
            let flux = try reader.translate(batch, try reader.embed(batch), to: target)
            try output.append(StarCatalogue.vectors("flux", batch, flux, width: pixels), at: batch.map(\.position))
        }
        try output.finish(isEmpty: stars.count == 0)
        try stars.finish()
    }
}
