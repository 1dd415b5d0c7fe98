import Foundation
import Spectra
import Support
import Tables
import Torch

/// A table of embeddings, as `specclip embed` writes it in any format, read some rows at a time.
final class EmbeddingTable {
    /// Some rows of one instrument.
    struct Block {
        var instrument: Instrument
        /// `[n, E]`.
        var embeddings: Tensor
        var sourceIDs: [String]
        /// One column after the other; NaN where a row has no number.
        var columns: [[Double]]
    }

    private let url: URL
    private let source: any TableSource
    private let known: [Instrument]
    private let width: Int
    /// Where a row's embedding stands: one array, or a column a number.
    private let places: [Int]
    /// The instrument of all rows; nil where a column says it.
    private let instrument: Instrument?
    private let instrumentColumn: Int?
    private let sourceColumn: Int
    private let columns: [Int?]

    /// - Parameters:
    ///   - url: a table of any container.
    ///   - known: instruments of the model.
    ///   - width: numbers of its embeddings.
    ///   - columns: those that are kept; what the table does not have is NaN.
    ///   - required: whether the table must have all of them.
    /// - Throws: `Diagnostic` naming what was looked for and what was found.
    init(_ url: URL, among known: [Instrument], width: Int, columns: [String], required: Bool) throws {
        (self.url, self.known, self.width) = (url, known, width)
        source = try TableFileReader.open(url)
        let fields = source.fields
        func place(_ name: String) -> Int? { fields.firstIndex { $0.name == name } }
        let ofOne = known.compactMap { own in place(own.embeddingKey).map { (own, $0) } }
        let numbered = (0..<width).compactMap { place("embedding_\($0)") }
        var instrument: Instrument?
        if let array = place("embedding"), fields[array].isArray {
            places = [array]
        } else if numbered.count == width, place("embedding_\(width)") == nil {
            places = numbered
        } else if ofOne.count == 1 {
            places = [ofOne[0].1]
            instrument = ofOne[0].0
        } else {
            throw Diagnostic(
                url, field: "embedding",
                problem: ofOne.count > 1
                    ? "has several arrays: \(ofOne.map(\.0.embeddingKey).joined(separator: ", "))"
                    : "is no column of \(width) numbers; the table has "
                        + fields.prefix(8).map(\.name).joined(separator: ", "),
                remedy: "give tables that 'specclip embed' wrote with this model (.fits, .csv or .parquet)")
        }
        instrumentColumn = instrument == nil ? place("instrument") : nil
        guard instrument != nil || instrumentColumn != nil || known.count == 1 else {
            throw Diagnostic(
                url, field: "instrument", problem: "is no column of the table",
                remedy: "the model reads \(known.map(\.name).joined(separator: ", ")): say whose embeddings they are")
        }
        self.instrument = instrument ?? (instrumentColumn == nil ? known[0] : nil)
        guard let id = place("source_id") ?? place("file") else {
            throw Diagnostic(
                url, field: "source_id", problem: "is no column of the table",
                remedy: "give stars that can be told apart"
            )
        }
        sourceColumn = id
        self.columns = columns.map { name in place(name).flatMap { fields[$0].isArray ? nil : $0 } }
        if required, let missing = zip(columns, self.columns).first(where: { $0.1 == nil }) {
            throw Diagnostic(
                url, field: missing.0, problem: "is no column of the table",
                remedy: "it has \(fields.filter { !$0.isArray }.map(\.name).prefix(12).joined(separator: ", "))")
        }
    }

    func skip(_ count: Int) throws { try source.skip(count) }

    /// The next rows, instrument by instrument; none at the end.
    /// - Returns: what was read of how many rows; rows without an embedding are left out.
    func next(_ count: Int) throws -> (blocks: [Block], rows: Int) {
        let rows = try source.next(count)
        guard rows.count > 0 else { return ([], 0) }
        let values = try embeddings(rows)
        let ids = try rows.texts(sourceColumn)
        let names = try instrumentColumn.map { try rows.texts($0) }
        let kept = try columns.map { column in try column.map { try rows.scalars($0) } }
        var own: [String: [Int]] = [:]
        for row in 0..<rows.count {
            let part = values[row * width..<(row + 1) * width]
            guard part.allSatisfy(\.isFinite), part.contains(where: { $0 != 0 }) else { continue }
            own[names?[row] ?? instrument?.name ?? "", default: []].append(row)
        }
        let all = Tensor(values, shape: [rows.count, width])
        let blocks = try own.sorted { $0.key < $1.key }.map { name, places in
            Block(
                instrument: try StarReader.instrument(named: name, among: known, option: "\(url.path): instrument"),
                embeddings: places.count == rows.count ? all : all.rows(places), sourceIDs: places.map { ids[$0] },
                columns: kept.map { column in places.map { column?[$0] ?? .nan } })
        }
        return (blocks, rows.count)
    }

    private func embeddings(_ rows: any TableRows) throws -> [Float] {
        var values: [Float] = []
        values.reserveCapacity(rows.count * width)
        if places.count > 1 {
            let columns = try places.map { try rows.scalars($0) }
            for row in 0..<rows.count { for column in columns { values.append(Float(column[row])) } }
            return values
        }
        let arrays = try rows.singles(places[0])
        for row in 0..<rows.count {
            let own = arrays[row]
            guard own.count == width || own.isEmpty else {
                throw Diagnostic(
                    url, field: source.fields[places[0]].name,
                    problem: "has \(own.count) numbers; the model's embeddings have \(width)",
                    remedy: "give tables that were embedded with this model (-m)")
            }
            values += own.isEmpty ? ArraySlice(repeating: .nan, count: width) : own
        }
        return values
    }
}

/// Columns of a catalogue, found by the source ids of its rows; in memory.
public struct StarColumns: Sendable {
    private var rows: [String: Int] = [:]
    private var values: [[Float]]

    /// - Parameters:
    ///   - url: a table of any container with a column `source_id`, or a HATS catalogue of such.
    ///   - columns: those that are asked for; what it does not have is NaN.
    /// - Throws: `Diagnostic` for a table without source ids, or without any of the columns.
    public init(_ url: URL, columns: [String]) throws {
        values = columns.map { _ in [] }
        let files =
            HATSCatalogue.isCatalogue(url.path) ? try HATSCatalogue(opening: url).partitions.flatMap(\.files) : [url]
        for file in files { try add(file, columns) }
    }

    private mutating func add(_ url: URL, _ columns: [String]) throws {
        let source = try TableFileReader.open(url)
        func place(_ name: String) -> Int? { source.fields.firstIndex { $0.name == name && !$0.isArray } }
        let places = columns.map(place)
        guard let id = place("source_id"), places.contains(where: { $0 != nil }) else {
            throw Diagnostic(
                url, field: place("source_id") == nil ? "source_id" : columns.joined(separator: ", "),
                problem: "is no column of the table",
                remedy: "it has \(source.fields.filter { !$0.isArray }.map(\.name).prefix(12).joined(separator: ", "))")
        }
        while true {
            try Interruption.check()
            let block = try source.next(1 << 16)
            guard block.count > 0 else { break }
            for (row, own) in try block.texts(id).enumerated() where !own.isEmpty {
                rows[own] = (values.first?.count ?? 0) + row
            }
            for (column, place) in places.enumerated() {
                values[column] +=
                    try place.map { try block.scalars($0).map { Float($0) } }
                    ?? [Float](repeating: .nan, count: block.count)
            }
        }
    }

    /// Columns with what the catalogue says where they say nothing.
    func completing(_ columns: [[Double]], of ids: [String]) -> [[Double]] {
        let places = ids.map { rows[$0] }
        return zip(columns, values).map { own, told in
            zip(own, places).map { value, place in
                value.isNaN ? place.map { Double(told[$0]) } ?? .nan : value
            }
        }
    }
}
