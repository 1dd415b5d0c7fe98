import Foundation

/// A file being written under a temporary name in its final folder; it takes its name when committed and vanishes otherwise.
final class AtomicFile {
    private let path: String
    private let temporary: String
    private var descriptor: Int32

    /// - Throws: ``TorchError/file(_:reason:)``
    init(path: String) throws {
        self.path = path
        let folder = (path as NSString).deletingLastPathComponent
        let name = (path as NSString).lastPathComponent
        let hidden = ".\(name.prefix(200)).\(UInt64.random(in: 0...UInt64.max)).tmp"
        temporary = (folder as NSString).appendingPathComponent(hidden)
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure() }
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unlink(temporary)
        }
    }

    private func failure() -> TorchError {
        let reason = errno
        let remedy =
            switch reason {
            case ENOSPC, EDQUOT, EFBIG: "; free some space, or write elsewhere"
            case EACCES, EPERM, EROFS, ENOENT, ENOTDIR: "; choose a folder that can be written"
            default: ""
            }
        return .file(path, reason: "cannot be written: \(String(cString: strerror(reason)))\(remedy)")
    }

    func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while let start = UnsafeRawBufferPointer(rebasing: rest).baseAddress, !rest.isEmpty {
            // Linux writes at most 2 GiB at once.
            #if canImport(Darwin)
                let written = Darwin.write(descriptor, start, min(rest.count, 1 << 30))
            #else
                let written = Glibc.write(descriptor, start, min(rest.count, 1 << 30))
            #endif
            if written < 0 {
                if errno == EINTR { continue }
                throw failure()
            }
            rest = rest.dropFirst(written)
        }
    }

    /// Puts the file in its place. A crash of the machine leaves either the old file or the whole new one.
    func commit() throws {
        guard fsync(descriptor) == 0, rename(temporary, path) == 0 else { throw failure() }
        close(descriptor)
        descriptor = -1
    }
}
