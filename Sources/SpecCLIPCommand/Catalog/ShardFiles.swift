import Foundation
import StarReading
import Support
import Tables

/// Files of rows, each of a shard.
struct ShardFiles: CataloguePieces {
    let units: [ShardRecord.Unit]
    var kind: String { shards[0].record.stars == nil ? "files or partitions" : "shards" }
    private(set) var problems: [Diagnostic] = []
    private typealias Piece = (url: URL, record: ShardRecord)
    private let shards: [Piece]

    /// Looks at what lies beside the files.
    /// - Throws: `Diagnostic` for a file that is no shard.
    init(_ files: [URL]) throws {
        var found = try files.map { (url: $0, record: try ShardRecord.read(for: $0)) }
        found.sort { ($0.record.shard.number, $0.url.path) < ($1.record.shard.number, $1.url.path) }
        shards = found
        let first = found[0]
        problems = found.dropFirst().compactMap { Self.problem(of: $0, beside: first) }
        let numbers = found.map(\.record.shard.number)
        for (one, other) in zip(found, found.dropFirst()) where one.record.shard.number == other.record.shard.number {
            problems.append(
                Diagnostic(
                    other.url, problem: "is shard \(other.record.shard), and so is \(one.url.lastPathComponent)",
                    remedy: "leave one of them out"))
        }
        let missing = (1...first.record.shard.count).filter { !numbers.contains($0) }
        if !missing.isEmpty {
            let names = missing.prefix(8).map { "\($0)/\(first.record.shard.count)" }.joined(separator: ", ")
            problems.append(
                Diagnostic(
                    field: "--shard",
                    problem: "\(missing.count == 1 ? "shard" : "shards") \(names)"
                        + (missing.count > 8 ? ", …" : "") + " \(missing.count == 1 ? "is" : "are") missing",
                    remedy: "run \(missing.count == 1 ? "it" : "them"), and merge again"))
        }
        guard let seen = first.record.stars else {
            var byName: [String: ShardRecord.Unit] = [:]
            for unit in found.flatMap(\.record.units) { byName[unit.name] = unit }
            units = first.record.run.units.compactMap { byName[$0] }
            if problems.isEmpty, let lost = first.record.run.units.first(where: { byName[$0] == nil }) {
                problems.append(
                    Diagnostic(lost, problem: "was read by no shard", remedy: "run all shards of one input"))
            }
            return
        }
        // All shards have seen the same spectra fail.
        let failed = ShardRecord.Unit(name: "of no star", spectra: 0, failures: seen.failures, rows: 0)
        units = found.flatMap(\.record.units) + (seen.failures > 0 ? [failed] : [])
        if problems.isEmpty { problems += Self.problems(of: found.compactMap(\.record.stars), among: seen.stars) }
    }

    /// What keeps a shard from standing beside another.
    private static func problem(of other: Piece, beside first: Piece) -> Diagnostic? {
        let name = first.url.lastPathComponent
        if let what = other.record.run.difference(from: first.record.run) {
            return Diagnostic(
                other.url, problem: "was made with \(what), as \(name) was",
                remedy: "make one of them anew, or leave it out")
        }
        if first.record.shard.count != other.record.shard.count {
            return Diagnostic(
                other.url, problem: "is shard \(other.record.shard), \(name) is \(first.record.shard)",
                remedy: "make all shards of as many")
        }
        if columns(first.record) != columns(other.record) {
            return Diagnostic(
                other.url, problem: "has columns \(columns(other.record)), \(name) has " + columns(first.record),
                remedy: "write all shards in one format")
        }
        guard let own = first.record.stars, let others = other.record.stars,
            own.content != others.content || own.stars != others.stars
        else { return nil }
        return Diagnostic(
            other.url,
            problem:
                "has seen other stars than \(name): \(others.stars) of \(others.spectra) spectra, not \(own.stars) "
                + "of \(own.spectra)", remedy: "run it again when all files can be read")
    }

    /// Stars that are not those of one shard each.
    private static func problems(of shards: [ShardRecord.Stars], among count: Int) -> [Diagnostic] {
        var times = [UInt8](repeating: 0, count: count)
        var strange = 0
        for (number, _) in shards.lazy.flatMap(\.turns) {
            if times.indices.contains(number) { times[number] &+= 1 } else { strange += 1 }
        }
        let (none, several) = (times.count { $0 == 0 }, times.count { $0 > 1 } + strange)
        guard none + several > 0 else { return [] }
        return [
            Diagnostic(
                field: "--shard", problem: "of \(count) stars \(none) are of no shard, \(several) of several",
                remedy: "run all shards again")
        ]
    }

    private static func columns(_ record: ShardRecord) -> String {
        record.columns.map { "\($0.name) \($0.kind.rawValue)\($0.width.map { "[\($0)]" } ?? "")" }.joined(
            separator: ", ")
    }

    private var columns: Table { Table(shards[0].record.columns.map(\.column)) }

    func eachTable(_ body: (String, Table) throws -> Void) throws {
        let plain = Table(columns.columns.filter { if case .vectors = $0.values { false } else { true } })
        for shard in shards {
            let source = try TableFileReader.open(shard.url)
            let places = try source.places(of: plain, in: shard.url)
            var count = 0
            while case let rows = try source.next(4096), rows.count > 0 {
                try body(shard.url.path, rows.table(places, like: plain, in: shard.url))
                count += rows.count
            }
            let expected = shard.record.units.reduce(0) { $0 + $1.rows }
            guard count == expected else {
                throw Diagnostic(
                    shard.url, problem: "has \(count) rows, where \(expected) were written",
                    remedy: "run shard \(shard.record.shard) again with --force")
            }
        }
    }

    /// Writes one file, or one catalogue, of all rows, in the order of the input.
    /// - Throws: `Diagnostic` for a file that changed since it was looked at, and what cannot be written.
    func merge(to url: URL, isHATS: Bool, partitionRows: Int) throws {
        let run = shards[0].record.run
        let rates = run.command == "outliers" ? DiscoveryRates(fdr: nil) : nil
        var widths: [String: TextWidth] = [:]
        // Rates are of rows in the order of the input, too: shards take turns in both passes.
        try eachBlock { table in
            rates?.add(table)
            widths.merge(table.textWidths) { old, new in old.widened(to: new) }
        }
        rates?.finish()
        let file: any TableWriter =
            isHATS
            ? try HATSWriter(url, columns, most: partitionRows, facts: run.facts)
            : try TableFile.create(url, columns: columns, widths: widths)
        let writer = rates.map { CompletedRows(file, $0) } ?? file
        try eachBlock { try writer.append($0) }
        try writer.finish()
        if let text = rates?.summary { Program.note(text) }
    }

    /// All rows, in the order of the input.
    private func eachBlock(_ body: (Table) throws -> Void) throws {
        var supplies = shards.map { RowSupply($0.url, columns) }
        var block = columns
        func take(_ count: Int, of shard: Int) throws {
            var left = count
            while left > 0 {
                let rows = try supplies[shard].next(min(left, Self.block))
                left -= rows.rowCount
                block.append(rows)
                guard block.rowCount >= Self.block else { continue }
                try body(block)
                block = columns
            }
        }
        let records = shards.map(\.record)
        if records[0].stars == nil {
            for number in records[0].run.units.indices {
                let (shard, place) = (number % shards.count, number / shards.count)
                try take(records[shard].units[place].rows, of: shard)
            }
        } else {
            var turns = records.map { ($0.stars?.turns ?? StarTurns()).makeIterator() }
            var next = turns.indices.map { turns[$0].next() }
            for number in 0..<(records[0].stars?.stars ?? 0) {
                guard let shard = next.firstIndex(where: { $0?.number == number }), let turn = next[shard] else {
                    continue
                }
                try take(turn.rows, of: shard)
                next[shard] = turns[shard].next()
            }
        }
        if block.rowCount > 0 { try body(block) }
    }

    /// Rows at once.
    private static let block = 1024
}

/// The rows of a file, as many at a time as are asked for.
private struct RowSupply {
    private let url: URL
    private let columns: Table
    private var opened: (source: any TableSource, places: [[Int]])?
    /// What was read, and how many rows of it were given.
    private var rows: Table
    private var given = 0

    init(_ url: URL, _ columns: Table) { (self.url, self.columns, rows) = (url, columns, columns) }

    /// The next rows, at least one.
    /// - Throws: `Diagnostic` at the end of the file.
    mutating func next(_ most: Int) throws -> Table {
        if given == rows.rowCount {
            let source = try opened?.source ?? TableFileReader.open(url)
            let places = try opened?.places ?? source.places(of: columns, in: url)
            opened = (source, places)
            let found = try source.next(1024)
            guard found.count > 0 else {
                throw Diagnostic(url, problem: "ends too early", remedy: "run its shard again with --force")
            }
            (rows, given) = (try found.table(places, like: columns, in: url), 0)
        }
        let range = given..<min(given + most, rows.rowCount)
        given = range.upperBound
        return range.count == rows.rowCount ? rows : rows.rows(range)
    }
}

extension ShardRecord {
    /// The columns of a file that was written, whose format may have its own: nested spectra, say.
    /// - Parameter written: the columns that it was given.
    static func columns(of file: URL, written: Table) throws -> [ColumnDescription] {
        let source = try TableFileReader.open(file)
        let widths = written.columns.compactMap { column -> Int? in
            if case .vectors(_, let width) = column.values { width } else { nil }
        }
        var taken: Set<Int> = []
        var found: [(place: Int, column: ColumnDescription)] = []
        for column in written.columns {
            guard let places = try? source.places(of: Table([column]), in: file)[0] else { continue }
            taken.formUnion(places)
            found.append((places[0], ColumnDescription(column)))
        }
        for (place, field) in source.fields.enumerated() where !taken.contains(place) {
            guard field.isArray || field.isFact else { continue }
            var own = Column(field.name, unit: field.unit, meaning: field.meaning, .numbers([]))
            if field.isArray {
                own.values = .vectors([], width: widths.first ?? 0)
            } else if field.kind == .text {
                own.values = .text([])
            } else if field.kind == .integer {
                own.values = .integers([])
            }
            found.append((place, ColumnDescription(own)))
        }
        return found.sorted { $0.place < $1.place }.map(\.column)
    }
}
