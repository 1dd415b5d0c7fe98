import CZip
import Foundation
import Support

/// The files of a zip archive.
package final class ZipBundle {
    /// The archive, as messages name it.
    package let url: URL
    /// Paths of its files, in the order of the archive; folders are none.
    package private(set) var names: [String] = []

    private let archive: OpaquePointer
    private let disk: DiskFile

    /// - Throws: `Diagnostic` where it is damaged.
    package init(_ file: InputFile) throws {
        url = file.url
        disk = try DiskFile(file)
        var code: Int32 = 0
        guard let archive = zip_open(disk.url.path, ZIP_RDONLY | ZIP_CHECKCONS, &code) else {
            var error = zip_error_t()
            zip_error_init_with_code(&error, code)
            defer { zip_error_fini(&error) }
            throw Diagnostic(
                url, problem: "cannot be opened as a zip archive (\(String(cString: zip_error_strerror(&error))))",
                remedy: "check that the file is complete")
        }
        self.archive = archive
        for index in 0..<UInt64(max(0, zip_get_num_entries(archive, 0))) {
            guard let name = zip_get_name(archive, index, 0).map({ String(cString: $0) }) else { continue }
            if !name.hasSuffix("/") { names.append(name) }
        }
    }

    deinit { zip_discard(archive) }

    /// Unpacks a file, some bytes at a time.
    /// - Throws: `Diagnostic` where it is damaged, or where it would be larger than its packed bytes can be.
    package func extract(_ name: String, to target: URL) throws {
        func damaged(_ why: String) -> Diagnostic {
            Diagnostic(url, field: name, problem: why, remedy: "the archive is damaged: fetch it again")
        }
        var facts = zip_stat_t()
        guard zip_stat(archive, name, 0, &facts) == 0 else { throw damaged("cannot be read") }
        // Deflate shrinks at most 1032 times.
        guard facts.size <= (facts.comp_size + 64) * 1040 else { throw damaged("claims an impossible size") }
        guard let member = zip_fopen(archive, name, 0) else { throw damaged("cannot be read") }
        defer { zip_fclose(member) }
        do {
            try Data().write(to: target)
            let handle = try FileHandle(forWritingTo: target)
            defer { try? handle.close() }
            var (piece, total) = (Data(count: 1 << 20), UInt64(0))
            while true {
                let count = piece.withUnsafeMutableBytes { zip_fread(member, $0.baseAddress, UInt64($0.count)) }
                guard count >= 0 else { throw damaged("cannot be unpacked") }
                if count == 0 { break }
                total += UInt64(count)
                guard total <= facts.size else { throw damaged("is larger than it claims") }
                try handle.write(contentsOf: piece.prefix(Int(count)))
            }
            guard total == facts.size else { throw damaged("ends too early") }
        } catch let error as Diagnostic {
            throw error
        } catch {
            throw Diagnostic(
                url, field: name, problem: "cannot be unpacked to \(target.path) (\(error.localizedDescription))",
                remedy: "check the free space there, or set TMPDIR")
        }
    }
}
