import ArgumentParser
import Foundation
import Spectra
import StarReading
import Statistics
import Support
import Tables

/// `specclip outliers INPUT…`.
struct OutliersFindCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "find",
        abstract: "Judge spectra (what `specclip outliers` does without another word).",
        usage: "specclip outliers [<options>] <input> ...",
        discussion: """
            COLUMNS
              p              how often a normal star of like S/N is as odd in any way
              q              the false-discovery rate of a list that ends with this star
                             (Benjamini-Hochberg, over all spectra of the run)
              p_density      as p, by where the encoder's features lie
              p_spectrum     by the spectrum: what its labels and its look-alikes do not
                             explain, what ordinary spectra leave, narrow and broad
                             features, the light of a second star
              p_instruments  beside what other instruments saw of the star (--together)
              p_repeats      beside its other visits by the instrument: their velocities, and
                             spectra where normal stars were visited twice (--together)
              reason         what makes it odd, with wavelengths, from p < 0.05 on

            Ranks among n normal stars give no p below 1/(n + 1), which is printed; smaller ones \\
            are of a tail that was fitted to the highest twentieth of them.

            EXAMPLES
              specclip outliers spec-*.fits -o odd.csv
              specclip outliers survey.h5 --instrument gaia-xp --fdr 0.05 -o odd.fits
              specclip outliers visits/*.fits --together --gallery odd.html -o odd.csv
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Input") var input: InputOptions
    @OptionGroup(title: "Input") var observations: GroupingOptions
    @Option(
        help: ArgumentHelp("Write stars of a list with this false-discovery rate alone.", valueName: "rate"))
    var fdr: Double?
    @Option(help: "The format of what is printed.") var format: TextFormat = .table
    @OptionGroup(title: "Output") var page: GalleryOptions
    @OptionGroup(title: "Output") var rows: ResultOptions
    @OptionGroup(title: "Catalogues") var catalogue: CatalogueOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        if let fdr, !(fdr > 0 && fdr <= 1) { throw ValidationError("--fdr \(fdr): must lie between 0 and 1") }
    }

    func run() throws {
        _ = try rows.output.url(extensions: TableFile.catalogueExtensions)
        try observations.check(input)
        let reader = try model.reader(compute)
        let finder = try OutlierFinder(reader)
        for own in finder.calibrated { Program.note(own.text(comparing: observations.together)) }
        let gallery = try page.prepared(finder, force: rows.output.force)
        let rates = DiscoveryRates(fdr: fdr)
        let run = try CatalogueRun(
            "outliers", model: reader.file.url, input,
            choices: ["\(finder.calibrated.map(\.stars)) \(observations)"], extensions: TableFile.catalogueExtensions,
            to: rows,
            catalogue, together: observations.together)
        if let fdr, run.shard != nil || run.keepsPartitions {
            throw Diagnostic(
                "--fdr \(fdr)", problem: "cuts a list that is known only when all partitions are done",
                remedy: "leave it out, and choose q <= \(fdr) in the whole catalogue")
        }
        let output = try RowOutput(
            StarCatalogue.outliers([], []), of: run, print: format, completing: rates)
        let earlier = output.inputCount
        let stars = try observations.forEachBatch(of: input, for: reader, doing: "outliers", into: output) {
            stars, positions in
            let spectra = stars.flatMap(\.observations)
            let found = try finder.outliers(stars)
            try gallery?.add(spectra, found)
            try output.append(
                StarCatalogue.outliers(spectra, found),
                at: zip(stars, positions).flatMap { star, position in star.observations.map { _ in position } },
                of: spectra)
        }
        try output.finish(isEmpty: stars.count == 0)
        if gallery != nil, earlier > 0 {
            Program.note("the gallery shows none of the spectra that an interrupted run had judged: --restart does")
        }
        try gallery?.finish()
        if run.shard != nil {
            Program.note("specclip: q is of this shard alone; 'specclip catalog merge' tells it of all")
        } else if let text = rates.summary {
            Program.note(text)
        }
        try stars.finish()
    }
}

extension OutlierFinder.Calibration {
    /// What p-values are made of, in a line.
    fileprivate func text(comparing: Bool) -> String {
        let without = odd > 0 ? " without the oddest \(threeDigits(100 * odd)) %" : ""
        let alone =
            "\(instrument.name): \(stars) normal stars\(without); p below \(String(format: "%.1e", floor)) is of a "
            + "fitted tail"
        guard comparing else { return alone }
        let others =
            seenByOthers > 0
            ? "\(seenByOthers) stars seen by others too" : "none seen by others: no p_instruments"
        return alone + "; " + others
            + (repeated > 0
                ? "; \(repeated) with other visits" : "; none visited twice: p_repeats is of velocities alone")
    }
}
