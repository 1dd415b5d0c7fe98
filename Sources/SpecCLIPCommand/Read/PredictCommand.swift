import ArgumentParser
import Foundation
import StarReading
import Support
import Tables

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
    @OptionGroup(title: "Output") var rows: ResultOptions
    @Option(help: ArgumentHelp("Samples of each posterior, from 100 on (default: 2000).", valueName: "n"))
    var samples: Int?
    @Flag(help: "Read spectra of one star by two instruments as one (same source id, or row of a data set).")
    var together = false
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        if let samples, !(100...1_000_000).contains(samples) {
            throw ValidationError("--samples \(samples): must be between 100 and 1000000")
        }
    }

    func run() throws {
        let url = try rows.output.url(extensions: TableFile.extensions)
        let reader = try model.reader(compute, draws: samples)
        let (labels, sets) = (try reader.catalogueLabels(), reader.adaptationNames)
        let output = try RowOutput(
            StarCatalogue.columns(labels, sets: sets), to: url,
            settings: [
                "predict", ContentHash.of(reader.file.url), input.settings, "\(samples ?? 0) \(together)",
            ], restart: rows.restart, print: format)
        let stars = try StarInput(
            input, among: reader.instruments, doing: "predict", rowsComeWhole: together, into: output)
        if together, !reader.countsPriorOnce {
            Program.note(
                "specclip: \(reader.file.url.lastPathComponent): does not know its prior, which --together counts twice: "
                    + "errors are too small where spectra tell little; add it with 'specclip labels calibrate'")
        }
        // Small batches: what is done is on disk, or on the screen, within a second or two. Which files are of one star
        // is known when all are read.
        try stars.forEachBatch(of: together && !stars.isDataSet ? .max : 64) { batch in
            let observed = together ? ObservedStar.together(batch) : ObservedStar.apart(batch)
            try output.append(
                StarCatalogue.labels(labels, observed, reader.read(observed), sets: sets), at: observed.map(\.position))
        }
        try output.finish(isEmpty: stars.count == 0)
        try stars.finish()
    }
}

extension TextFormat: ExpressibleByArgument {}
