import CLZMA
import CZlib
import Foundation
import Support

/// A file without the `.gz` or `.xz` that may be around it, whatever its name: unpacked into a temporary file that has
/// no name and vanishes with its descriptor.
enum PlainFile {
    /// An open descriptor on the plain bytes; the caller closes it.
    static func open(_ url: URL) throws -> Int32 {
        let path = url.path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw Diagnostic(path, problem: "does not exist; check the path")
        }
        guard !isFolder.boolValue else { throw Diagnostic(path, problem: "is a folder; name the file in it") }
        #if canImport(Darwin)
            let descriptor = Darwin.open(path, O_RDONLY | O_CLOEXEC)
        #else
            let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        #endif
        guard descriptor >= 0 else {
            throw Diagnostic(
                path, problem: "cannot be opened (\(String(cString: strerror(errno)))); check permissions")
        }
        var start = [UInt8](repeating: 0, count: 10)
        let count = max(0, pread(descriptor, &start, start.count, 0))
        do {
            let packing = try packing(Array(start.prefix(count)), path)
            guard let packing else { return descriptor }
            let unpacked = try unpack(descriptor, packing, path)
            close(descriptor)
            return unpacked
        } catch {
            close(descriptor)
            throw error
        }
    }

    private enum Packing { case gzip, xz }

    /// How the bytes are packed; `nil` for a zip archive. Says what other files are that are often mistaken for one.
    private static func packing(_ start: [UInt8], _ path: String) throws -> Packing? {
        if start.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return nil }
        if start.starts(with: [0x1F, 0x8B]) { return .gzip }
        if start.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) { return .xz }
        if start.isEmpty { throw Diagnostic(path, problem: "is empty; get it again") }
        if start.count == 10, start[0] == 0x80, start[1] <= 5 {
            throw Diagnostic(
                path, problem: "is a pickle or a checkpoint from before PyTorch 1.6; load it there and save it again")
        }
        if start.count == 10, start[8] == UInt8(ascii: "{") {
            throw Diagnostic(path, problem: "is a safetensors file, not a PyTorch checkpoint")
        }
        throw Diagnostic(path, problem: "is no PyTorch checkpoint (no zip archive); give a .ckpt or .pt file")
    }

    private static func unpack(_ source: Int32, _ packing: Packing, _ path: String) throws -> Int32 {
        var template = Array((NSTemporaryDirectory() + "/specclip-XXXXXX").utf8CString)
        let target = mkstemp(&template)
        guard target >= 0 else {
            throw Diagnostic(path, problem: "cannot be unpacked: no temporary file can be made; set TMPDIR")
        }
        unlink(template)
        do {
            var room = freeBytes(target)
            let write: (UnsafeRawBufferPointer) throws -> Void = { bytes in
                room -= bytes.count
                guard room > 0, Self.write(bytes, to: target) else {
                    throw Diagnostic(
                        path,
                        problem: "does not fit unpacked on the disk of \(NSTemporaryDirectory()); free some space "
                            + "or set TMPDIR")
                }
            }
            switch packing {
            case .gzip: try gunzip(source, path, write)
            case .xz: try unxz(source, path, write)
            }
            return target
        } catch {
            close(target)
            throw error
        }
    }

    /// Free bytes of the disk behind a file, less a reserve for others.
    private static func freeBytes(_ descriptor: Int32) -> Int {
        var facts = statvfs()
        guard fstatvfs(descriptor, &facts) == 0 else { return 1 << 36 }
        return Int(facts.f_bavail) * Int(facts.f_frsize) - (1 << 28)
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
        var done = 0
        while done < bytes.count, let start = bytes.baseAddress {
            #if canImport(Darwin)
                let count = Darwin.write(descriptor, start + done, bytes.count - done)
            #else
                let count = Glibc.write(descriptor, start + done, bytes.count - done)
            #endif
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    private static func gunzip(
        _ source: Int32, _ path: String, _ write: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard let file = gzdopen(dup(source), "rb") else {
            throw Diagnostic(path, problem: "cannot be unpacked")
        }
        defer { gzclose(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = gzread(file, &buffer, UInt32(buffer.count))
            var code: Int32 = 0
            _ = gzerror(file, &code)
            guard count >= 0, code == Z_OK || code == Z_STREAM_END else {
                throw Diagnostic(path, problem: "its gzip data are damaged or cut short; get it again")
            }
            if count == 0 { return }
            try buffer.withUnsafeBytes { try write(UnsafeRawBufferPointer(rebasing: $0[..<Int(count)])) }
        }
    }

    private static func unxz(
        _ source: Int32, _ path: String, _ write: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var stream = lzma_stream()
        // A dictionary of up to 256 MiB; the largest preset of xz needs 64.
        guard lzma_stream_decoder(&stream, 1 << 28, 0) == LZMA_OK else {
            throw Diagnostic(path, problem: "cannot be unpacked")
        }
        defer { lzma_end(&stream) }
        let (input, output) = (
            UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1 << 16),
            UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1 << 18)
        )
        defer {
            input.deallocate()
            output.deallocate()
        }
        var position: off_t = 0
        var code = LZMA_OK
        while code == LZMA_OK {
            if stream.avail_in == 0 {
                let count = pread(source, input.baseAddress, input.count, position)
                position += off_t(max(0, count))
                stream.next_in = UnsafePointer(input.baseAddress)
                stream.avail_in = max(0, count)
            }
            stream.next_out = output.baseAddress
            stream.avail_out = output.count
            code = lzma_code(&stream, stream.avail_in == 0 ? LZMA_FINISH : LZMA_RUN)
            try write(
                UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(output)[..<(output.count - stream.avail_out)]))
        }
        guard code == LZMA_STREAM_END else {
            throw Diagnostic(path, problem: "its xz data are damaged or cut short; get it again")
        }
    }
}
