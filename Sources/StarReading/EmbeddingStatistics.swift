import Foundation
import Support

/// Mean and standard deviation of each number of an embedding, with which a published regressor standardises it: a JSON
/// file `{"mean": […], "std": […]}` (reference, section 11.2).
public struct EmbeddingStatistics: Decodable, Sendable, Hashable {
    /// Mean of each number.
    public var mean: [Double]
    /// Standard deviation of each number, positive.
    public var std: [Double]

    /// Statistics from memory.
    public init(mean: [Double], std: [Double]) {
        self.mean = mean
        self.std = std
    }

    /// Reads the file.
    /// - Throws: `Diagnostic` naming file, field and remedy: no such form, lengths that differ, numbers that
    ///   are not finite, a standard deviation that is not positive.
    public init(contentsOf url: URL) throws {
        let data: Data
        do { data = try Data(contentsOf: url) } catch {
            throw Diagnostic(url.path, problem: "cannot be read; check the path")
        }
        do { self = try JSONDecoder().decode(EmbeddingStatistics.self, from: data) } catch {
            // Python writes NaN and Infinity into JSON, which knows neither.
            let text = String(decoding: data.prefix(1 << 20), as: UTF8.self)
            let reason =
                text.contains("NaN") || text.contains("Infinity")
                ? "holds NaN or infinite numbers; get the file anew"
                : "is not of the form {\"mean\": [numbers], \"std\": [numbers]}; give a published <label>_mean_std.json"
            throw Diagnostic(url.path, problem: reason)
        }
        try check(url.path)
    }

    private func check(_ path: String) throws {
        guard mean.count == std.count else {
            throw Diagnostic(
                path, problem: "mean has \(mean.count) numbers but std \(std.count); get the file anew")
        }
        if let bad = mean.firstIndex(where: { !Float($0).isFinite }) {
            throw Diagnostic(path, problem: "mean[\(bad)] is \(mean[bad]); get the file anew")
        }
        if let bad = std.firstIndex(where: { !(Float($0) > 0 && Float($0).isFinite) }) {
            throw Diagnostic(
                path, problem: "std[\(bad)] is \(std[bad]), by which nothing can be divided; get the file anew")
        }
    }
}
