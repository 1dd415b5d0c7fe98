import Foundation
import Support
import Torch

/// The features of a frozen encoder for every row of a split, computed once and mapped from disk.
///
/// A frozen encoder gives the same features in every epoch; the published code computes them anew each step.
/// The file is raw float32 rows, beside a JSON note that says what they are; it is rebuilt when encoder or data change.
public final class FeatureCache: Sendable {
    private struct Note: Codable, Equatable {
        let shape: [Int]
        let fingerprint: String
    }

    private let map: Data
    private let rowShape: [Int]
    /// Number of rows, also of stars that the instrument has not seen.
    public let count: Int
    /// Where in the file each row stands, -1 for stars that the instrument has not seen; nil where all stand in order.
    private let places: [Int]?

    private var rowLength: Int { rowShape.reduce(1, *) }

    /// Opens the cache at `url`, filling it first where it does not hold these features yet.
    /// - Parameters:
    ///   - url: where the features are kept.
    ///   - rows: the spectra.
    ///   - encoder: what computes the features.
    ///   - device: where to compute.
    ///   - fingerprint: identifies encoder weights and data.
    ///   - batch: spectra at once.
    ///   - progress: rows done so far and in all.
    public init(
        at url: URL, rows: SpectrumRows, encoder: any Encoder, device: Device, fingerprint: String, batch: Int = 256,
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws {
        count = rows.count
        rowShape = encoder.featureShape
        let seen = rows.seen
        var places = [Int](repeating: -1, count: rows.count)
        for (place, row) in seen.enumerated() { places[row] = place }
        self.places = rows.sawAll ? nil : places
        let note = Note(shape: [seen.count] + encoder.featureShape, fingerprint: fingerprint)
        let noteURL = url.appendingPathExtension("json")
        let known = (try? Data(contentsOf: noteURL)).flatMap { try? JSONDecoder().decode(Note.self, from: $0) }
        let bytes = note.shape.reduce(1, *) * MemoryLayout<Float>.stride
        let size = try? url.resourceValues(forKeys: [.fileSizeKey]).fileSize
        if known != note || size != bytes {
            try? FileManager.default.removeItem(at: noteURL)
            try Self.fill(url, rows: rows, encoder: encoder, device: device, batch: batch, progress: progress)
            try JSONEncoder().encode(note).write(to: noteURL, options: .atomic)
        }
        map = try Data(contentsOf: url, options: .alwaysMapped)
    }

    /// Writes the file whole or not at all: under a hidden name that is the same for every attempt, so that what a
    /// killed process left is written over, then renamed.
    private static func fill(
        _ url: URL, rows: SpectrumRows, encoder: any Encoder, device: Device, batch: Int, progress: (Int, Int) -> Void
    ) throws {
        let partial = url.deletingLastPathComponent().appending(path: ".\(url.lastPathComponent).partial")
        try Data().write(to: partial)
        let file = try FileHandle(forWritingTo: partial)
        defer {
            try? file.close()
            try? FileManager.default.removeItem(at: partial)
        }
        encoder.evaluate()
        let seen = rows.seen
        for start in stride(from: 0, to: seen.count, by: batch) {
            let block = Array(seen[start..<min(start + batch, seen.count)])
            try Interruption.check()
            let features = try catchingTorchErrors {
                try withoutGradient { encoder(try rows.batch(block, for: encoder.inputs).to(device)) }
            }
            do {
                try features.withUnsafeBytes { try file.write(contentsOf: Data($0)) }
            } catch {
                throw Diagnostic(
                    url.path, problem: "cannot be written (\(error.localizedDescription)); free some space")
            }
            progress(start + block.count, seen.count)
        }
        try file.synchronize()
        guard rename(partial.path, url.path) == 0 else {
            throw Diagnostic(url.path, problem: "cannot be written (\(String(cString: strerror(errno))))")
        }
    }

    /// The features of the rows `wanted`, in this order: `[wanted.count] + feature shape`; 0 for stars that the instrument
    /// has not seen.
    public func tensor(_ wanted: [Int]) -> Tensor {
        let length = rowLength
        let values = [Float](unsafeUninitializedCapacity: wanted.count * length) { buffer, filled in
            map.withUnsafeBytes { bytes in
                let source = bytes.bindMemory(to: Float.self)
                for (i, wanted) in wanted.enumerated() {
                    let row = places.map { $0[wanted] } ?? wanted
                    guard row >= 0 else {
                        buffer[(i * length)..<((i + 1) * length)].initialize(repeating: 0)
                        continue
                    }
                    let from = UnsafeBufferPointer(rebasing: source[row * length..<(row + 1) * length])
                    _ = buffer[(i * length)...].initialize(fromContentsOf: from)
                }
            }
            filled = wanted.count * length
        }
        return Tensor(values, shape: [wanted.count] + rowShape)
    }
}
