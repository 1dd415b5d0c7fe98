import CZip
import Foundation
import Support

/// NumPy's `.npz`: a zip archive of named arrays, as `numpy.load` and `numpy.savez` read and write it.
public struct NPZ: Sendable {
    /// Names of the arrays, in the order of the archive.
    public private(set) var names: [String] = []
    private var arrays: [String: NPYArray] = [:]

    /// Reads all arrays of the archive at `url`; compressed ones too.
    ///
    /// - Throws: `Diagnostic` naming the file and the array.
    public static func read(_ url: URL) throws -> NPZ { try read(url, unpackingTo: nil) }

    /// As ``read(_:)``, of an archive that others sent.
    /// - Parameter most: bytes that an array may unpack to; nil for any number.
    package static func read(_ url: URL, unpackingTo most: Int?) throws -> NPZ {
        let bundle = try ZipBundle(url, as: ".npz", unpackingTo: most)
        var result = NPZ()
        for member in bundle.members where member.name.hasSuffix(".npy") {
            let key = String(member.name.dropLast(4))
            do {
                let array = try NPYFormat.decode(bundle.read(member))
                if result.arrays.updateValue(array, forKey: key) == nil { result.names.append(key) }
            } catch let failure as NPYFormat.Failure {
                throw Diagnostic(url, field: key, problem: failure.problem, remedy: "save the array again")
            }
        }
        return result
    }

    /// The array called `name`, if there is one.
    public subscript(name: String) -> NPYArray? { arrays[name] }

    /// Writes named arrays to `url`, replacing a file there only once all is written.
    ///
    /// - Parameters:
    ///   - arrays: by name, in the order of the archive.
    ///   - rows: further arrays, which were written row by row and need not fit into memory.
    ///   - url: the archive.
    /// - Throws: `Diagnostic` if the folder cannot be written or the disk is full.
    public static func write(
        arrays: [(name: String, array: NPYArray)], rows: [(name: String, rows: NPYRows)] = [], to url: URL
    ) throws {
        try AtomicFile.write(url) { temporary in
            var code: Int32 = 0
            guard let archive = zip_open(temporary.path, ZIP_CREATE | ZIP_TRUNCATE, &code) else {
                throw Diagnostic(
                    url, problem: "cannot be created (\(message(code)))", remedy: "check that the folder is writable")
            }
            do {
                for (name, array) in arrays { try add(source(array, archive), name, to: archive, url) }
                for (name, rows) in rows { try add(rows.source(for: archive), name, to: archive, url) }
            } catch {
                zip_discard(archive)
                throw error
            }
            guard zip_close(archive) == 0 else {
                let reason = String(cString: zip_strerror(archive))
                zip_discard(archive)
                throw Diagnostic(
                    url, problem: "cannot be written (\(reason))", remedy: "check free space and permissions")
            }
        }
    }

    /// The bytes of an array; libzip reads them when the archive is closed, and frees them itself (last argument).
    private static func source(_ array: NPYArray, _ archive: OpaquePointer) -> OpaquePointer? {
        let data = NPYFormat.encode(array)
        guard let copy = malloc(max(1, data.count)) else { return nil }
        data.withUnsafeBytes {
            if let base = $0.baseAddress { copy.copyMemory(from: base, byteCount: $0.count) }
        }
        return zip_source_buffer(archive, copy, UInt64(data.count), 1)
    }

    private static func add(
        _ source: OpaquePointer?, _ name: String, to archive: OpaquePointer, _ url: URL
    ) throws {
        guard let source, case let index = zip_file_add(archive, name + ".npy", source, ZIP_FL_ENC_UTF_8), index >= 0
        else {
            let reason = String(cString: zip_strerror(archive))
            if let source { zip_source_free(source) }
            throw Diagnostic(url, field: name, problem: "cannot be added to the archive (\(reason))")
        }
        zip_set_file_compression(archive, UInt64(index), ZIP_CM_STORE, 0)
    }

    private static func message(_ code: Int32) -> String {
        var error = zip_error_t()
        zip_error_init_with_code(&error, code)
        defer { zip_error_fini(&error) }
        return String(cString: zip_error_strerror(&error))
    }
}
