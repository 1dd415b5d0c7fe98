import Foundation
import StarReading
import Support
import Tables

/// A run of a command whose rows may be a catalogue, or a shard of one: what decides its rows, and where they go.
final class CatalogueRun {
    /// The file or folder; nil prints.
    let url: URL?
    let options: CatalogueOptions
    let results: ResultOptions
    /// This worker's share of the input.
    let shard: Shard?
    /// What this worker reads.
    let ownUnits: [InputUnit]
    /// Whether rows go to a HATS catalogue.
    let isHATS: Bool
    /// Whether its partitions are those of the input.
    let keepsPartitions: Bool

    /// A file that is written beside: interrupted work goes on under the same alone.
    let beside: String?

    private let command: String
    private let model: URL
    private let input: InputOptions
    private let choices: [String]
    private let units: [InputUnit]
    /// What was run; the model is hashed when somebody asks.
    private(set) lazy var record = makeRecord()

    /// - Parameters:
    ///   - command: its name.
    ///   - model: the file.
    ///   - input: what is read.
    ///   - choices: what decides the rows beside model and input.
    ///   - extensions: formats that the command writes.
    ///   - results: where the rows go.
    ///   - options: how they are part of a catalogue.
    ///   - together: whether a row is of several spectra, of any files.
    ///   - beside: a file that is written beside.
    /// - Throws: `Diagnostic` for an input, output or share of no use.
    init(
        _ command: String, model: URL, _ input: InputOptions, choices: [String], extensions: [String],
        to results: ResultOptions, _ options: CatalogueOptions, together: Bool = false, beside: String? = nil
    ) throws {
        self.beside = beside
        (self.command, self.model, self.input, self.choices) = (command, model, input, choices)
        (self.results, self.options) = (results, options)
        let (shard, units) = (try options.share(), try InputUnit.units(of: input.inputs))
        (self.shard, self.units) = (shard, units)
        let files = together ? nil : shard
        ownUnits = files.map { shard in units.enumerated().filter { shard.owns($0.offset) }.map(\.element) } ?? units
        isHATS = results.output.output.map(OutputCheck.isHATS) ?? false
        keepsPartitions = isHATS && !together && input.inputs.count == 1 && units.allSatisfy { $0.cell != nil }
        // A folder with its slash is as good as one without.
        url = try results.output.url(extensions: extensions)
        if together, let shard, input.inputs.contains(where: ObservationStream.isDataSet) {
            throw Diagnostic(
                "--shard \(shard)", problem: "shares out the stars of files: a data set is one, and its rows are stars",
                remedy: "leave --shard out, or choose stars of the data set with --where")
        }
        if let shard {
            guard let url else {
                throw Diagnostic("--shard \(shard)", problem: "needs a file for its rows", remedy: "give --output")
            }
            if isHATS, !keepsPartitions {
                throw Diagnostic(
                    url,
                    problem: "cannot be shared by shards "
                        + (together ? "of stars, which have no partitions" : "of an input that is no HATS catalogue"),
                    remedy:
                        "write a .parquet file with --positions for each, then: specclip catalog merge … -o FOLDER.hats"
                )
            }
            try Self.requireMergeable(url, isLong: command == "translate")
            if ownUnits.isEmpty {
                Program.note(
                    "specclip: shard \(shard) has nothing to read: the input is of \(units.count) files or partitions")
            }
        }
        if let url,
            input.inputs.contains(where: {
                URL(fileURLWithPath: $0).standardizedFileURL.path == url.standardizedFileURL.path
            })
        {
            throw Diagnostic(url, problem: "is the input", remedy: "choose another name")
        }
        // What shards or an earlier run began goes on; another catalogue is no such thing.
        if isHATS, let url, try !keepsPartitions || RunRecord.read(in: url) == nil, !results.output.force,
            HATSCatalogue.isCatalogue(url.path)
        {
            throw Diagnostic(
                url, problem: "exists already", remedy: "choose another name, or replace it with --force")
        }
    }

    /// Refuses a file of a shard that could not be merged with others.
    /// - Parameter isLong: whether its CSV has several lines a row.
    static func requireMergeable(_ url: URL, isLong: Bool = false) throws {
        let format = url.pathExtension.lowercased()
        guard ["npz", "json"].contains(format) || isLong && format == "csv" else { return }
        throw Diagnostic(
            url, problem: "is of a format whose shards cannot be merged",
            remedy: "write .parquet or .fits, and let 'specclip catalog merge' write others")
    }

    private func makeRecord() -> RunRecord {
        let hash = ContentHash.of(model)
        let all = [command, hash, input.settings, options.positions || isHATS ? "positions" : ""] + choices
        return RunRecord(
            specclip: Release.version, command: command, model: model.lastPathComponent, modelHash: hash,
            options: RunRecord.typed(
                Array(ProcessInfo.processInfo.arguments.dropFirst()), leavingOut: input.inputs + [command]),
            input: input.inputs, settings: ContentHash.of(all.joined(separator: "\n")), units: units.map(\.name))
    }

    /// Where rows get their places from; nil where these are not asked for.
    func places() throws -> RowPlaces? {
        guard isHATS || options.positions else { return nil }
        guard keepsPartitions else { return RowPlaces(areNeeded: isHATS) }
        let catalogue = try HATSCatalogue(opening: URL(fileURLWithPath: input.inputs[0]))
        return try RowPlaces(of: catalogue)
    }
}

/// Where rows stand on the sky.
struct RowPlaces {
    /// Whether rows without a place are of no use.
    let areNeeded: Bool
    /// Columns that the input calls so.
    private var ra = "", dec = "", cell = HATSMetadata.places[2].uppercased()
    /// Columns of identifiers that are whole numbers in the input.
    private var whole: Set<String> = []

    init(areNeeded: Bool) { self.areNeeded = areNeeded }

    /// As a catalogue has them.
    init(of catalogue: HATSCatalogue) throws {
        areNeeded = true
        (ra, dec) = (catalogue.properties["hats_col_ra"] ?? "", catalogue.properties["hats_col_dec"] ?? "")
        (ra, dec) = (ra.uppercased(), dec.uppercased())
        if catalogue.properties["hats_col_healpix_order"] ?? "29" == "29" {
            cell = (catalogue.properties["hats_col_healpix"] ?? HATSMetadata.places[2]).uppercased()
        }
        whole = try catalogue.hasWholeIdentifiers ? Set(Table.identifiers) : []
    }

    /// The place of a star, and its finest cell; nil where the input says neither.
    func of(_ observation: Observation) -> (ra: Double, dec: Double, cell: Int)? {
        guard let raw = observation.raw else { return nil }
        let known = raw.header[cell].flatMap { Int($0) }.map { HEALPixCell(order: HEALPixCell.finest, index: $0) }
        let place = (raw.header[ra].flatMap { Double($0) } ?? raw.ra, raw.header[dec].flatMap { Double($0) } ?? raw.dec)
        if case (let ra?, let dec?) = place, let found = HEALPixCell(ra: ra, dec: dec) {
            return (ra, dec, (known ?? found).index)
        }
        return known.map { ($0.place.ra, $0.place.dec, $0.index) }
    }

    /// Columns with those of places, without rows.
    func adding(to columns: Table) -> Table { adding([], to: columns) }

    /// Rows with their places.
    func adding(_ places: [(ra: Double, dec: Double, cell: Int)?], to rows: Table) -> Table {
        // Neighbours that were found have identifiers of other catalogues.
        let own = rows["query_source_id"] != nil ? "query_source_id" : "source_id"
        var table = rows.withWholeNumbers(in: whole.intersection([own]))
        table.columns.insert(
            contentsOf: [
                Column("ra", unit: "deg", meaning: "right ascension", .numbers(places.map { $0?.ra ?? .nan })),
                Column("dec", unit: "deg", meaning: "declination", .numbers(places.map { $0?.dec ?? .nan })),
            ], at: min(1, table.columns.count))
        guard areNeeded else { return table }
        table.columns.insert(Column(HATSMetadata.places[2], .integers(places.map { $0?.cell ?? -1 })), at: 0)
        return table
    }
}
