import Foundation
import Spectra
import Torch
import Training

/// Rows of one instrument in a data set, from memory where the split fits, else read as they are asked for.
public final class SpectrumRows: Sendable {
    /// A split up to this size is held in memory; beyond it, memory does not grow with the data.
    static let memoryLimit = 1 << 30

    private let data: PairedDataSet
    private let instrument: Instrument
    private let split: Split
    /// Number of spectra.
    public let count: Int
    private let held: [Float]?

    /// - Parameter instrument: as the model that reads the spectra describes it.
    /// - Throws: `SpectrumError` when the data set has no spectra of this instrument in this split, or has them on another
    ///   grid or normalised otherwise.
    public init(_ data: PairedDataSet, _ instrument: Instrument, _ split: Split) throws {
        try data.check(against: instrument)
        self.data = data
        self.instrument = instrument
        self.split = split
        count = data.count(split)
        let bytes = count * instrument.grid.count * MemoryLayout<Float>.stride
        held = bytes <= Self.memoryLimit && count > 0 ? try data.rows(instrument, split: split, range: 0..<count) : nil
    }

    /// The spectra `rows`, in this order: `[rows.count, pixels]`.
    public func tensor(_ rows: [Int]) throws -> Tensor {
        let pixels = instrument.grid.count
        guard let held else {
            return Tensor(try data.rows(instrument, split: split, indices: rows), shape: [rows.count, pixels])
        }
        let flux = [Float](unsafeUninitializedCapacity: rows.count * pixels) { buffer, filled in
            held.withUnsafeBufferPointer { source in
                for (i, row) in rows.enumerated() {
                    let from = UnsafeBufferPointer(rebasing: source[row * pixels..<(row + 1) * pixels])
                    _ = buffer[(i * pixels)...].initialize(fromContentsOf: from)
                }
            }
            filled = rows.count * pixels
        }
        return Tensor(flux, shape: [rows.count, pixels])
    }

    /// All spectra of the split, a block at a time, in order.
    public func blocks(of size: Int) -> some Sequence<Range<Int>> {
        stride(from: 0, to: count, by: size).lazy.map { [count] in $0..<min($0 + size, count) }
    }
}

extension TrainingSplit {
    /// The split of a data set this stands for.
    var split: Split { self == .training ? .train : .validation }
}
