import Foundation
import StarReading
import Support
import Tables

/// Files of rows, each of a shard.
struct ShardFiles: CataloguePieces {
    let units: [ShardRecord.Unit]
    private(set) var problems: [Diagnostic] = []
    private let shards: [(url: URL, record: ShardRecord)]

    /// Looks at what lies beside the files.
    /// - Throws: `Diagnostic` for a file that is no shard.
    init(_ files: [URL]) throws {
        var found = try files.map { (url: $0, record: try ShardRecord.read(for: $0)) }
        found.sort { ($0.record.shard.number, $0.url.path) < ($1.record.shard.number, $1.url.path) }
        shards = found
        let first = found[0]
        for other in found.dropFirst() {
            if let what = other.record.run.difference(from: first.record.run) {
                problems.append(
                    Diagnostic(
                        other.url, problem: "was made with \(what), as \(first.url.lastPathComponent) was",
                        remedy: "make one of them anew, or leave it out"))
            } else if first.record.shard.count != other.record.shard.count {
                problems.append(
                    Diagnostic(
                        other.url,
                        problem:
                            "is shard \(other.record.shard), \(first.url.lastPathComponent) is \(first.record.shard)",
                        remedy: "make all shards of as many"))
            } else if Self.columns(first.record) != Self.columns(other.record) {
                problems.append(
                    Diagnostic(
                        other.url,
                        problem: "has columns \(Self.columns(other.record)), \(first.url.lastPathComponent) has "
                            + Self.columns(first.record), remedy: "write all shards in one format"))
            }
        }
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
        var byName: [String: ShardRecord.Unit] = [:]
        for unit in found.flatMap(\.record.units) { byName[unit.name] = unit }
        units = first.record.run.units.compactMap { byName[$0] }
        if problems.isEmpty, let lost = first.record.run.units.first(where: { byName[$0] == nil }) {
            problems.append(Diagnostic(lost, problem: "was read by no shard", remedy: "run all shards of one input"))
        }
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
        let columns = columns
        var opened: [Int: (source: any TableSource, places: [[Int]])] = [:]
        let count = shards[0].record.shard.count
        for number in shards[0].record.run.units.indices {
            let shard = shards[number % count]
            if opened[number % count] == nil {
                let source = try TableFileReader.open(shard.url)
                opened[number % count] = (source, try source.places(of: columns, in: shard.url))
            }
            guard let (source, places) = opened[number % count] else { continue }
            var left = shard.record.units[number / count].rows
            while left > 0 {
                let rows = try source.next(min(left, 1024))
                guard rows.count > 0 else {
                    throw Diagnostic(shard.url, problem: "ends too early", remedy: "run its shard again with --force")
                }
                try body(rows.table(places, like: columns, in: shard.url))
                left -= rows.count
            }
        }
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
