import Foundation
import Support

/// Keeps two processes from training in one folder, where each would overwrite the other's checkpoints.
///
/// The file holds the process id for the reader of the message; what excludes is the system's own lock on it, which
/// ends with the process however that dies. So a file left behind by `kill -9` stands in nobody's way.
public final class RunLock {
    private let path: String
    private var descriptor: Int32

    /// Takes the lock `file`, making its folder where there is none.
    /// - Throws: `Diagnostic` when another process holds it; `Diagnostic` when it cannot be made.
    public init(_ file: URL) throws {
        path = file.path
        let folder = file.deletingLastPathComponent()
        try RunFolder.make(folder.path)
        while true {
            descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else {
                throw Diagnostic.folder(folder.path, problem: String(cString: strerror(errno)))
            }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let reason = errno
                close(descriptor)
                // Not ours: ending this object must not remove it.
                descriptor = -1
                guard reason == EWOULDBLOCK else {
                    // A file system without locks: training alone is better than not training.
                    return
                }
                throw Diagnostic.locked(folder: folder.path, process: Self.holder(path))
            }
            if isInPlace { break }
            // Its last owner removed the file between our opening and locking it.
            close(descriptor)
        }
        let text = Array("\(ProcessInfo.processInfo.processIdentifier)\n".utf8)
        ftruncate(descriptor, 0)
        _ = pwrite(descriptor, text, text.count, 0)
    }

    deinit { release() }

    /// Gives the lock back and removes its file.
    public func release() {
        guard descriptor >= 0 else { return }
        unlink(path)
        close(descriptor)
        descriptor = -1
    }

    /// Whether the locked file is still the one under that name.
    private var isInPlace: Bool {
        var (open, named) = (stat(), stat())
        return fstat(descriptor, &open) == 0 && stat(path, &named) == 0 && open.st_ino == named.st_ino
            && open.st_dev == named.st_dev
    }

    private static func holder(_ path: String) -> String? {
        let text = try? String(contentsOfFile: path, encoding: .utf8)
        return text?.split(whereSeparator: \.isWhitespace).first.map(String.init)
    }
}
