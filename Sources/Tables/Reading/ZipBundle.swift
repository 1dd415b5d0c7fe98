import CZip
import Foundation
import Support

/// The files of a zip archive.
package final class ZipBundle {
    /// A file of the archive; folders are none.
    package struct Member {
        package let name: String
        fileprivate let index: UInt64
    }

    /// The archive, as messages name it.
    package let url: URL
    /// In the order of the archive.
    package let members: [Member]

    private let archive: OpaquePointer
    private let most: Int?

    /// - Parameters:
    ///   - location: where the archive lies.
    ///   - url: as messages name it; nil where it lies.
    ///   - kind: what it should be, for messages.
    ///   - most: bytes that a file of it may unpack to; nil for any number.
    /// - Throws: `Diagnostic` where it is damaged.
    package init(
        _ location: URL, named url: URL? = nil, as kind: String = "a zip archive", unpackingTo most: Int? = nil
    ) throws {
        (self.url, self.most) = (url ?? location, most)
        var code: Int32 = 0
        guard let archive = zip_open(location.path, ZIP_RDONLY | ZIP_CHECKCONS, &code) else {
            var error = zip_error_t()
            zip_error_init_with_code(&error, code)
            defer { zip_error_fini(&error) }
            throw Diagnostic(
                self.url, problem: "cannot be opened as \(kind) (\(String(cString: zip_error_strerror(&error))))",
                remedy: "check that the file is complete")
        }
        self.archive = archive
        members = (0..<UInt64(max(0, zip_get_num_entries(archive, 0)))).compactMap { index in
            guard let name = zip_get_name(archive, index, 0).map({ String(cString: $0) }), !name.hasSuffix("/") else {
                return nil
            }
            return Member(name: name, index: index)
        }
    }

    deinit { zip_discard(archive) }

    /// The bytes of a file.
    /// - Throws: `Diagnostic` where it is damaged, or where it would be larger than its packed bytes can be.
    package func read(_ member: Member) throws -> Data {
        var data = Data()
        try eachPiece(of: member) { data.append($0) }
        return data
    }

    /// Unpacks a file, so that it never lies in memory as a whole.
    /// - Throws: as ``read(_:)``, and where there is no room.
    package func extract(_ member: Member, to target: URL) throws {
        do {
            try Data().write(to: target)
            let handle = try FileHandle(forWritingTo: target)
            defer { try? handle.close() }
            try eachPiece(of: member) { try handle.write(contentsOf: $0) }
        } catch let error as Diagnostic {
            throw error
        } catch {
            throw Diagnostic(
                url, field: member.name,
                problem: "cannot be unpacked to \(target.path) (\(error.localizedDescription))",
                remedy: "check the free space there, or set TMPDIR")
        }
    }

    private func eachPiece(of member: Member, _ body: (Data) throws -> Void) throws {
        func damaged(_ why: String) -> Diagnostic {
            Diagnostic(
                url, field: member.name, problem: why, remedy: "the archive is damaged: fetch or save it again")
        }
        var facts = zip_stat_t()
        guard zip_stat_index(archive, member.index, 0, &facts) == 0 else { throw damaged("cannot be read") }
        // Deflate shrinks at most 1032 times: a larger claim is false, and must not be believed when allocating.
        guard facts.size <= (facts.comp_size + 64) * 1040, facts.size < UInt64(Int.max) else {
            throw damaged("claims an impossible size")
        }
        if let most, facts.size > UInt64(most) { throw Diagnostic(url, field: member.name, unpacksBeyond: most) }
        guard let file = zip_fopen_index(archive, member.index, 0) else { throw damaged("cannot be read") }
        defer { zip_fclose(file) }
        var (piece, total) = (Data(count: 1 << 20), UInt64(0))
        // Only who reads beyond the last byte is told that the check sum is wrong.
        while true {
            let count = piece.withUnsafeMutableBytes { zip_fread(file, $0.baseAddress, UInt64($0.count)) }
            guard count >= 0 else { throw damaged("cannot be unpacked") }
            if count == 0 { break }
            total += UInt64(count)
            guard total <= facts.size else { throw damaged("is larger than it claims") }
            try body(piece.prefix(Int(count)))
        }
        guard total == facts.size else { throw damaged("cannot be unpacked") }
    }
}
