import CXXHash
import Foundation
import Synchronization

/// Hashes of what files and texts hold: equal for a copy, wherever it lies; another for a file that was made anew with other
/// numbers.
///
/// XXH3 with 128 bits (https://xxhash.com), as fast as files are read: it tells accidents, not adversaries. 32 hexadecimal
/// digits, as `xxhsum -H2` prints them.
public enum ContentHash {
    /// The hash of some bytes.
    public static func of(_ bytes: UnsafeRawBufferPointer) -> String {
        text(of: XXH3_128bits(bytes.baseAddress, bytes.count))
    }

    private static func text(of hash: XXH128_hash_t) -> String {
        [hash.high64, hash.low64].map { part in
            let digits = String(part, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// The hash of a text, for settings too long to keep.
    public static func of(_ text: String) -> String {
        Array(text.utf8).withUnsafeBytes(of)
    }

    /// The hash of a file; "missing" where it cannot be read.
    ///
    /// A file is read once per process, and again when it was written or replaced since.
    public static func of(_ file: URL) -> String {
        guard let state = FileState(file) else { return "missing" }
        if let known = known.withLock({ $0[state] }) { return known }
        guard let hash = try? hash(of: file) else { return "missing" }
        known.withLock { $0[state] = hash }
        return hash
    }

    /// Piece by piece: a file that was mapped as a whole would count as memory of the process.
    private static func hash(of file: URL) throws -> String {
        let handle = try FileHandle(forReadingFrom: file)
        defer { try? handle.close() }
        let state = XXH3_createState()
        defer { XXH3_freeState(state) }
        XXH3_128bits_reset(state)
        while let piece = try handle.read(upToCount: 4 << 20), !piece.isEmpty {
            piece.withUnsafeBytes { _ = XXH3_128bits_update(state, $0.baseAddress, $0.count) }
        }
        return text(of: XXH3_128bits_digest(state))
    }

    private static let known = Mutex<[FileState: String]>([:])
}

/// What changes when a file is written or replaced.
private struct FileState: Hashable {
    let path: String
    let inode: UInt64, size: Int64, seconds: Int, nanoseconds: Int

    init?(_ file: URL) {
        var status = stat()
        guard stat(file.path, &status) == 0 else { return nil }
        #if os(Linux)
            let modified = status.st_mtim
        #else
            let modified = status.st_mtimespec
        #endif
        path = file.path
        (inode, size) = (UInt64(status.st_ino), Int64(status.st_size))
        (seconds, nanoseconds) = (modified.tv_sec, modified.tv_nsec)
    }
}

/// Whether a result exists and is no older than the files it was made from: a process may be killed between the two.
public func isUpToDate(_ output: URL, after sources: [URL]) -> Bool {
    func time(_ url: URL) -> Date? {
        (try? FileManager.default.attributesOfItem(atPath: url.path))?[.modificationDate] as? Date
    }
    guard let written = time(output) else { return false }
    return sources.allSatisfy { source in time(source).map { written >= $0 } ?? true }
}
