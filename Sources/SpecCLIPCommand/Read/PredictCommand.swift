import ArgumentParser
import Foundation
import Spectra
import StellarLabels

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Print the parameters of stars: Teff, log g, [Fe/H] with errors.",
        usage: "specclip predict --model <file> [<options>] <input> ...",
        discussion: """
            Columns: file, teff, e_teff (K), logg, e_logg (dex), fe_h, e_fe_h (dex), further labels of the model, \
            source_id, instrument, snr (signal to noise per pixel). Errors are 1 sigma, as calibrated on the stars \
            that the model was validated on; published regressors give none. What is not known is empty (null).

            EXAMPLES
              specclip predict -m model.safetensors spec-55862-*.fits
              specclip predict -m model.safetensors XP_SAMPLED.csv --format csv
              specclip predict -m model.safetensors pairs.h5 --split test -o test.fits
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Input") var input: InputOptions
    @Option(help: "The format of what is printed.") var format: TextFormat = .table
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func run() throws {
        let url = try output.url(extensions: OutputTable.extensions)
        let loaded = try LoadedModel(model, compute)
        let reader = try LabelReader(loaded.file, device: loaded.device)
        let stars = try StarInput(input, among: loaded.model.instruments, doing: "predict")
        var catalogue = StarCatalogue()
        try stars.forEachBatch { batch in
            let embeddings = try loaded.embed(batch)
            catalogue.append(batch, try reader.read(embeddings, of: batch, device: loaded.device))
        }
        if stars.count > 0 {
            if let url {
                try catalogue.table.write(to: url)
            } else {
                print(catalogue.table.text(format), terminator: "")
            }
        }
        try stars.finish()
    }
}

extension TextFormat: ExpressibleByArgument {}
