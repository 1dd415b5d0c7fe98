import Foundation
import Support
import Synchronization

/// A folder that only this user may look into, made when the first file comes, removed with the last who holds it: requests without
/// files cost the file system nothing.
final class PrivateFolder: Sendable {
    /// Where it is, or will be.
    let url: URL
    private let isMade = Mutex(false)

    /// A folder within another.
    init(in parent: URL) { url = parent.appending(path: UUID().uuidString) }

    /// The folder, which is there now.
    func made() throws -> URL {
        try isMade.withLock { isMade in
            guard !isMade else { return }
            guard mkdir(url.path, 0o700) == 0 else { throw Diagnostic(cannotWrite: url.path, errno: errno) }
            isMade = true
        }
        return url
    }

    deinit { if isMade.withLock(\.self) { try? FileManager.default.removeItem(at: url) } }
}

/// Where a server keeps what it is sent, until it stops. What servers left behind that were killed is removed by the next.
final class ServerFolder: Sendable {
    let url: URL
    /// Held as long as the server lives, whatever ends it.
    private let lock: Int32
    private static let prefix = "specclip-serve-"

    init(in parent: URL = FileManager.default.temporaryDirectory) throws {
        Self.removeAbandoned(in: parent)
        url = parent.appending(path: Self.prefix + UUID().uuidString)
        guard mkdir(url.path, 0o700) == 0 else { throw Diagnostic(cannotWrite: url.path, errno: errno) }
        lock = Self.lock(url)
        guard lock >= 0 else { throw Diagnostic(cannotWrite: url.path, errno: errno) }
    }

    deinit {
        remove()
        close(lock)
    }

    /// Removes all that it holds: a process may end before the last who holds the folder lets go.
    func remove() { try? FileManager.default.removeItem(at: url) }

    /// - Returns: a file descriptor; negative where another process has the folder.
    private static func lock(_ folder: URL) -> Int32 {
        let file = open(folder.appending(path: "lock").path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { return -1 }
        if flock(file, LOCK_EX | LOCK_NB) == 0 { return file }
        close(file)
        return -1
    }

    private static func removeAbandoned(in parent: URL) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.path)) ?? []
        for name in names where name.hasPrefix(prefix) {
            let folder = parent.appending(path: name)
            var status = stat()
            // One that was just made has no lock yet.
            guard lstat(folder.path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == getuid(),
                time(nil) - status.st_mtim.tv_sec > 5, case let file = lock(folder), file >= 0
            else { continue }
            try? FileManager.default.removeItem(at: folder)
            close(file)
        }
    }
}
