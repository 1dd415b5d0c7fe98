import CHDF5
import CHDF5Check
import Foundation
import Support
import Synchronization

/// What every call into the HDF5 library goes through.
///
/// The serial HDF5 library keeps global state and is not safe to enter from two threads, whatever files they work on:
/// one lock for the process guards all of it.
enum HDF5 {
    private static let lock = NSRecursiveLock()

    /// Runs `body` as the only user of the HDF5 library, with the library's own error printing off.
    static func locked<R>(_ body: () throws -> R) rethrows -> R {
        lock.lock()
        defer { lock.unlock() }
        _ = staysSilentAtExit
        _ = followsNoLinks
        // In builds with a stack of errors for each thread the setting holds for the calling thread only.
        _ = chdf5_silence()
        return try body()
    }

    /// A link into another file is not followed: what is read is the file that was named.
    private static let followsNoLinks: Void = { _ = H5Lunregister(H5L_TYPE_EXTERNAL) }()

    /// Switches the library's printing off once more for the thread on which the process exits.
    ///
    /// Version 1.10 leaks blocks of its own free lists when it gives up on damaged metadata, though every object that we
    /// opened is closed. At exit it then tries in vain to return them and says "infinite loop closing library", unless
    /// printing is off for the exiting thread, which need not be one that has called us.
    /// Exit handlers run in reverse order: ours, registered after the library's, comes first.
    private static let staysSilentAtExit: Void = {
        _ = H5open()
        atexit { _ = chdf5_silence() }
    }()

    /// Version of the linked HDF5 library, such as `1.10.8`.
    static var version: String {
        locked {
            var major: UInt32 = 0
            var minor: UInt32 = 0
            var release: UInt32 = 0
            H5get_libversion(&major, &minor, &release)
            return "\(major).\(minor).\(release)"
        }
    }
}

/// An open HDF5 object (file, group, data set, type, space, list of properties), closed when the last owner lets go.
package final class HDF5Handle: @unchecked Sendable {
    let id: hid_t
    private let close: @Sendable (hid_t) -> herr_t

    /// Takes charge of `id`; nil when the library answered with an error (a negative identifier).
    init?(_ id: hid_t, close: @escaping @Sendable (hid_t) -> herr_t) {
        guard id >= 0 else { return nil }
        self.id = id
        self.close = close
    }

    deinit {
        HDF5.locked { _ = close(id) }
    }

    static func type(_ id: hid_t) -> HDF5Handle? { HDF5Handle(id) { H5Tclose($0) } }
    static func space(_ id: hid_t) -> HDF5Handle? { HDF5Handle(id) { H5Sclose($0) } }
    static func properties(_ id: hid_t) -> HDF5Handle? { HDF5Handle(id) { H5Pclose($0) } }
    static func dataSet(_ id: hid_t) -> HDF5Handle? { HDF5Handle(id) { H5Dclose($0) } }
    static func group(_ id: hid_t) -> HDF5Handle? { HDF5Handle(id) { H5Gclose($0) } }
    static func attribute(_ id: hid_t) -> HDF5Handle? { HDF5Handle(id) { H5Aclose($0) } }
    static func file(_ id: hid_t) -> HDF5Handle? { HDF5Handle(id) { H5Fclose($0) } }
}

/// One HDF5 file: its groups, data sets and text attributes.
package final class HDF5File: @unchecked Sendable {
    /// The path that messages name.
    package let name: String
    private let heaps = Mutex<Bool?>(nil)
    /// Of a file that is read, mapped: nothing of them is looked at before it has to be.
    private let bytes: Data
    private let handle: HDF5Handle

    /// Whether these are the first bytes of an HDF5 file.
    package static func recognises(_ head: Data) -> Bool {
        head.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a])
    }

    /// Opens a file to read.
    ///
    /// - Parameters:
    ///   - shown: the file as messages name it, where it is a copy.
    ///   - isOwn: it was written here, with check sums, and is not tried before it is opened: trying reads the whole of it.
    /// - Throws: `Diagnostic` when the file is missing, is not HDF5, or is cut short or damaged.
    package init(opening url: URL, named shown: URL? = nil, isOwn: Bool = false) throws {
        name = (shown ?? url).path
        guard FileManager.default.fileExists(atPath: url.path) else {
            throw Diagnostic(name, field: "file", problem: "no such file", remedy: "check the path")
        }
        if !isOwn { try Self.requireHarmless(url, name) }
        let opened = HDF5.locked {
            HDF5Handle.file(url.withUnsafeFileSystemRepresentation { $0.map { chdf5_open($0, chdf5_default()) } ?? -1 })
        }
        guard let opened else {
            throw Diagnostic(
                name, field: "file", problem: "not an HDF5 file, or truncated or damaged",
                remedy: "give an .h5 file as `specclip data pairs` writes it, or copy the file again")
        }
        handle = opened
        bytes = (try? Data(contentsOf: url, options: .alwaysMapped)) ?? Data()
    }

    /// - Throws: `Diagnostic` for a file on which the library would crash, hang, or take all memory.
    private static func requireHarmless(_ url: URL, _ name: String) throws {
        let size = (try? url.resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0
        // What is packed a hundredfold is a matter of seconds.
        let end = HDF5.locked {
            url.withUnsafeFileSystemRepresentation {
                chdf5_check($0, UInt32(clamping: 5 + size >> 20), UInt(max(1 << 28, 4 * size)))
            }
        }
        guard end != chdf5_died else {
            throw Diagnostic(
                name, field: "file", problem: "is damaged: HDF5's own library fails on it", remedy: "copy it again")
        }
    }

    /// Creates an empty file, replacing what is there. Equal contents give equal bytes: no times are recorded.
    ///
    /// - Throws: `Diagnostic` when the folder does not exist or cannot be written.
    package init(creating url: URL) throws {
        name = url.path
        let created: HDF5Handle? = HDF5.locked {
            guard let access = HDF5Handle.properties(chdf5_create_file_access()),
                let creation = HDF5Handle.properties(chdf5_create_file_creation()),
                chdf5_checked_format(access.id) >= 0
            else { return nil }
            _ = H5Pset_obj_track_times(creation.id, false)
            return HDF5Handle.file(
                url.withUnsafeFileSystemRepresentation { $0.map { chdf5_create($0, creation.id, access.id) } ?? -1 })
        }
        guard let created else {
            throw Diagnostic(
                url.path, field: "file", problem: "cannot be created",
                remedy: "check that the folder exists, is writable and has space left")
        }
        handle = created
        bytes = Data()
    }

    /// Whether `path` ("train/lamost_spectra") exists, every group on the way included.
    package func contains(_ path: String) -> Bool {
        HDF5.locked {
            var walked = ""
            for part in path.split(separator: "/") {
                walked += walked.isEmpty ? String(part) : "/" + part
                guard H5Lexists(handle.id, walked, chdf5_default()) > 0 else { return false }
            }
            return true
        }
    }

    /// Names of the members of a group, sorted; empty when there is no such group.
    package func members(of group: String) -> [String] {
        guard group == "/" || contains(group) else { return [] }
        return HDF5.locked {
            guard let opened = HDF5Handle.group(H5Gopen2(handle.id, group, chdf5_default())) else { return [] }
            var info = H5G_info_t()
            guard H5Gget_info(opened.id, &info) >= 0, info.nlinks < 100_000 else { return [] }
            return (0..<info.nlinks).compactMap { index in
                let length = H5Lget_name_by_idx(
                    opened.id, ".", H5_INDEX_NAME, H5_ITER_INC, index, nil, 0, chdf5_default())
                guard length > 0, length < 4096 else { return nil }
                var buffer = [CChar](repeating: 0, count: length + 1)
                guard
                    H5Lget_name_by_idx(
                        opened.id, ".", H5_INDEX_NAME, H5_ITER_INC, index, &buffer, length + 1, chdf5_default()) > 0
                else { return nil }
                return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }.sorted()
        }
    }

    /// Creates a group (its parents must exist).
    package func createGroup(_ path: String) throws {
        let group: HDF5Handle? = HDF5.locked {
            guard let creation = HDF5Handle.properties(chdf5_create_group_creation()) else { return nil }
            _ = H5Pset_obj_track_times(creation.id, false)
            return HDF5Handle.group(H5Gcreate2(handle.id, path, chdf5_default(), creation.id, chdf5_default()))
        }
        if group == nil { throw failure(path, "the group cannot be created") }
    }

    /// Opens a data set.
    ///
    /// - Throws: `Diagnostic` naming the file, the path, and the members the group does have.
    package func dataSet(_ path: String) throws -> HDF5DataSet {
        guard contains(path) else {
            let parent = path.split(separator: "/").dropLast().joined(separator: "/")
            let found = members(of: parent.isEmpty ? "/" : parent)
            throw Diagnostic(
                name, field: path, problem: "missing data set",
                remedy: found.isEmpty
                    ? "the group `\(parent)` is missing or empty"
                    : "the group has \(found.joined(separator: ", "))")
        }
        let opened = HDF5.locked { HDF5Handle.dataSet(H5Dopen2(handle.id, path, chdf5_default())) }
        guard let opened else { throw failure(path, "not a data set, or damaged") }
        return try HDF5DataSet(opened, path: path, file: self)
    }

    /// Creates a chunked data set of no rows that grows by `append`; `row` is the shape of one row.
    package func createDataSet(_ path: String, row: [Int], element: HDF5DataSet.Element) throws -> HDF5DataSet {
        let created: HDF5Handle? = HDF5.locked {
            let dimensions = [0] + row.map { hsize_t($0) }
            let limits = [chdf5_unlimited()] + row.map { hsize_t($0) }
            // About 64 KiB a chunk: a random row costs little more than its own bytes, a long run stays fast.
            let rowBytes = max(1, row.reduce(1, *) * element.byteCount)
            let chunk = [hsize_t(max(1, min(8192, 65536 / rowBytes)))] + row.map { hsize_t(max(1, $0)) }
            guard let space = HDF5Handle.space(H5Screate_simple(Int32(dimensions.count), dimensions, limits)),
                let creation = HDF5Handle.properties(chdf5_create_dataset_creation()),
                let type = element.makeType(),
                H5Pset_chunk(creation.id, Int32(chunk.count), chunk) >= 0,
                H5Pset_fletcher32(creation.id) >= 0
            else { return nil }
            _ = H5Pset_obj_track_times(creation.id, false)
            return HDF5Handle.dataSet(
                H5Dcreate2(handle.id, path, type.id, space.id, chdf5_default(), creation.id, chdf5_default()))
        }
        guard let created else { throw failure(path, "the data set cannot be created") }
        return try HDF5DataSet(created, path: path, file: self)
    }

    /// Whether texts of variable length can be asked for without harm; found out when the first is.
    var hasSoundHeaps: Bool {
        heaps.withLock { known in
            if let known { return known }
            let isSound = HDF5Heaps.areSound(in: bytes)
            known = isSound
            return isSound
        }
    }

    /// - Throws: `Diagnostic` where a text of variable length was asked for and could not be given.
    func requireAskedTexts(_ field: String) throws {
        guard heaps.withLock({ $0 }) != false else {
            throw failure(field, "its texts of variable length are damaged")
        }
    }

    /// Text attribute of an object ("/" is the file itself); nil when absent or not text.
    package func attribute(_ attribute: String, of path: String = "/") -> String? {
        HDF5.locked {
            guard path == "/" || contains(path), H5Aexists_by_name(handle.id, path, attribute, chdf5_default()) > 0,
                let opened = HDF5Handle.attribute(
                    H5Aopen_by_name(handle.id, path, attribute, chdf5_default(), chdf5_default())),
                let type = HDF5Handle.type(H5Aget_type(opened.id)), H5Tget_class(type.id) == H5T_STRING,
                let space = HDF5Handle.space(H5Aget_space(opened.id)), H5Sget_simple_extent_npoints(space.id) == 1
            else { return nil }
            if H5Tis_variable_str(type.id) > 0 {
                guard hasSoundHeaps else { return nil }
                var text: UnsafeMutablePointer<CChar>?
                guard H5Aread(opened.id, type.id, &text) >= 0, let text else { return nil }
                defer { _ = H5free_memory(text) }
                return String(cString: text)
            }
            let size = H5Tget_size(type.id)
            guard size > 0, size < 16 << 20 else { return nil }
            var bytes = [UInt8](repeating: 0, count: size)
            guard H5Aread(opened.id, type.id, &bytes) >= 0 else { return nil }
            return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// Writes a text attribute (UTF-8, fixed length) on an object that has none of that name yet.
    package func setAttribute(_ attribute: String, _ text: String, of path: String = "/") throws {
        let bytes = Array(text.utf8) + [0]
        let isWritten = HDF5.locked {
            guard let type = HDF5DataSet.Element.string(bytes: bytes.count).makeType(),
                let space = HDF5Handle.space(H5Screate(H5S_SCALAR)),
                let made = HDF5Handle.attribute(
                    H5Acreate_by_name(
                        handle.id, path, attribute, type.id, space.id, chdf5_default(), chdf5_default(),
                        chdf5_default()))
            else { return false }
            return H5Awrite(made.id, type.id, bytes) >= 0
        }
        if !isWritten { throw failure("\(path)@\(attribute)", "the attribute cannot be written") }
    }

    /// Hands everything written so far to the operating system.
    package func flush() throws {
        if HDF5.locked({ H5Fflush(handle.id, H5F_SCOPE_GLOBAL) }) < 0 { throw failure("file", "cannot be written") }
    }

    /// An error of this file with the remedy that fits a failing HDF5 call.
    package func failure(_ field: String, _ problem: String) -> Diagnostic {
        Diagnostic(
            name, field: field, problem: problem,
            remedy: "check that the disk has space left and that the file is whole")
    }
}
