import ArgumentParser
import Foundation
import Spectra

struct TranslateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "translate",
        abstract: "Predict the spectrum that another instrument would see.",
        usage: "specclip translate --to <name> [<options>] <input> ...",
        discussion: """
            The flux is as the target instrument prepares it: gaia-xp divided by the flux at 550 nm, lamost-lrs \
            divided by its continuum. A star that the target did observe gives its reconstruction.

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
    @Option(help: ArgumentHelp("The instrument to predict: gaia-xp or lamost-lrs.", valueName: "name")) var to: String
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func run() throws {
        let url = try output.requiredURL(extensions: SpectrumFile.extensions)
        let loaded = try LoadedModel(model, compute, cut)
        let translator = Translator(loaded)
        let target = try translator.instrument(named: to)
        let stars = try StarInput(input, among: loaded.model.instruments, doing: "translate")
        let sink = try SpectrumFile.create(url, target)
        try stars.forEachBatch { batch in
            try sink.append(batch, try translator.spectra(batch, try loaded.embed(batch), to: target))
        }
        if stars.count > 0 { try sink.finish() }
        try stars.finish()
    }
}
