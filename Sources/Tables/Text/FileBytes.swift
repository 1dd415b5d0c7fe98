import CZlib
import Foundation
import Support

/// The bytes of a file, unpacked if it is gzip-compressed whatever its name.
package enum FileBytes {
    /// Reads the file at `url`.
    ///
    /// - Throws: `Diagnostic` if it is missing, empty, a folder, or its compressed data are damaged.
    package static func read(_ url: URL) throws -> Data {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw Diagnostic(url, problem: "does not exist", remedy: "check the path")
        }
        guard !isFolder.boolValue else {
            throw Diagnostic(url, problem: "is a folder", remedy: "name the files in it")
        }
        // zlib passes files that are not compressed through unchanged.
        guard let file = gzopen(url.path, "rb") else {
            throw Diagnostic(
                url, problem: "cannot be opened (\(String(cString: strerror(errno))))", remedy: "check permissions")
        }
        defer { gzclose(file) }
        gzbuffer(file, 1 << 17)
        var data = Data()
        let size = 1 << 17
        let chunk = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
        defer { chunk.deallocate() }
        while true {
            let got = gzread(file, chunk, UInt32(size))
            if got > 0 { data.append(chunk, count: Int(got)) }
            var code: Int32 = 0
            let message = gzerror(file, &code).map { String(cString: $0) } ?? ""
            guard got >= 0, code == Z_OK else {
                throw Diagnostic(
                    url, problem: "its compressed data are damaged or cut short (\(message))",
                    remedy: "download it again")
            }
            if got == 0 { break }
        }
        guard !data.isEmpty else { throw Diagnostic(url, problem: "is empty", remedy: "download it again") }
        return data
    }
}
