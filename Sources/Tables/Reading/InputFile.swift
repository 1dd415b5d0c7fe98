import CBZip2
import CLZMA
import CZlib
import CZstd
import Foundation
import Support

/// The bytes of a file or of standard input (`-`), unpacked whatever its name: gzip, bzip2, xz, Zstandard. Read once, from the
/// beginning; pipes are as good as files. Not for use by several threads at once.
public final class InputFile {
    /// The file, as messages name it.
    public let url: URL
    /// Where its bytes lie.
    package let location: URL
    /// Its first bytes, unpacked; all of a small file.
    public private(set) var head: [UInt8] = []

    private let file: gzFile
    private var unpacker: (any Unpacker)?
    private var isHeadRead = false
    private var isAtEnd = false
    /// Bytes that it may still unpack to.
    private var room: Int
    private let most: Int
    private static let chunk = 1 << 17

    /// Opens a file.
    /// - Throws: `Diagnostic` if it is missing, empty, a folder, or its compressed data are damaged.
    public convenience init(_ url: URL) throws { try self.init(url, named: url) }

    /// Opens a file that others sent.
    /// - Parameter most: bytes that it may unpack to; nil for any number.
    package convenience init(_ url: URL, unpackingTo most: Int?) throws {
        try self.init(url, named: url, unpackingTo: most)
    }

    /// Opens a file that messages call otherwise, such as a copy of a part of another.
    package init(_ location: URL, named url: URL, unpackingTo most: Int? = nil) throws {
        (self.url, self.location) = (url, location)
        (self.most, room) = (most ?? .max, most ?? .max)
        // zlib passes on what is not compressed by gzip.
        guard let file = try location.isStandardInput ? gzdopen(dup(STDIN_FILENO), "rb") : Self.open(location) else {
            throw Diagnostic(
                url, problem: "cannot be opened (\(String(cString: strerror(errno))))", remedy: "check permissions")
        }
        self.file = file
        gzbuffer(file, UInt32(Self.chunk))
        let start = try packed()
        unpacker = Self.unpacker(of: start)
        head = try unpacker.map { try unpacked($0, start) } ?? start
        guard !head.isEmpty else { throw Diagnostic(url, problem: "is empty", remedy: "download it again") }
    }

    deinit { gzclose(file) }

    private static func open(_ url: URL) throws -> gzFile? {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw Diagnostic(url, problem: "does not exist", remedy: "check the path")
        }
        guard !isFolder.boolValue else {
            throw Diagnostic(url, problem: "is a folder", remedy: "name the files in it")
        }
        return gzopen(url.path, "rb")
    }

    /// The bytes that follow those read before, from the first on; none at the end.
    public func next() throws -> [UInt8] {
        if !isHeadRead {
            isHeadRead = true
            return head
        }
        guard !isAtEnd else { return [] }
        guard let unpacker else { return try packed() }
        while true {
            let bytes = try packed()
            isAtEnd = bytes.isEmpty
            let out = try unpacked(unpacker, bytes)
            if !out.isEmpty || isAtEnd { return out }
        }
    }

    /// Bytes of a file on disk that is not packed, for libraries that open it themselves; nil of others.
    package var plainSize: Int? {
        guard unpacker == nil, gzdirect(file) == 1, !location.isStandardInput else { return nil }
        let values = try? location.resourceValues(forKeys: [.fileSizeKey, .isRegularFileKey])
        return values?.isRegularFile == true ? values?.fileSize : nil
    }

    /// All that is left.
    public func all() throws -> Data {
        var data = Data()
        while case let bytes = try next(), !bytes.isEmpty { data.append(contentsOf: bytes) }
        return data
    }

    private func packed() throws -> [UInt8] {
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, count in
            code = gzread(file, buffer.baseAddress, UInt32(Self.chunk))
            count = max(0, Int(code))
        }
        var status: Int32 = 0
        let message = gzerror(file, &status).map { String(cString: $0) } ?? ""
        guard code >= 0, status == Z_OK else { throw damaged(message) }
        // What lies on disk as it is takes no more memory than was sent.
        if gzdirect(file) == 0 { try take(bytes.count) }
        return bytes
    }

    private func unpacked(_ unpacker: any Unpacker, _ bytes: [UInt8]) throws -> [UInt8] {
        do {
            let out = try unpacker.unpack(bytes, most: room)
            try take(out.count)
            return out
        } catch let problem as UnpackingProblem {
            throw problem.isBeyond ? Diagnostic(url, unpacksBeyond: most) : damaged(problem.text)
        }
    }

    private func take(_ bytes: Int) throws {
        room -= bytes
        if room < 0 { throw Diagnostic(url, unpacksBeyond: most) }
    }

    private func damaged(_ message: String) -> Diagnostic {
        Diagnostic(
            url, problem: "its compressed data are damaged or cut short (\(message))", remedy: "download it again")
    }

    private static func unpacker(of start: [UInt8]) -> (any Unpacker)? {
        if start.starts(with: Array("BZh".utf8)) { return BZip2Unpacker() }
        if start.starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]) { return XZUnpacker() }
        if start.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) { return ZstdUnpacker() }
        return nil
    }
}

extension Diagnostic {
    /// A packed file that is too large for a reader with limits.
    init(_ url: URL, field: String = "", unpacksBeyond bytes: Int) {
        self.init(
            url, field: field, problem: "unpacks to more than \(bytes) bytes",
            remedy: "send it in parts, or read it with the command")
    }
}

extension URL {
    /// Whether `-` was given for a file.
    package var isStandardInput: Bool { relativePath == "-" || path == "/dev/stdin" }
}

/// The bytes of a file, unpacked.
package enum FileBytes {
    /// Reads the file at `url`.
    ///
    /// - Throws: `Diagnostic` if it is missing, empty, a folder, or its compressed data are damaged.
    package static func read(_ url: URL) throws -> Data { try InputFile(url).all() }
}

/// Turns packed bytes into those they stand for, as they come.
private protocol Unpacker: AnyObject {
    /// - Parameters:
    ///   - bytes: the next; none at the end of the file.
    ///   - most: bytes that may come out.
    /// - Throws: `UnpackingProblem`.
    func unpack(_ bytes: [UInt8], most: Int) throws -> [UInt8]
}

private struct UnpackingProblem: Error {
    let text: String
    /// Whether more came out than may.
    var isBeyond = false
    static let cutShort = UnpackingProblem(text: "unexpected end of file")
    static let beyond = UnpackingProblem(text: "too many bytes", isBeyond: true)
}

/// Room for what comes out at once.
private let pieceSize = 1 << 18

private final class BZip2Unpacker: Unpacker {
    private var stream = bz_stream()
    private var isOpen = false
    private var wasFinished = false

    deinit { if isOpen { BZ2_bzDecompressEnd(&stream) } }

    func unpack(_ bytes: [UInt8], most: Int) throws -> [UInt8] {
        if bytes.isEmpty {
            guard wasFinished else { throw UnpackingProblem.cutShort }
            return []
        }
        var (input, out) = (bytes, [UInt8]())
        var piece = [CChar](repeating: 0, count: pieceSize)
        try input.withUnsafeMutableBytes { input in
            stream.next_in = input.bindMemory(to: CChar.self).baseAddress
            stream.avail_in = UInt32(input.count)
            while true {
                if !isOpen {
                    // Streams may follow each other.
                    guard stream.avail_in > 0 else { return }
                    guard BZ2_bzDecompressInit(&stream, 0, 0) == BZ_OK else {
                        throw UnpackingProblem(text: "no memory")
                    }
                    (isOpen, wasFinished) = (true, false)
                }
                let (status, count) = piece.withUnsafeMutableBufferPointer { piece in
                    stream.next_out = piece.baseAddress
                    stream.avail_out = UInt32(piece.count)
                    return (BZ2_bzDecompress(&stream), piece.count - Int(stream.avail_out))
                }
                out += piece[..<count].lazy.map { UInt8(bitPattern: $0) }
                guard out.count <= most else { throw UnpackingProblem.beyond }
                switch status {
                case BZ_STREAM_END:
                    let rest = (stream.next_in, stream.avail_in)
                    BZ2_bzDecompressEnd(&stream)
                    stream = bz_stream()
                    (stream.next_in, stream.avail_in) = rest
                    (isOpen, wasFinished) = (false, true)
                case BZ_OK:
                    if stream.avail_in == 0 && stream.avail_out > 0 { return }
                default: throw UnpackingProblem(text: "bzip2 error \(status)")
                }
            }
        }
        return out
    }
}

private final class XZUnpacker: Unpacker {
    private var stream = lzma_stream()
    private let opened: Bool
    private var isFinished = false

    /// `LZMA_CONCATENATED`: streams may follow each other. (The header's cast keeps Swift from seeing it.)
    private static let concatenated: UInt32 = 0x08

    init() { opened = lzma_stream_decoder(&stream, 1 << 30, Self.concatenated) == LZMA_OK }

    deinit { lzma_end(&stream) }

    func unpack(_ bytes: [UInt8], most: Int) throws -> [UInt8] {
        guard opened else { throw UnpackingProblem(text: "no memory") }
        var out: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: pieceSize)
        try bytes.withUnsafeBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = input.count
            while !isFinished {
                let (status, count) = piece.withUnsafeMutableBufferPointer { piece in
                    stream.next_out = piece.baseAddress
                    stream.avail_out = piece.count
                    let status = lzma_code(&stream, bytes.isEmpty ? LZMA_FINISH : LZMA_RUN)
                    return (status, piece.count - stream.avail_out)
                }
                out += piece[..<count]
                guard out.count <= most else { throw UnpackingProblem.beyond }
                switch status {
                case LZMA_STREAM_END: isFinished = true
                case LZMA_OK:
                    if bytes.isEmpty && count == 0 { throw UnpackingProblem.cutShort }
                    if !bytes.isEmpty && stream.avail_in == 0 && stream.avail_out > 0 { return }
                case LZMA_BUF_ERROR:
                    if bytes.isEmpty { throw UnpackingProblem.cutShort }
                    return
                default: throw UnpackingProblem(text: "xz error \(status.rawValue)")
                }
            }
        }
        return out
    }
}

private final class ZstdUnpacker: Unpacker {
    private let stream = ZSTD_createDStream()
    private var isBetweenFrames = false

    deinit { ZSTD_freeDStream(stream) }

    func unpack(_ bytes: [UInt8], most: Int) throws -> [UInt8] {
        if bytes.isEmpty {
            guard isBetweenFrames else { throw UnpackingProblem.cutShort }
            return []
        }
        var out: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: pieceSize)
        try bytes.withUnsafeBytes { bytes in
            var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
            while true {
                let (status, count) = piece.withUnsafeMutableBytes { piece in
                    var output = ZSTD_outBuffer(dst: piece.baseAddress, size: piece.count, pos: 0)
                    return (ZSTD_decompressStream(stream, &output, &input), output.pos)
                }
                if ZSTD_isError(status) != 0 {
                    throw UnpackingProblem(text: String(cString: ZSTD_getErrorName(status)))
                }
                isBetweenFrames = status == 0
                out += piece[..<count]
                guard out.count <= most else { throw UnpackingProblem.beyond }
                if input.pos == input.size && count < pieceSize { return }
            }
        }
        return out
    }
}
