import Foundation

/// Whether a result exists and is no older than the files it was made from: a process may be killed between the two.
public func isUpToDate(_ output: URL, after sources: [URL]) -> Bool {
    func time(_ url: URL) -> Date? {
        (try? FileManager.default.attributesOfItem(atPath: url.path))?[.modificationDate] as? Date
    }
    guard let written = time(output) else { return false }
    return sources.allSatisfy { source in time(source).map { written >= $0 } ?? true }
}
