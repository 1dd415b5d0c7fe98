import CZip
import Foundation
import Support

/// The rows of an array `[n]` or `[n, width]` that is written to disk as it comes, for an ``NPZ`` that need not fit into
/// memory.
///
/// The rows lie in a file without a name beside the archive to be: however the program ends, nothing stays behind.
public final class NPYRows {
    /// Rows so far.
    public private(set) var count = 0
    /// Type and width of a row as NumPy describes them: `<f4`, `<U19`, ….
    private let type: String
    /// Values a row; nil for one value a row, an array of one axis.
    private let width: Int?
    /// Unicode scalars of a text.
    private let scalars: Int
    private let url: URL
    private var file: UnsafeMutablePointer<FILE>?
    /// Room for the header, which is known at the end.
    private static let headerSize = 128

    /// Rows of a column's kind.
    /// - Parameters:
    ///   - column: without rows.
    ///   - widths: of text columns, by name.
    ///   - url: the archive that the rows will go to.
    /// - Throws: `Diagnostic` if its folder cannot be written.
    public init(_ column: Column, _ widths: [String: TextWidth] = [:], for url: URL) throws {
        self.url = url
        scalars = widths[column.name]?.scalars ?? 1
        (type, width) =
            switch column.values {
            case .text: ("<U\(scalars)", nil)
            case .integers: ("<i8", nil)
            case .numbers: ("<f8", nil)
            case .vectors(_, let width): ("<f4", width)
            }
        let folder = url.deletingLastPathComponent().path
        var path = Array("\(folder)/.\(url.lastPathComponent).XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        guard descriptor >= 0 else { throw Diagnostic(cannotWrite: url.path, errno: errno) }
        unlink(path)
        file = fdopen(descriptor, "w+b")
        if file == nil { close(descriptor) }
        try put(Data(count: Self.headerSize))
    }

    deinit { if let file { fclose(file) } }

    /// Adds the rows of a column of the same kind.
    ///
    /// - Throws: `Diagnostic` when the disk is full.
    public func append(_ column: Column) throws {
        switch column.values {
        case .integers(let values): try put(values.map { Int64($0).littleEndian })
        case .numbers(let values): try put(values.map(\.bitPattern.littleEndian))
        case .vectors(let values, _): try put(values.map(\.bitPattern.littleEndian))
        case .text(let values):
            try put(
                values.flatMap { value in
                    let own = value.unicodeScalars.prefix(scalars).map(\.value.littleEndian)
                    return own + [UInt32](repeating: 0, count: scalars - own.count)
                })
        }
        count += column.rowCount
    }

    /// The finished array as a source of the archive, which closes the file; there is but one.
    func source(for archive: OpaquePointer) throws -> OpaquePointer? {
        guard let file else { return nil }
        let header = NPYFormat.header(type: type, shape: [count] + (width.map { [$0] } ?? []), size: Self.headerSize)
        guard fseek(file, 0, SEEK_SET) == 0 else { throw failure() }
        try put(header)
        // libzip counts from where the file stands.
        guard fflush(file) == 0, fseek(file, 0, SEEK_SET) == 0 else { throw failure() }
        guard let source = zip_source_filep(archive, file, 0, -1) else { return nil }
        self.file = nil
        return source
    }

    private func put(_ values: [some BitwiseCopyable]) throws { try put(values.withUnsafeBytes { Data($0) }) }

    private func put(_ data: Data) throws {
        let written = data.withUnsafeBytes { bytes in
            file.map { fwrite(bytes.baseAddress, 1, bytes.count, $0) } ?? 0
        }
        guard written == data.count else { throw failure() }
    }

    private func failure() -> Diagnostic { Diagnostic(cannotWrite: url.path, errno: errno) }
}
