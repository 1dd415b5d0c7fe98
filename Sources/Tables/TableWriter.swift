import Foundation
import Support

/// Where the rows of a table go as they come. The file is in place, whole, only once it is finished; what is let go before
/// leaves nothing behind. Memory does not grow with the rows.
public protocol TableWriter: AnyObject {
    /// Adds rows of a table with the columns that the writer was made for.
    func append(_ rows: Table) throws
    /// Takes what the file says of itself, for formats that have a place for it: Parquet.
    func state(_ facts: [(key: String, value: String)]) throws
    /// Puts the file in place.
    func finish() throws
}

extension TableWriter {
    /// Says nothing.
    public func state(_ facts: [(key: String, value: String)]) throws {}
}

/// Room that a text column needs in formats of fixed width.
public struct TextWidth: Sendable, Hashable {
    /// Bytes of UTF-8.
    public var bytes = 1
    /// Unicode scalars.
    public var scalars = 1

    /// Room for one byte.
    public init() {}

    /// Makes room for what has room in another.
    mutating func widen(to other: TextWidth) {
        bytes = max(bytes, other.bytes)
        scalars = max(scalars, other.scalars)
    }

    /// Room for what has room in either.
    package func widened(to other: TextWidth) -> TextWidth {
        var both = self
        both.widen(to: other)
        return both
    }

    mutating func take(in values: [String]) {
        for value in values {
            bytes = max(bytes, value.utf8.count)
            scalars = max(scalars, value.unicodeScalars.count)
        }
    }
}

/// Tables as files: the format is that of the file's extension.
public enum TableFile {
    /// The formats, by extension.
    public static let extensions = ["csv", "fits", "ecsv", "vot", "npz", "json", "parquet"]
    /// The same, and catalogues in HATS, which are folders.
    public static let catalogueExtensions = extensions + ["hats"]

    /// A file for rows to come.
    /// - Parameters:
    ///   - url: the file.
    ///   - columns: without rows.
    ///   - widths: of the text columns, by name.
    /// - Throws: `Diagnostic` for another extension, or a folder that cannot be written.
    public static func create(_ url: URL, columns: Table, widths: [String: TextWidth]) throws -> any TableWriter {
        switch url.pathExtension.lowercased() {
        case "csv": try CSVWriter(url, columns)
        case "ecsv": try ArrayText(url, columns, isECSV: true)
        case "vot": try VOTableWriter(url, columns)
        case "json": try JSONWriter(url)
        case "fits", "fit": try FITSWriter(url, columns, widths)
        case "npz": try NPZWriter(url, columns, widths)
        case "parquet": try ParquetWriter(url, columns)
        case "hats": try HATSWriter(url, columns)
        default:
            throw Diagnostic(
                url, problem: "its ending names no table format",
                remedy: "use " + extensions.map { "." + $0 }.joined(separator: ", "))
        }
    }

    /// Refuses a format whose library is missing, before work begins whose results it should hold.
    /// - Parameters:
    ///   - url: what is to be written.
    ///   - isCatalogue: whether that is a folder in HATS.
    /// - Throws: `Diagnostic` for `.parquet` and `.hats` where `make parquet` was not run.
    public static func requireLibrary(for url: URL, isCatalogue: Bool = false) throws {
        if isCatalogue || ["parquet", "hats"].contains(url.pathExtension.lowercased()) {
            _ = try ParquetLibrary.functions(for: url)
        }
    }

    /// Writes a whole table, or nothing.
    public static func write(_ table: Table, to url: URL) throws {
        try table.check(url)
        let writer = try create(url, columns: table.emptied, widths: table.textWidths)
        try writer.append(table)
        try writer.finish()
    }
}

extension Table {
    /// Room that the text columns need, by name.
    package var textWidths: [String: TextWidth] {
        columns.reduce(into: [:]) { widths, column in
            if case .text(let values) = column.values { widths[column.name, default: TextWidth()].take(in: values) }
        }
    }
}

/// Comma-separated values, a header first.
private final class CSVWriter: TableWriter {
    private let file: AtomicFile

    init(_ url: URL, _ columns: Table) throws {
        file = try AtomicFile(url)
        try file.write(columns.csv(withHeader: true))
    }

    func append(_ rows: Table) throws { try file.write(rows.csv(withHeader: false)) }

    func finish() throws { try file.commit() }
}

/// An array of objects.
private final class JSONWriter: TableWriter {
    private let file: AtomicFile
    private var isFirst = true

    init(_ url: URL) throws { file = try AtomicFile(url) }

    func append(_ rows: Table) throws {
        guard rows.rowCount > 0 else { return }
        try file.write((isFirst ? "[\n" : ",\n") + rows.jsonRows.joined(separator: ",\n"))
        isFirst = false
    }

    func finish() throws {
        try file.write(isFirst ? "[]\n" : "\n]\n")
        try file.commit()
    }
}

/// One array a column; the rows lie on disk until the end.
private final class NPZWriter: TableWriter {
    private let url: URL
    private let arrays: [(name: String, rows: NPYRows)]

    init(_ url: URL, _ columns: Table, _ widths: [String: TextWidth]) throws {
        self.url = url
        arrays = try columns.columns.map { ($0.name, try NPYRows($0, widths, for: url)) }
    }

    func append(_ rows: Table) throws {
        for (array, column) in zip(arrays, rows.columns) { try array.rows.append(column) }
    }

    func finish() throws { try NPZ.write(arrays: [], rows: arrays, to: url) }
}
