import CParquet
import Foundation
import Support

/// A Parquet file (https://parquet.apache.org/docs/file-format/), read batch by batch through Apache Arrow. Fields of structures
/// are named `outer.inner`, whether a structure holds lists or a list structures; null is missing.
package final class ParquetTable: TableSource {
    package let fields: [Field]
    package let rowCount: Int?
    fileprivate let url: URL
    fileprivate let library: CParquet
    fileprivate let reader: OpaquePointer
    /// Tells the rows that were read last from earlier ones, which are gone.
    fileprivate private(set) var turn = 0

    /// Whether these are the first bytes of a Parquet file.
    package static func recognises(_ head: Data) -> Bool { head.starts(with: Data("PAR1".utf8)) }

    /// Whether such files can be read here: `make parquet` was run.
    package static var isPossible: Bool { ParquetLibrary.isPresent }

    /// - Throws: `Diagnostic` for damaged files, and where the library is missing.
    package init(_ file: InputFile) throws {
        url = file.url
        let library = try ParquetLibrary.functions(for: file.url)
        self.library = library
        // A copy may go when it is open.
        let disk = try DiskFile(file)
        var message: UnsafeMutablePointer<CChar>?
        guard let reader = withExtendedLifetime(disk, { library.open(disk.url.path, &message) }) else {
            throw Self.failure(message, library, file.url)
        }
        self.reader = reader
        rowCount = Int(library.row_count(reader))
        fields = (0..<library.column_count(reader)).map { index in
            let column = library.column(reader, index)
            let kind: Field.Kind =
                switch column.kind {
                case c_parquet_text: .text
                case c_parquet_integer: .integer
                case c_parquet_single: .single
                case c_parquet_double: .double
                case c_parquet_logical: .logical
                default: .other
                }
            return Field(
                String(cString: column.name), column.is_array != 0 && kind == .text ? .other : kind,
                isArray: column.is_array != 0, unit: String(cString: column.unit))
        }
    }

    deinit { library.close(reader) }

    /// What the file says of itself under a key, in the metadata of its footer.
    package func statement(_ key: String) -> String? {
        library.statement(reader, key).map { String(cString: $0) }
    }

    package func next(_ count: Int) throws -> any TableRows {
        turn += 1
        var message: UnsafeMutablePointer<CChar>?
        // Batches end with row groups; an empty answer is the end.
        let found = count > 0 ? library.next(reader, Int64(count), &message) : 0
        guard found >= 0 else { throw failure(message) }
        return ParquetRows(table: self, count: Int(found), turn: turn)
    }

    fileprivate func failure(_ message: UnsafeMutablePointer<CChar>?, _ field: String = "") -> Diagnostic {
        Self.failure(message, library, url, field)
    }

    private static func failure(
        _ message: UnsafeMutablePointer<CChar>?, _ library: CParquet, _ url: URL, _ field: String = ""
    ) -> Diagnostic {
        let text = message.map { String(cString: $0) } ?? "no memory"
        library.free(message)
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ").prefix(160)
        return Diagnostic(
            url, field: field, problem: "is damaged Parquet, or of a kind that is not read (\(line))",
            remedy: "write or download it again")
    }
}

private struct ParquetRows: TableRows {
    let table: ParquetTable
    let count: Int
    let turn: Int

    private func check() throws {
        guard turn == table.turn else { throw Diagnostic(table.url, problem: "its rows were read past") }
    }

    private func numbers(_ column: Int) throws -> CParquetNumbers {
        try check()
        var (numbers, message) = (CParquetNumbers(), UnsafeMutablePointer<CChar>?.none)
        guard table.library.numbers(table.reader, Int32(column), &numbers, &message) == 0 else {
            throw table.failure(message, table.fields[column].name)
        }
        return numbers
    }

    func scalars(_ column: Int) throws -> [Double] {
        guard count > 0 else { return [] }
        if table.fields[column].kind == .text {
            return try texts(column).map { try table.fields[column].number($0, in: table.url) }
        }
        if table.fields[column].isArray { return try arrays(column).map { $0.first ?? .nan } }
        return Array(UnsafeBufferPointer(start: try numbers(column).values, count: count))
    }

    func arrays(_ column: Int) throws -> [[Double]] {
        guard count > 0 else { return [] }
        let found = try numbers(column)
        guard let ends = found.ends else { return try scalars(column).map { $0.isNaN ? [] : [$0] } }
        return (0..<count).map { row in
            let start = row > 0 ? Int(ends[row - 1]) : 0
            return Array(UnsafeBufferPointer(start: found.values.map { $0 + start }, count: Int(ends[row]) - start))
        }
    }

    func singles(_ column: Int) throws -> RowNumbers {
        guard count > 0, table.fields[column].isArray else {
            return try RowNumbers(joining: arrays(column).map { $0.map { Float($0) } })
        }
        let found = try numbers(column)
        var rows = RowNumbers()
        for row in 0..<count {
            let (start, end) = (row > 0 ? Int(found.ends[row - 1]) : 0, Int(found.ends[row]))
            rows.append(
                UnsafeBufferPointer(start: found.values.map { $0 + start }, count: end - start).map { Float($0) })
        }
        return rows
    }

    func texts(_ column: Int) throws -> [String] {
        guard count > 0 else { return [] }
        try check()
        switch table.fields[column].kind {
        case .single, .double, .logical: return try scalars(column).map(table.fields[column].text)
        case .text, .integer, .other:
            var (texts, message) = (CParquetTexts(), UnsafeMutablePointer<CChar>?.none)
            guard table.library.texts(table.reader, Int32(column), &texts, &message) == 0 else {
                throw table.failure(message, table.fields[column].name)
            }
            let bytes = UnsafeRawBufferPointer(start: texts.bytes, count: Int(texts.ends[count - 1]))
            return (0..<count).map { row in
                let start = row > 0 ? Int(texts.ends[row - 1]) : 0
                return String(decoding: bytes[start..<Int(texts.ends[row])], as: UTF8.self)
            }
        }
    }
}
