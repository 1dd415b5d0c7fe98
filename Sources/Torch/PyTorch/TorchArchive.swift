import CZip
import Foundation
import Support

/// The zip archive that torch.save writes: one folder with `data.pkl` and, under `data/`, the storages, uncompressed.
final class TorchArchive {
    private let path: String
    private let archive: OpaquePointer
    private let folder: String
    /// Bytes of the whole archive.
    let byteCount: Int

    /// - Parameters:
    ///   - descriptor: an open file, which is taken over.
    ///   - path: for messages.
    init(_ descriptor: Int32, path: String) throws {
        self.path = path
        var status = stat()
        fstat(descriptor, &status)
        byteCount = Int(status.st_size)
        var code: Int32 = 0
        guard let archive = zip_fdopen(descriptor, ZIP_CHECKCONS, &code) else {
            close(descriptor)
            var error = zip_error_t()
            zip_error_init_with_code(&error, code)
            defer { zip_error_fini(&error) }
            throw Diagnostic(
                path,
                problem: "is no whole zip archive (\(String(cString: zip_error_strerror(&error)))); "
                    + "it may be cut short: get it again")
        }
        self.archive = archive
        do {
            folder = try Self.check(archive, path: path, byteCount: byteCount)
        } catch {
            zip_discard(archive)
            throw error
        }
    }

    deinit { zip_discard(archive) }

    /// Looks at all members; returns the folder that `data.pkl` lies in.
    private static func check(_ archive: OpaquePointer, path: String, byteCount: Int) throws -> String {
        var folder: String?
        var total: UInt64 = 0
        for index in 0..<UInt64(max(0, zip_get_num_entries(archive, 0))) {
            var facts = zip_stat_t()
            guard zip_stat_index(archive, index, 0, &facts) == 0, let cName = facts.name else {
                throw Diagnostic(path, problem: "its table of contents is damaged; get it again")
            }
            let name = String(cString: cName)
            guard facts.comp_method == ZIP_CM_STORE, facts.encryption_method == ZIP_EM_NONE,
                facts.size == facts.comp_size
            else {
                throw Diagnostic(
                    path,
                    problem: "member '\(name.prefix(80))' is compressed, which torch.save never does: "
                        + "not a PyTorch checkpoint")
            }
            let (sum, overflow) = total.addingReportingOverflow(facts.size)
            guard !overflow, sum <= UInt64(byteCount) else {
                throw Diagnostic(path, problem: "its members claim more bytes than the file has; it is damaged")
            }
            total = sum
            if name.hasSuffix("/constants.pkl") {
                throw Diagnostic(
                    path, problem: "is a TorchScript archive; save the state_dict with torch.save instead")
            }
            if name.hasSuffix("/data.pkl"), folder == nil { folder = String(name.dropLast("data.pkl".count)) }
        }
        guard let folder else {
            throw Diagnostic(path, problem: "is a zip archive without data.pkl: not a PyTorch checkpoint")
        }
        return folder
    }

    /// Size of a member in bytes; `nil` if there is none of that name.
    func size(of member: String) -> Int? {
        var facts = zip_stat_t()
        guard zip_stat(archive, folder + member, 0, &facts) == 0 else { return nil }
        return Int(facts.size)
    }

    /// Reads a member; its checksum is verified.
    func read(_ member: String, into buffer: UnsafeMutableRawBufferPointer) throws {
        guard let file = zip_fopen(archive, folder + member, 0) else {
            throw Diagnostic(path, problem: "member '\(member)' cannot be read; get the file again")
        }
        defer { zip_fclose(file) }
        var done = 0
        while done < buffer.count, let start = buffer.baseAddress {
            let got = zip_fread(file, start + done, UInt64(min(buffer.count - done, 1 << 24)))
            guard got > 0 else { break }
            done += Int(got)
        }
        // Reading on to the end makes libzip compare the checksum.
        var extra: UInt8 = 0
        guard done == buffer.count, zip_fread(file, &extra, 1) == 0 else {
            throw Diagnostic(
                path, problem: "member '\(member)' is damaged (its checksum differs); get the file again")
        }
    }

    /// A whole small member; `nil` if there is none of that name.
    func bytes(of member: String) throws -> [UInt8]? {
        guard let size = size(of: member) else { return nil }
        var bytes = [UInt8](repeating: 0, count: size)
        try bytes.withUnsafeMutableBytes { try read(member, into: $0) }
        return bytes
    }
}
