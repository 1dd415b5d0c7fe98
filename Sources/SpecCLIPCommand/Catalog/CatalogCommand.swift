import ArgumentParser
import Foundation
import StarReading
import Support
import Tables

/// `specclip catalog …`.
struct CatalogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalog", abstract: "Put the shards of a catalogue together, and prove it complete.",
        subcommands: [CatalogMergeCommand.self, CatalogVerifyCommand.self])
}

/// What is a catalogue or the shards of one.
struct PiecesOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "Files that were written with --shard, or HATS catalogues.", valueName: "shard"))
    var pieces: [String]

    @Flag(help: "A source may have several spectra, such as visits.") var visits = false

    /// - Throws: `Diagnostic` for files and folders among each other.
    func checked() throws -> any CataloguePieces {
        let folders = pieces.filter { OutputCheck.isHATS($0) || isFolder($0) }
        guard folders.isEmpty || folders.count == pieces.count else {
            throw Diagnostic(folders[0], problem: "is a folder among files", remedy: "merge one kind at a time")
        }
        return folders.isEmpty
            ? try ShardFiles(pieces.map { URL(fileURLWithPath: $0) })
            : try HATSPieces(pieces.map { URL(fileURLWithPath: $0) })
    }

    private func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}

/// Pieces that may be a whole catalogue.
protocol CataloguePieces {
    /// What units are, for people.
    var kind: String { get }
    /// What was read and written, unit by unit.
    var units: [ShardRecord.Unit] { get }
    /// What keeps them from being a whole catalogue, a line each; known before any row is read.
    var problems: [Diagnostic] { get }
    /// Hands over the columns of one value a row, and where the rows lie.
    func eachTable(_ body: (String, Table) throws -> Void) throws
}

extension CataloguePieces {
    /// All that keeps them from being a whole catalogue; rows are read only where nothing else does.
    func allProblems(visits: Bool) throws -> [Diagnostic] {
        guard problems.isEmpty else { return problems }
        return try RepeatedRows(in: self, visits: visits).problems
    }

    /// - Throws: `ExitCode` after a line for each problem.
    func requireWhole(visits: Bool) throws {
        let found = try allProblems(visits: visits)
        found.forEach { Program.report($0) }
        if !found.isEmpty { throw ExitCode(Program.Code.failed) }
    }
}

struct CatalogVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Tell whether a catalogue is complete: each source once.",
        usage: "specclip catalog verify <shard> ... [--visits]",
        discussion: """
            All shards are there and were made alike; each file or partition of the input was read, and its rows are \
            there; no spectrum and no source stands twice; in HATS, each row lies in its partition. Prints what was \
            read of each unit. What is wrong is told in a line each, and the exit code is 1.

            EXAMPLES
              specclip catalog verify labels.hats
              specclip catalog verify part-*.parquet
            """)

    @OptionGroup var pieces: PiecesOptions
    @Option(help: "The format of what is printed.") var format: TextFormat = .table

    func run() throws {
        let found = try pieces.checked()
        let units = found.units
        print(
            Table([
                Column("unit", .text(units.map(\.name))), Column("spectra", .integers(units.map(\.spectra))),
                Column("failed", .integers(units.map(\.failures))), Column("rows", .integers(units.map(\.rows))),
            ]).text(format), terminator: "")
        try found.requireWhole(visits: pieces.visits)
        let total = units.reduce(into: (0, 0)) { $0 = ($0.0 + $1.rows, $0.1 + $1.failures) }
        Program.note("specclip: complete: \(units.count) units, \(total.0) rows, \(total.1) spectra that failed")
    }
}

struct CatalogMergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Put shards together to one catalogue.",
        usage: "specclip catalog merge <shard> ... [-o <file>] [--visits]",
        discussion: """
            Shards that miss, or were made with another model, other options or another input, are told by name, and \
            nothing is written. Rows come in the order of the input. False-discovery rates of outliers are those of the \
            whole. Files of any format become one of any (-o all.fits, all.hats, …). Shards that wrote partitions \
            into one HATS folder are made a catalogue where they are.

            EXAMPLES
              specclip catalog merge part-*.parquet -o all.fits
              specclip catalog merge labels.hats
            """)

    @OptionGroup var pieces: PiecesOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Option(
        help: ArgumentHelp("Rows of a HATS partition at the most (default: 1000000).", valueName: "n"))
    var partitionRows: Int?

    func run() throws {
        let found = try pieces.checked()
        if let files = found as? ShardFiles {
            let url = try output.requiredURL(extensions: TableFile.catalogueExtensions)
            if let path = output.output, OutputCheck.isHATS(path), HATSCatalogue.isCatalogue(url.path), !output.force {
                throw Diagnostic(
                    url, problem: "exists already", remedy: "choose another name, or replace it with --force")
            }
            try files.requireWhole(visits: pieces.visits)
            let isHATS = output.output.map(OutputCheck.isHATS) ?? false
            try files.merge(to: url, isHATS: isHATS, partitionRows: partitionRows ?? HATSWriter.usualRows)
        } else if let folders = found as? HATSPieces {
            let url = try output.url(extensions: ["hats"])
            try folders.requireWhole(visits: pieces.visits)
            try folders.merge(to: url)
        }
        let rows = found.units.reduce(0) { $0 + $1.rows }
        Program.note("specclip: \(rows) rows of \(found.units.count) \(found.kind)")
    }
}

/// Spectra and sources that stand twice among rows, found by hashes: 8 bytes a row.
private struct RepeatedRows {
    private(set) var problems: [Diagnostic] = []

    /// - Parameter visits: whether a source may have several spectra.
    init(in pieces: some CataloguePieces, visits: Bool) throws {
        try find("file", in: pieces, what: "the spectrum", remedy: "make the shards anew")
        guard !visits else { return }
        try find(
            "source_id", in: pieces, what: "the source", remedy: "give --visits where sources have several spectra")
    }

    private mutating func find(
        _ column: String, in pieces: some CataloguePieces, what: String, remedy: String
    ) throws {
        var hashes: [UInt64] = []
        try pieces.eachTable { _, table in
            hashes += Self.keys(table, column).map { $0.isEmpty ? 0 : StableHash.hash($0, seed: 0) }
        }
        hashes.sort()
        let repeated = Set(zip(hashes, hashes.dropFirst()).lazy.filter { $0 == $1 && $0 != 0 }.map(\.0))
        guard !repeated.isEmpty else { return }
        var (places, names) = ([UInt64: [String]](), [UInt64: String]())
        try pieces.eachTable { place, table in
            for (row, key) in Self.keys(table, column).enumerated() where !key.isEmpty {
                let hash = StableHash.hash(key, seed: 0)
                guard repeated.contains(hash), places.count < 100 || places[hash] != nil else { continue }
                places[hash, default: []].append(place)
                names[hash] = Self.text(table, column, row)
            }
        }
        for (hash, where_) in places.sorted(by: { names[$0.key] ?? "" < names[$1.key] ?? "" }).prefix(5) {
            problems.append(
                Diagnostic(
                    where_[0], field: column,
                    problem: "\(what) \(names[hash] ?? "") stands \(where_.count) times"
                        + (Set(where_).count > 1 ? ", also in \(where_.first { $0 != where_[0] } ?? "")" : ""),
                    remedy: remedy))
        }
        if repeated.count > 5 {
            problems.append(Diagnostic(field: column, problem: "\(repeated.count - 5) more stand several times"))
        }
    }

    /// What each row is of: a star has one for each instrument, and for each neighbour that was found.
    private static func keys(_ table: Table, _ column: String) -> [String] {
        let own = column == "source_id" && table["query_source_id"] != nil ? "query_source_id" : column
        let others = ["instrument", "rank", "visit"].filter { table[$0] != nil }
        return (0..<table.rowCount).map { row in
            let key = text(table, own, row)
            return key.isEmpty || key == "-1"
                ? "" : ([key] + others.map { text(table, $0, row) }).joined(separator: "\n")
        }
    }

    private static func text(_ table: Table, _ column: String, _ row: Int) -> String {
        switch table[column]?.values {
        case .text(let values): values[row]
        case .integers(let values): "\(values[row])"
        default: ""
        }
    }
}
