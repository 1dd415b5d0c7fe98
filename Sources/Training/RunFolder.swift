import Foundation

/// The folder of one training run: `last.safetensors` (to resume), `best.safetensors` (by validation), `metrics.csv`.
public struct RunFolder: Sendable {
    /// Where the run lives.
    public let url: URL

    /// - Throws: when the folder can be neither found nor made.
    public init(_ url: URL) throws {
        self.url = url
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    /// The state to resume from.
    public var last: URL { url.appending(path: "last.safetensors") }
    /// The model with the lowest validation loss so far.
    public var best: URL { url.appending(path: "best.safetensors") }
    /// Losses, rates and speeds, one row per interval and validation.
    public var metrics: URL { url.appending(path: "metrics.csv") }
    /// The rows of a batch whose loss was not finite.
    public var notFinite: URL { url.appending(path: "not-finite.json") }

    /// Removes what a former run left, so that the next one begins anew.
    public func clear() throws {
        for file in [last, best, metrics, notFinite] where FileManager.default.fileExists(atPath: file.path) {
            try FileManager.default.removeItem(at: file)
        }
    }
}
