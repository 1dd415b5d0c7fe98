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
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func validate() throws {
        if let fdr, !(fdr > 0 && fdr <= 1) { throw ValidationError("--fdr \(fdr): must lie between 0 and 1") }
    }

    func run() throws {
        let url = try rows.output.url(extensions: TableFile.extensions)
        try observations.check(input)
        let reader = try model.reader(compute)
        let finder = try OutlierFinder(reader)
        for own in finder.calibrated { Program.note(own.text(comparing: observations.together)) }
        let gallery = try page.prepared(finder, force: rows.output.force)
        let rates = Rates(fdr: fdr)
        let output = try RowOutput(
            StarCatalogue.outliers([], []), to: url,
            settings: [
                "outliers", ContentHash.of(reader.file.url), input.settings,
                "\(finder.calibrated.map(\.stars)) \(observations)",
            ],
            restart: rows.restart, as: { try rates.writer($0, $1, $2) })
        let earlier = output.inputCount
        let stars = try observations.forEachBatch(of: input, for: reader, doing: "outliers", into: output) {
            stars, positions in
            let spectra = stars.flatMap(\.observations)
            let found = try finder.outliers(stars)
            try gallery?.add(spectra, found)
            try output.append(
                StarCatalogue.outliers(spectra, found),
                at: zip(stars, positions).flatMap { star, position in star.observations.map { _ in position } })
        }
        try output.eachTable { table in rates.add(table) }
        rates.finish()
        try output.finish(isEmpty: stars.count == 0) { rates.completed($0, from: 0).text(format) }
        if gallery != nil, earlier > 0 {
            Program.note("the gallery shows none of the spectra that an interrupted run had judged: --restart does")
        }
        try gallery?.finish()
        if let text = rates.summary { Program.note(text) }
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

/// False-discovery rates, which are known when all stars are.
private final class Rates {
    private let fdr: Double?
    private var p: [Double] = [], q: [Double] = []

    init(fdr: Double?) { self.fdr = fdr }

    func add(_ table: Table) {
        if case .numbers(let values)? = table["p"]?.values { p += values }
    }

    func finish() { q = falseDiscoveryRates(p) }

    /// How many stars are odd; nil where there are none at all.
    var summary: String? {
        guard !p.isEmpty else { return nil }
        let counts = [0.01, 0.05].map { rate in "\(q.count { $0 <= rate }) at a rate of \(Int(100 * rate)) %" }
        let unknown = p.count(where: \.isNaN)
        return "\(p.count) spectra, odd ones: " + counts.joined(separator: ", ")
            + (unknown > 0 ? "; \(unknown) of instruments without normal stars are not judged" : "")
    }

    /// Rows with their rates; of a list, where one is asked for.
    func completed(_ table: Table, from start: Int) -> Table {
        var table = table
        let own = Array(q[min(start, q.count)..<min(start + table.rowCount, q.count)])
        guard let place = table.columns.firstIndex(where: { $0.name == "q" }) else { return table }
        table.columns[place].values = .numbers(own.map(threeDigits))
        guard let fdr else { return table }
        return table.rows(own.indices.filter { own[$0] <= fdr })
    }

    func writer(_ url: URL, _ columns: Table, _ widths: [String: TextWidth]) throws -> any TableWriter {
        Writer(try TableFile.create(url, columns: columns, widths: widths), self)
    }

    private final class Writer: TableWriter {
        private let writer: any TableWriter
        private let rates: Rates
        private var count = 0

        init(_ writer: any TableWriter, _ rates: Rates) { (self.writer, self.rates) = (writer, rates) }

        func append(_ rows: Table) throws {
            try writer.append(rates.completed(rows, from: count))
            count += rows.rowCount
        }

        func finish() throws { try writer.finish() }
    }
}
