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

            With --together a row is a star. Visits by one instrument are averaged at rest and read as one spectrum; \
            instruments are multiplied, with their prior counted once. Further columns: rv_p, the probability that \
            visits of a star of constant velocity differ as much (its error of a visit includes --rv-floor); visits; \
            disagree, as 2-3 where the second spectrum contradicts the third: such a row is the mixture of both.

            With --scale labels are told as a survey would, by a correction that 'specclip compare' learned from stars \
            that both have. Its uncertainty is added to errors; flag_NAME is 16 for a star unlike these, which is \
            corrected as the nearest of them; the column scale says which.

            flag is 0, or the sum of reasons to mistrust a star:
            \(QualityFlags.all.map { "  " + padded("\($0.flag.rawValue)", 4) + $0.meaning }.joined(separator: "\n"))

            A file is written as stars are done. An interrupted run, even a killed one, goes on where it was when the \
            same command is given again.

            EXAMPLES
              specclip predict spec-55862-*.fits
              specclip predict -m model.safetensors XP_SAMPLED.csv --format csv
              specclip predict star.fits XP_SAMPLED.csv --together
              specclip predict visits/*.fits --together --group-by position --visits v.csv
              specclip predict pairs.h5 --split test -o test.fits
              specclip predict survey.hats -o labels.hats
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @Option(
        help: ArgumentHelp(
            "Tell labels on this scale, which 'specclip compare' put into the model.", valueName: "name"))
    var scale: String?
    @OptionGroup(title: "Input") var input: InputOptions
    @Option(help: "The format of what is printed.") var format: TextFormat = .table
    @OptionGroup(title: "Output") var rows: ResultOptions
    @Option(help: ArgumentHelp("Samples of each posterior, from 100 on (default: 2000).", valueName: "n"))
    var samples: Int?
    @OptionGroup(title: "Observations of one star") var observations: TogetherOptions
    @OptionGroup(title: "Catalogues") var catalogue: CatalogueOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        if let samples, !(100...1_000_000).contains(samples) {
            throw ValidationError("--samples \(samples): must be between 100 and 1000000")
        }
    }

    func run() throws {
        _ = try rows.output.url(extensions: TableFile.catalogueExtensions)
        try observations.stars.check(input)
        let reader = try model.reader(compute, draws: samples, scale: scale)
        let scaled = scaled(reader)
        let (labels, sets) = (try reader.catalogueLabels(), reader.adaptationNames)
        let together = observations.stars.together
        let run = try CatalogueRun(
            "predict", model: reader.file.url, input, choices: [choices], extensions: TableFile.catalogueExtensions,
            to: rows, catalogue, together: together, beside: observations.visits)
        let visits = try visits(labels, reader, beside: run)
        let output = try RowOutput(
            StarCatalogue.labels(labels, [], [], sets: sets, scale: scaled, together: together), of: run, print: format)
        if together, !reader.countsPriorOnce {
            Program.note(
                "specclip: \(reader.file.url.lastPathComponent): does not know its prior, which --together counts twice: "
                    + "errors are too small where spectra tell little; add it with 'specclip labels calibrate'")
        }
        func read(_ stars: [ObservedStar], at positions: [RowPosition]) throws {
            let found = try reader.read(stars, velocityFloor: observations.floor)
            // Each file goes on from where it was itself.
            if let visits, visits.last.map({ $0 < positions[0] }) ?? true {
                try visits.append(
                    StarCatalogue.visits(labels, stars, found, sets: sets, scale: scaled),
                    at: zip(stars, positions).flatMap { star, position in star.observations.map { _ in position } })
                // What goes on goes on by stars that are done: their visits are there before.
                try visits.settle()
            }
            try output.append(
                StarCatalogue.labels(
                    labels, stars, found, sets: sets, scale: scaled, together: together), at: positions,
                of: stars.map { $0.observations[0] })
        }
        let stars = try observations.stars.forEachBatch(
            of: input, for: reader, doing: "predict", drawsBands: true, into: output, read)
        visits?.stars = output.stars
        try visits?.finish(isEmpty: stars.count == 0)
        try output.finish(isEmpty: stars.count == 0)
        try stars.finish()
    }

    private func settings(_ reader: StarReader) -> [String] {
        ["predict", ContentHash.of(reader.file.url), input.settings, choices]
    }

    private var choices: String { "\(samples ?? 0) \(observations) \(scale ?? "")" }

    /// The scale that labels are told on, and which are.
    private func scaled(_ reader: StarReader) -> (name: String, labels: Set<String>)? {
        reader.scale.map { ($0, reader.scaledLabels) }
    }

    /// Where each observation of a star goes by itself.
    private func visits(
        _ labels: [StellarLabel], _ reader: StarReader, beside run: CatalogueRun
    ) throws -> RowOutput? {
        guard let path = observations.visits else { return nil }
        let url = try OutputCheck.url(path, extensions: TableFile.extensions, force: rows.output.force)
        if run.shard != nil { try CatalogueRun.requireMergeable(url) }
        return try RowOutput(
            StarCatalogue.visits(labels, [], [], sets: reader.adaptationNames, scale: scaled(reader)), to: url,
            settings: settings(reader), restart: rows.restart, beside: (run, "visits"))
    }
}

extension TextFormat: ExpressibleByArgument {}
