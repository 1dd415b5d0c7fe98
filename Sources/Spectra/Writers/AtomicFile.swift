import Foundation

/// Writing so that a reader sees the old file or the whole new one, never a part.
enum AtomicFile {
    /// Lets `body` write a temporary file beside `url` and then moves it there; on failure nothing is left behind.
    static func write(_ url: URL, _ body: (_ temporary: URL) throws -> Void) throws {
        let temporary = url.deletingLastPathComponent()
            .appendingPathComponent(".\(url.lastPathComponent).\(UUID().uuidString.prefix(8)).partial")
        do {
            try body(temporary)
        } catch {
            try? FileManager.default.removeItem(at: temporary)
            throw error
        }
        guard rename(temporary.path, url.path) == 0 else {
            let reason = String(cString: strerror(errno))
            try? FileManager.default.removeItem(at: temporary)
            throw SpectrumError(url, problem: "cannot be written (\(reason))", remedy: "check permissions")
        }
    }

    /// Writes `data` to `url` atomically.
    static func write(_ data: Data, to url: URL) throws {
        try write(url) { temporary in
            do {
                try data.write(to: temporary)
            } catch {
                throw SpectrumError(
                    url, problem: "cannot be written (\(error.localizedDescription))",
                    remedy: "check free space and permissions")
            }
        }
    }
}
