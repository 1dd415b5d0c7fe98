import CZip
import Foundation

/// The rows of a 32-bit array `[n, width]` that is written to disk as it comes, for an ``NPZ`` that need not fit into
/// memory.
///
/// The rows lie in a file without a name beside the archive to be: however the program ends, nothing stays behind.
public final class NPYRows {
    /// Values a row.
    public let width: Int
    /// Rows so far.
    public private(set) var count = 0
    private let url: URL
    private var file: UnsafeMutablePointer<FILE>?
    /// Room for the header, which is known at the end.
    private static let headerSize = 128

    /// - Parameters:
    ///   - width: values a row.
    ///   - url: the archive that the rows will go to.
    /// - Throws: ``SpectrumError`` if its folder cannot be written.
    public init(width: Int, for url: URL) throws {
        self.width = width
        self.url = url
        let folder = url.deletingLastPathComponent().path
        var path = Array("\(folder)/.\(url.lastPathComponent).XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        guard descriptor >= 0 else {
            throw SpectrumError(
                url, problem: "its folder cannot be written (\(String(cString: strerror(errno))))",
                remedy: "choose a folder that can be written")
        }
        unlink(path)
        file = fdopen(descriptor, "w+b")
        if file == nil { close(descriptor) }
        try put(Data(count: Self.headerSize))
    }

    deinit { if let file { fclose(file) } }

    /// Adds whole rows.
    ///
    /// - Precondition: the number of values is a multiple of the width.
    /// - Throws: ``SpectrumError`` when the disk is full.
    public func append(_ values: [Float]) throws {
        precondition(values.count.isMultiple(of: max(1, width)), "\(values.count) values are no rows of \(width)")
        try put(values.withUnsafeBytes { Data($0) })
        count += values.count / max(1, width)
    }

    /// The finished array as a source of the archive, which closes the file; there is but one.
    func source(for archive: OpaquePointer) throws -> OpaquePointer? {
        guard let file else { return nil }
        let header = NPYFormat.header(type: "<f4", shape: [count, width], size: Self.headerSize)
        guard fseek(file, 0, SEEK_SET) == 0 else { throw failure() }
        try put(header)
        // libzip counts from where the file stands.
        guard fflush(file) == 0, fseek(file, 0, SEEK_SET) == 0 else { throw failure() }
        guard let source = zip_source_filep(archive, file, 0, -1) else { return nil }
        self.file = nil
        return source
    }

    private func put(_ data: Data) throws {
        let written = data.withUnsafeBytes { bytes in
            file.map { fwrite(bytes.baseAddress, 1, bytes.count, $0) } ?? 0
        }
        guard written == data.count else { throw failure() }
    }

    private func failure() -> SpectrumError {
        SpectrumError(
            url, problem: "cannot be written (\(String(cString: strerror(errno))))",
            remedy: "check free space and permissions")
    }
}
