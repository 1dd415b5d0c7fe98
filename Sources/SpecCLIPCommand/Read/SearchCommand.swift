import ArgumentParser
import Datasets
import Foundation
import StarReading
import Support
import Tables

struct SearchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Find known stars that look most like the given ones.",
        usage: "specclip search [<options>] <input> ...",
        discussion: """
            Stars are compared by the cosine similarity of their embeddings (1: the same), exactly, within and \
            across instruments: a LAMOST spectrum finds the Gaia XP spectrum of the same or of a similar star. \
            Without --in, those stars are searched that came with the model. An atlas of millions \
            ('specclip atlas') is searched in groups, and finds what its --recall says. --where chooses among known \
            stars by their labels, or, where the input is a data set, among the stars of that.

            EXAMPLES
              specclip search star.fits
              specclip search star.fits --where 'teff<5000'
              specclip search star.fits --in pairs.h5 --top 5
              specclip search xp.csv --in pairs.h5 \\
                  --in-split train --among optical --format csv
              specclip search star.fits --in atlas/ --where 'teff<5000' --top 20
            """)

    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Model") var cut: WidthOptions
    @OptionGroup(title: "Input") var input: InputOptions
    @OptionGroup(title: "Search") var search: SearchOptions
    @Flag(help: "Leave out stars with the source id of the star itself.") var excludeSelf = false
    @Option(help: "The format of what is printed.") var format: TextFormat = .table
    @OptionGroup(title: "Output") var rows: ResultOptions
    @OptionGroup(title: "Catalogues") var catalogue: CatalogueOptions
    @OptionGroup(title: "Computing") var compute: ComputeOptions

    func run() throws {
        _ = try rows.output.url(extensions: TableFile.catalogueExtensions)
        let reader = try model.reader(compute, cut)
        // Files have no labels to choose by: it is the known stars that conditions then choose of.
        var (input, search) = (input, search)
        if !input.inputs.contains(where: ObservationStream.isDataSet) {
            search.conditions += input.conditions
            input.conditions = []
        }
        let stars = try search.stars(search.split ?? input.split, reader)
        let labels = stars.labelNames.map { StellarLabel(named: $0) }
        let output = try RowOutput(
            StarCatalogue.neighbours([], [], labels),
            of: CatalogueRun(
                "search", model: reader.file.url, input,
                choices: [search.settings, "\(excludeSelf) \(cut.width ?? 0)"],
                extensions: TableFile.catalogueExtensions,
                to: rows, catalogue),
            print: format)
        let given = try StarInput(
            input, among: reader.instruments, doing: "search", drawingBandsOf: reader.instrumentsWithDrawnBands,
            into: output)
        // Many at once: each group of an atlas is then looked at once for all that ask.
        try given.forEachBatch(of: 1024) { batch in
            let found = try stars.nearest(
                to: try reader.embed(batch), of: batch, top: search.top, excludingSelf: excludeSelf)
            try output.append(
                StarCatalogue.neighbours(batch, found, labels),
                at: zip(batch, found).flatMap { star, own in own.map { _ in star.position } },
                of: zip(batch, found).flatMap { star, own in own.map { _ in star } })
        }
        try output.finish(isEmpty: given.count == 0, text: NeighbourTable.report)
        try given.finish()
    }
}

extension SearchOptions {
    /// The known stars: of a data set, or those that came with the model.
    /// - Parameter split: of the data set.
    func stars(_ split: Split, _ reader: StarReader) throws -> LookAlikes {
        let filter = try filter()
        if let dataSet, isAtlas {
            let stars = try LookAlikes(
                StarAtlas(opening: URL(fileURLWithPath: dataSet)), reader, among: among, filter: filter,
                probes: exact ? .max : probes)
            Program.progress("searching among \(stars.source)")
            return stars
        }
        guard probes == nil else {
            throw Diagnostic(
                "--probes", problem: "is for an atlas: all stars are looked at elsewhere",
                remedy: "make one with 'specclip atlas build', and give it with --in")
        }
        guard let dataSet else {
            let stars = try reader.lookAlikes(among: among, filter: filter)
            Program.progress("searching among \(stars.source)")
            return stars
        }
        let data = try PairedDataSet(opening: URL(fileURLWithPath: dataSet))
        Program.progress("embedding \(data.count(split)) stars of \(data.url.lastPathComponent) to search among them")
        return try LookAlikes(data, split, among: among, filter: filter, with: reader)
    }

    /// What decides the stars that are found.
    fileprivate var settings: String {
        let content = dataSet.map { path in
            let url = URL(fileURLWithPath: path)
            return ContentHash.of(StarAtlas.isAtlas(path) ? url.appending(path: "atlas.json") : url)
        }
        return
            "\(content ?? "") \(split?.rawValue ?? "") \(top) \(among) \(conditions) \(cone ?? "") \(exact) \(probes ?? 0)"
    }

    /// Whether an atlas is searched.
    var isAtlas: Bool { dataSet.map(StarAtlas.isAtlas) ?? false }

    /// Which known stars may be found.
    private func filter() throws -> AtlasFilter {
        let numbers = cone.map {
            $0.split(separator: ",").compactMap { Double($0.trimmingCharacters(in: .whitespaces)) }
        }
        guard let numbers else { return AtlasFilter(conditions) }
        guard numbers.count == 3, (-90...90).contains(numbers[1]), numbers[2] > 0, numbers[2] <= 180 else {
            throw Diagnostic(
                "--in-cone \(cone ?? "")", problem: "is no cone", remedy: "give ra,dec,radius in degrees: 120.5,-3,0.5")
        }
        return AtlasFilter(conditions, cone: (numbers[0], numbers[1], numbers[2]))
    }
}

/// Where to search for look-alikes.
struct SearchOptions: ParsableArguments {
    @Option(
        name: .customLong("in"),
        help: ArgumentHelp(
            "What to search: an atlas (a folder), or a data set (HDF5; default: the stars in the model).",
            valueName: "atlas|file"))
    var dataSet: String?

    @Option(
        name: .customLong("in-split"),
        help: ArgumentHelp("Its split (default: that of --split).", valueName: "split"))
    var split: Split?

    @Option(help: ArgumentHelp("Neighbours per star and instrument.", valueName: "n")) var top = 5

    @Option(help: ArgumentHelp("Search one instrument of the data set, or both.", valueName: "instrument")) var among =
        "both"

    @Option(
        name: [.customLong("in-where")], parsing: .singleValue,
        help: ArgumentHelp("Find known stars alone that meet this, as --where.", valueName: "condition"))
    var conditions: [LabelCondition] = []

    @Option(
        name: .customLong("in-cone"),
        help: ArgumentHelp("Find known stars alone that lie here, degrees.", valueName: "ra,dec,radius"))
    var cone: String?

    @Flag(help: "Look at every star of an atlas.") var exact = false

    @Option(help: ArgumentHelp("Look at so many groups of an atlas (default: as it was built for).", valueName: "n"))
    var probes: Int?

    func validate() throws {
        if let probes, probes < 1 { throw ValidationError("--probes \(probes): must be at least 1") }
        guard (1...10_000).contains(top) else { throw ValidationError("--top \(top): must be between 1 and 10000") }
    }
}

/// Stars and the stars found for them.
enum NeighbourTable {
    /// For people: a heading for each star, its neighbours below.
    static func report(_ table: Table) -> String {
        guard case .text(let files)? = table["file"]?.values, case .text(let ids)? = table["query_source_id"]?.values
        else { return table.text(.table) }
        let neighbours = table.without("file", "query_source_id")
        var text = ""
        var start = 0
        while start < files.count {
            let end = files[start...].firstIndex { $0 != files[start] } ?? files.count
            text += (start > 0 ? "\n" : "") + files[start]
            text += (ids[start].isEmpty ? "" : "  (source \(ids[start]))") + "\n"
            text += neighbours.rows(start..<end).text(.table)
            start = end
        }
        return text
    }
}
