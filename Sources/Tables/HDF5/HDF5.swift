import CHDF5
import Foundation

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
        // In builds with a stack of errors for each thread the setting holds for the calling thread only.
        _ = chdf5_silence()
        return try body()
    }

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
