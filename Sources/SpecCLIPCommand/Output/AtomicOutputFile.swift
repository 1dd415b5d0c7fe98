import Foundation

/// A text file that is written bit by bit but appears whole or not at all: it grows under a hidden name in the same
/// folder and takes its own in `finish()`.
final class AtomicOutputFile {
    private let url: URL
    private let temporary: URL
    private var handle: FileHandle?
    private var pending = Data()

    init(_ url: URL) throws {
        self.url = url
        temporary = url.deletingLastPathComponent()
            .appending(path: ".\(url.lastPathComponent).\(UUID().uuidString.prefix(8)).partial")
        do {
            try Data().write(to: temporary)
            handle = try FileHandle(forWritingTo: temporary)
        } catch {
            throw Self.failure(url, error)
        }
    }

    deinit {
        guard let handle else { return }
        try? handle.close()
        try? FileManager.default.removeItem(at: temporary)
    }

    func write(_ text: String) throws {
        pending.append(contentsOf: text.utf8)
        if pending.count > 1 << 20 { try flush() }
    }

    /// Puts the file in place.
    func finish() throws {
        try flush()
        do { try handle?.close() } catch { throw Self.failure(url, error) }
        handle = nil
        guard rename(temporary.path, url.path) == 0 else {
            let reason = String(cString: strerror(errno))
            try? FileManager.default.removeItem(at: temporary)
            throw CommandError(subject: url.path, problem: "cannot be written (\(reason))", remedy: "check permissions")
        }
    }

    /// Writes a whole text.
    static func write(_ text: String, to url: URL) throws {
        let file = try AtomicOutputFile(url)
        try file.write(text)
        try file.finish()
    }

    private func flush() throws {
        do { try handle?.write(contentsOf: pending) } catch { throw Self.failure(url, error) }
        pending.removeAll(keepingCapacity: true)
    }

    private static func failure(_ url: URL, _ error: any Error) -> CommandError {
        CommandError(
            subject: url.path, problem: "cannot be written (\(error.localizedDescription))",
            remedy: "check free space and permissions")
    }
}
