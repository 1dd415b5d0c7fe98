import ArgumentParser
import Foundation
import SpecCLIP
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
    @Flag(help: "Begin anew instead of going on with an interrupted run.") var restart = false
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func run() throws {
        let url = try output.url(extensions: OutputTable.extensions)
        let loaded = try LoadedModel(model, compute)
        let reader = try LabelReader(loaded.file, device: loaded.device)
        let stars = try StarInput(input, among: loaded.model.instruments, doing: "predict")
        let catalogue = StarCatalogue(reader.allLabels)
        var rows = try CatalogueOutput(
            catalogue.columns, to: url, format: format, settings: settings(loaded.file), restart: restart)
        rows.resume(stars)
        // Small batches: what is done is on disk, or on the screen, within a second or two.
        try stars.forEachBatch(of: 64) { batch in
            let embeddings = try loaded.embed(batch)
            let estimates = try reader.read(embeddings, of: batch, device: loaded.device)
            try rows.append(catalogue.table(batch, estimates), at: batch.map(\.position))
        }
        try rows.finish(isEmpty: stars.count == 0)
        try stars.finish()
    }

    /// What decides the catalogue: an interrupted run goes on only under the same.
    private func settings(_ file: ModelFile) -> String {
        let inputs = input.inputs.map { path in
            let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
            return "\(path) \(size ?? 0)"
        }
        let choice = "\(input.split) \(input.conditions) \(input.limit ?? 0) \(input.instrument ?? "")"
        return textFingerprint(
            ([fileFingerprint(file.url), choice, "\(input.prepareOptions)"] + inputs).joined(separator: "\n"))
    }
}

extension TextFormat: ExpressibleByArgument {}
