import Datasets
import Foundation
import Spectra
import Torch
import Training

/// Rows of one instrument in a data set, from memory where the split fits, else read as they are asked for. Pixels that
/// the data set marks bad are bridged.
public final class SpectrumRows: Sendable {
    /// A split up to this size is held in memory; beyond it, memory does not grow with the data.
    static let memoryLimit = 1 << 30

    /// Names what rows are made of what a data set holds; features on disk go by it.
    static let form = "bridged"

    private let data: PairedDataSet
    private let instrument: Instrument
    private let split: Split
    private let keepsErrors: Bool
    /// Number of rows, also of stars that the instrument has not seen.
    public let count: Int
    /// The rows that the instrument has seen, ascending; nil where it has seen all.
    private let seenRows: [Int]?
    private let held: StoredSpectra?

    /// - Parameters:
    ///   - data: the data set.
    ///   - instrument: as the model that reads the spectra describes it.
    ///   - split: which part of the data set.
    ///   - withErrors: whether inverse variances will be asked for beside the flux.
    /// - Throws: `Diagnostic` when the data set has no spectra of this instrument in this split, or has them on another
    ///   grid or normalised otherwise.
    public init(
        _ data: PairedDataSet, _ instrument: Instrument, _ split: Split, withErrors: Bool = false
    ) throws {
        try data.check(against: instrument)
        self.data = data
        self.instrument = instrument
        self.split = split
        keepsErrors = withErrors && data.hasIvar(instrument, split: split)
        count = data.count(split)
        seenRows = try data.presence(instrument, split: split).map { seen in seen.indices.filter { seen[$0] } }
        let values = count * instrument.grid.count * (keepsErrors ? 2 : 1)
        let fits = values * MemoryLayout<Float>.stride <= Self.memoryLimit && count > 0
        held = fits ? try Self.load(data, instrument, split, keepsErrors: keepsErrors) : nil
    }

    /// Everything, read in parts: inverse variances that are not kept take no more memory than one of them.
    private static func load(
        _ data: PairedDataSet, _ instrument: Instrument, _ split: Split, keepsErrors: Bool
    ) throws -> StoredSpectra {
        let count = data.count(split)
        var (flux, ivar): ([Float], [Float]) = ([], [])
        flux.reserveCapacity(count * instrument.grid.count)
        ivar.reserveCapacity(keepsErrors ? count * instrument.grid.count : 0)
        for start in stride(from: 0, to: count, by: 4096) {
            let part = try data.spectra(instrument, split: split, range: start..<min(start + 4096, count))
            flux += part.flux
            if keepsErrors { ivar += part.ivar ?? [] }
        }
        return StoredSpectra(bridged: flux, ivar: keepsErrors ? ivar : nil, pixels: instrument.grid.count)
    }

    /// The spectra `rows`, in this order, with inverse variances where they were asked for and are known.
    public func spectra(_ rows: [Int]) throws -> StoredSpectra {
        try held?.rows(rows) ?? data.spectra(instrument, split: split, indices: rows)
    }

    /// The spectra `rows`, in this order: `[rows.count, pixels]`.
    public func tensor(_ rows: [Int]) throws -> Tensor {
        Tensor(try spectra(rows).flux, shape: [rows.count, instrument.grid.count])
    }

    /// The spectra `rows`, in this order, with what an encoder asks for: inverse variances and what follows from them need
    /// rows `withErrors`.
    package func batch(_ rows: [Int], for inputs: SpectrumInputs) throws -> SpectrumBatch {
        let stored = try spectra(rows)
        let flux = Tensor(stored.flux, shape: [rows.count, instrument.grid.count])
        guard !inputs.isEmpty else { return SpectrumBatch(flux) }
        return SpectrumBatch(
            flux, of: instrument, ivar: rows.indices.map { stored.ivar(ofRow: $0).map(Array.init) },
            masks: rows.map { _ in [] }, for: inputs)
    }

    /// The rows that the instrument has seen, ascending.
    public var seen: [Int] { seenRows ?? Array(0..<count) }

    /// Whether the instrument has seen all stars of the split.
    var sawAll: Bool { seenRows == nil }
}

extension TrainingSplit {
    /// The split of a data set this stands for.
    var split: Split { self == .training ? .train : .validation }
}
