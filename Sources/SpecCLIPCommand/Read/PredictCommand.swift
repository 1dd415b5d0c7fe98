import ArgumentParser
import Foundation
import SpecCLIP
import Spectra
import StellarLabels
import Support

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Print the parameters of stars: Teff, log g, [Fe/H] with errors.",
        usage: "specclip predict [<options>] <input> ...",
        discussion: """
            Columns: file, teff, e_teff, teff_16, teff_84 (K), the same for logg, fe_h (dex) and further labels of \
            the model, flag, source_id, instrument, snr (signal to noise per pixel). Values are medians of \
            posteriors, _16 and _84 their percentiles, e_ half of what lies between; all calibrated on stars that \
            the model was not trained on. Published regressors give values alone. What is not known is empty (null).

            flag is 0, or the sum of reasons to mistrust a star:
            \(QualityFlags.all.map { "  " + padded("\($0.flag.rawValue)", 4) + $0.meaning }.joined(separator: "\n"))

            A file is written as stars are done. An interrupted run, even a killed one, goes on where it was when the \
            same command is given again.

            EXAMPLES
              specclip predict spec-55862-*.fits
              specclip predict -m model.safetensors XP_SAMPLED.csv --format csv
              specclip predict star.fits XP_SAMPLED.csv --together
              specclip predict pairs.h5 --split test -o test.fits
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Input") var input: InputOptions
    @Option(help: "The format of what is printed.") var format: TextFormat = .table
    @OptionGroup(title: "Output") var output: OutputOptions
    @Option(help: ArgumentHelp("Samples of each posterior, from 100 on (default: 2000).", valueName: "n"))
    var samples: Int?
    @Flag(help: "Read spectra of one star by two instruments as one (same source id, or row of a data set).")
    var together = false
    @Flag(help: "Begin anew instead of going on with an interrupted run.") var restart = false
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        if let samples, !(100...1_000_000).contains(samples) {
            throw ValidationError("--samples \(samples): must be between 100 and 1000000")
        }
    }

    func run() throws {
        let url = try output.url(extensions: OutputTable.extensions)
        let loaded = try LoadedModel(model, compute)
        let reader = try StarReader(loaded, input.prepareOptions, draws: samples)
        let stars = try StarInput(input, among: loaded.model.instruments, doing: "predict")
        let catalogue = StarCatalogue(reader.labels.allLabels)
        var rows = try CatalogueOutput(
            catalogue.columns, to: url, format: format, settings: url == nil ? "" : settings(loaded.file),
            restart: restart)
        rows.resume(stars)
        // Small batches: what is done is on disk, or on the screen, within a second or two. Which files are of one star
        // is known when all are read.
        stars.rowsComeWhole = together
        if together, !reader.countsPriorOnce {
            Program.note(
                "specclip: \(loaded.file.url.lastPathComponent): does not know its prior, which --together counts twice: "
                    + "errors are too small where spectra tell little; add it with 'specclip labels calibrate'")
        }
        try stars.forEachBatch(of: together && stars.dataSet == nil ? .max : 64) { batch in
            let sightings = together ? Sightings.of(batch) : batch.map { Sightings(spectra: [$0]) }
            try rows.append(
                catalogue.table(sightings, reader.read(sightings)), at: sightings.map(\.spectra[0].position))
        }
        try rows.finish(isEmpty: stars.count == 0)
        try stars.finish()
    }

    /// What decides the catalogue: an interrupted run goes on only under the same.
    private func settings(_ file: ModelFile) -> String {
        // Survey files are too many to be read twice: their names and sizes stand for them.
        let inputs = input.inputs.map { path in
            if StarInput.isHDF5(path) { return "\(path) \(ContentHash.of(URL(fileURLWithPath: path)))" }
            let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
            return "\(path) \(size ?? 0)"
        }
        let choice =
            "\(input.split) \(input.conditions) \(input.limit ?? 0) \(input.instrument ?? "") \(samples ?? 0) \(together)"
        return ContentHash.of(
            ([ContentHash.of(file.url), choice, "\(input.prepareOptions)"] + inputs).joined(separator: "\n"))
    }
}

extension TextFormat: ExpressibleByArgument {}
