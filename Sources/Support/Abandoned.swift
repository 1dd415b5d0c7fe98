import Foundation

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
