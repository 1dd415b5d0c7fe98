import Foundation

/// A file that appears whole or not at all: it grows under a hidden name in its folder, takes its own when committed and
/// vanishes otherwise.
package final class AtomicFile {
    private let path: String
    private let temporary: String
    private var descriptor: Int32
    private var pending: [UInt8] = []

    /// Text is collected up to so many bytes before it is written.
    private static let blockSize = 1 << 20

    /// - Throws: ``Diagnostic`` where the folder cannot be written.
    package init(_ url: URL) throws {
        path = url.path
        temporary = Self.hidden(url).path
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Diagnostic(cannotWrite: path, errno: errno) }
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unlink(temporary)
        }
    }

    /// Adds text.
    package func write(_ text: String) throws {
        pending.append(contentsOf: text.utf8)
        if pending.count > Self.blockSize { try flush() }
    }

    /// Adds bytes.
    package func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    /// Adds bytes.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        try flush()
        try writeNow(bytes)
    }

    /// Puts the file in its place. A crash of the machine leaves either the old file or the whole new one.
    package func commit() throws {
        try flush()
        guard fsync(descriptor) == 0, rename(temporary, path) == 0 else {
            throw Diagnostic(cannotWrite: path, errno: errno)
        }
        close(descriptor)
        descriptor = -1
    }

    private func flush() throws {
        guard !pending.isEmpty else { return }
        try pending.withUnsafeBytes { try writeNow($0) }
        pending.removeAll(keepingCapacity: true)
    }

    private func writeNow(_ bytes: UnsafeRawBufferPointer) throws {
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
                throw Diagnostic(cannotWrite: path, errno: errno)
            }
            rest = rest.dropFirst(written)
        }
    }

    private static func hidden(_ url: URL) -> URL {
        url.deletingLastPathComponent()
            .appendingPathComponent(".\(url.lastPathComponent.prefix(200)).\(UUID().uuidString.prefix(8)).tmp")
    }
}

extension AtomicFile {
    /// Writes a whole text.
    package static func write(_ text: String, to url: URL) throws {
        let file = try AtomicFile(url)
        try file.write(text)
        try file.commit()
    }

    /// Lets `body`, a library that opens its files itself, write a temporary file and then moves it to `url`; on failure
    /// nothing is left behind.
    package static func write(_ url: URL, _ body: (_ temporary: URL) throws -> Void) throws {
        let temporary = hidden(url)
        do {
            try body(temporary)
        } catch {
            try? FileManager.default.removeItem(at: temporary)
            throw error
        }
        let descriptor = open(temporary.path, O_RDONLY | O_CLOEXEC)
        if descriptor >= 0 {
            fsync(descriptor)
            close(descriptor)
        }
        guard rename(temporary.path, url.path) == 0 else {
            let reason = errno
            try? FileManager.default.removeItem(at: temporary)
            throw Diagnostic(cannotWrite: url.path, errno: reason)
        }
    }
}

/// Temporary files and folders that carry the id of the process at work on them.
package enum Abandoned {
    /// Removes the members of `folder` whose name is `prefix`, the id of a process that is gone, and more.
    package static func remove(in folder: URL, prefix: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        for name in names where name.hasPrefix(prefix) {
            let digits = name.dropFirst(prefix.count).prefix { $0.isASCII && $0.isNumber }
            guard let process = Int32(digits), process > 0, kill(process, 0) != 0, errno == ESRCH else { continue }
            try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
        }
    }
}
