import Foundation
import Support

/// A file as libraries need it that seek in it: the file itself or, where it is packed or comes through a pipe, a copy that goes
/// away with this.
package final class DiskFile {
    package let url: URL
    private let isCopy: Bool

    /// - Throws: `Diagnostic` where there is no room for a copy, and for damaged compressed data.
    package init(_ file: InputFile) throws {
        isCopy = file.plainSize == nil
        guard isCopy else {
            url = file.location
            return
        }
        let name = "specclip-\(UUID().uuidString.prefix(8)).\(file.url.lastPathComponent)"
        url = FileManager.default.temporaryDirectory.appending(path: name)
        do {
            try Data().write(to: url)
            let handle = try FileHandle(forWritingTo: url)
            while case let bytes = try file.next(), !bytes.isEmpty { try handle.write(contentsOf: bytes) }
            try handle.close()
        } catch {
            unlink(url.path)
            if let error = error as? Diagnostic { throw error }
            throw Diagnostic(
                file.url, problem: "cannot be unpacked to \(url.path) (\(error.localizedDescription))",
                remedy: "check the free space there, or set TMPDIR")
        }
    }

    deinit { if isCopy { unlink(url.path) } }
}
