import Foundation

/// The folder of real files and golden numbers beside the project; tests that need it are skipped where it is absent.
package enum SharedFiles {
    package static let root: URL = {
        if let path = ProcessInfo.processInfo.environment["SPECCLIP_SHARED"] { return URL(fileURLWithPath: path) }
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return package.deletingLastPathComponent().appendingPathComponent("shared")
    }()

    package static func url(_ path: String) -> URL { root.appendingPathComponent(path) }

    package static func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: url(path).path) }

    package static let hasData = has("data/lamost") && has("data/gaia_xp")
    package static let absent = "the shared folder (SPECCLIP_SHARED, else ../shared) is absent"
}
