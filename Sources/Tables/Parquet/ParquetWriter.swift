import CParquet
import Foundation
import Support

/// Parquet through Apache Arrow: zstd, floating-point numbers split into streams of bytes, which is how LSDB writes them; vectors
/// are lists, units stand in the metadata of the fields. Columns `outer.inner` that follow each other are one structure; a vector
/// `outer.mask` is of truth values.
final class ParquetWriter: TableWriter {
    /// The file, as the library writes it.
    private final class Target {
        let file: AtomicFile
        var error: (any Error)?

        init(_ file: AtomicFile) { self.file = file }
    }

    private let url: URL
    private let library: CParquet
    private let target: Target
    private let writer: OpaquePointer

    init(_ url: URL, _ columns: Table) throws {
        self.url = url
        library = try ParquetLibrary.functions(for: url)
        target = Target(try AtomicFile(url))
        let texts: [[UnsafeMutablePointer<CChar>?]] = columns.columns.map { column in
            [strdup(column.name), strdup(column.asciiUnit), strdup(column.meaning)]
        }
        let outputs = zip(columns.columns, texts).map { column, texts -> CParquetOutput in
            let (kind, width): (CParquetKind, Int) =
                switch column.values {
                case .text: (c_parquet_text, 0)
                case .integers: (c_parquet_integer, 0)
                case .numbers: (c_parquet_double, 0)
                case .vectors(_, let width):
                    (column.name.hasSuffix(".mask") ? c_parquet_logical : c_parquet_single, width)
                }
            return CParquetOutput(name: texts[0], kind: kind, width: Int64(width), unit: texts[1], meaning: texts[2])
        }
        defer { texts.joined().forEach { free($0) } }
        var message: UnsafeMutablePointer<CChar>?
        let pointer = Unmanaged.passUnretained(target).toOpaque()
        guard let writer = library.create(outputs, Int32(outputs.count), Self.write, pointer, &message) else {
            throw Self.failure(message, library, target, url)
        }
        self.writer = writer
    }

    /// Hands bytes of the library to the file.
    private static let write: CParquetWrite = { target, bytes, count in
        guard let target else { return -1 }
        let own = Unmanaged<Target>.fromOpaque(target).takeUnretainedValue()
        do {
            try own.file.write(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
            return 0
        } catch {
            own.error = error
            return -1
        }
    }

    deinit { library.discard(writer) }

    func append(_ rows: Table) throws {
        guard rows.rowCount > 0 else { return }
        try lend(rows.columns[...], []) { values in
            var message: UnsafeMutablePointer<CChar>?
            guard library.append(writer, Int64(rows.rowCount), values, &message) == 0 else {
                throw Self.failure(message, library, target, url)
            }
        }
    }

    func state(_ facts: [(key: String, value: String)]) throws {
        for fact in facts {
            var message: UnsafeMutablePointer<CChar>?
            guard library.state(writer, fact.key, fact.value, &message) == 0 else {
                throw Self.failure(message, library, target, url)
            }
        }
    }

    func finish() throws {
        var message: UnsafeMutablePointer<CChar>?
        guard library.finish(writer, &message) == 0 else { throw Self.failure(message, library, target, url) }
        try target.file.commit()
    }

    /// Writes a file of the columns of another, without rows.
    static func writeSchema(of file: URL, to url: URL) throws {
        let library = try ParquetLibrary.functions(for: url)
        let target = Target(try AtomicFile(url))
        var message: UnsafeMutablePointer<CChar>?
        guard library.write_schema(file.path, Self.write, Unmanaged.passUnretained(target).toOpaque(), &message) == 0
        else { throw failure(message, library, target, url) }
        try target.file.commit()
    }

    /// Lends the values of all columns, one after the other.
    private func lend(
        _ columns: ArraySlice<Column>, _ lent: [CParquetValues], _ body: ([CParquetValues]) throws -> Void
    ) throws {
        guard let column = columns.first else { return try body(lent) }
        var own = CParquetValues()
        func next() throws { try lend(columns.dropFirst(), lent + [own], body) }
        switch column.values {
        case .integers(let values):
            try values.map { Int64($0) }.withUnsafeBufferPointer {
                own.integers = $0.baseAddress
                try next()
            }
        case .numbers(let values):
            try values.withUnsafeBufferPointer {
                own.doubles = $0.baseAddress
                try next()
            }
        case .vectors(let values, _):
            try values.withUnsafeBufferPointer {
                own.singles = $0.baseAddress
                try next()
            }
        case .text(let values):
            var (bytes, ends): ([CChar], [Int64]) = ([], [])
            for value in values {
                bytes += value.utf8.map { CChar(bitPattern: $0) }
                ends.append(Int64(bytes.count))
            }
            // An empty array has no address.
            bytes.append(0)
            try bytes.withUnsafeBufferPointer { bytes in
                try ends.withUnsafeBufferPointer { ends in
                    own.texts = CParquetTexts(bytes: bytes.baseAddress, ends: ends.baseAddress)
                    try next()
                }
            }
        }
    }

    private static func failure(
        _ message: UnsafeMutablePointer<CChar>?, _ library: CParquet, _ target: Target, _ url: URL
    ) -> any Error {
        let text = message.map { String(cString: $0) } ?? "no memory"
        library.free(message)
        return target.error
            ?? Diagnostic(
                url, problem: "cannot be written as Parquet (\(text.prefix(160)))",
                remedy: "check free space and permissions")
    }
}
