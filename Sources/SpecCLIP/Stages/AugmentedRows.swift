import Spectra
import Torch
import Training

/// Rows of one instrument as a training shows them: changed anew each time, with labels that say so.
public struct AugmentedRows: Sendable {
    /// Spectra of one batch, `[B, pixels]` each.
    public struct Batch: Sendable {
        /// What is shown.
        public let flux: Tensor
        /// The same without noise, sky lines and gaps.
        public let clean: Tensor
        /// Labels that the change concerns, per row, to be added to what the data set says.
        public let changes: [[String: Double]]
        /// Signal to noise per pixel, as the augmentation drew it or as the data set's inverse variances tell; NaN where
        /// neither does.
        public let snr: [Double]
        /// Inverse variances, as the augmentation drew them or as the data set has them; nil where neither does.
        public let ivar: [[Float]?]
    }

    private let data: PairedDataSet
    private let instrument: Instrument
    private let split: Split
    private let rows: SpectrumRows
    private let augmentation: Augmentation?

    /// - Parameter augmentation: nil shows the rows as they are.
    public init(
        _ data: PairedDataSet, _ instrument: Instrument, _ split: Split, _ augmentation: Augmentation?
    ) throws {
        (self.data, self.instrument, self.split, self.augmentation) = (data, instrument, split, augmentation)
        rows = try SpectrumRows(data, instrument, split)
    }

    /// Number of spectra.
    public var count: Int { rows.count }

    /// The spectra `wanted`, in this order.
    /// - Parameter random: decides the changes: equal states, equal batches.
    public func batch(_ wanted: [Int], random: inout StepRandom) throws -> Batch {
        let flux = try rows.tensor(wanted)
        let pixels = instrument.grid.count
        let values = flux.floats()
        let ivar = try data.ivar(instrument, split: split, indices: wanted)
        var snr = wanted.indices.map { row in
            let part = row * pixels..<(row + 1) * pixels
            return ivar.flatMap { PreparedSpectrum.signalToNoise(values[part], $0[part]) } ?? .nan
        }
        var errors = wanted.indices.map { row in ivar.map { Array($0[row * pixels..<(row + 1) * pixels]) } }
        guard let augmentation else {
            return Batch(
                flux: flux, clean: flux, changes: Array(repeating: [:], count: wanted.count), snr: snr, ivar: errors)
        }
        var (shown, clean): ([Float], [Float]) = ([], [])
        shown.reserveCapacity(values.count)
        clean.reserveCapacity(values.count)
        var changes: [[String: Double]] = []
        for row in wanted.indices {
            var generator = SeededGenerator(seed: random.next())
            let part = row * pixels..<(row + 1) * pixels
            let result = augmentation(Array(values[part]), ivar: errors[row], of: instrument, using: &generator)
            shown += result.flux
            clean += result.clean
            changes.append(result.labels)
            if let drawn = result.snr { snr[row] = drawn }
            if let drawn = result.ivar { errors[row] = drawn }
        }
        let shape = [wanted.count, pixels]
        return Batch(
            flux: Tensor(shown, shape: shape), clean: Tensor(clean, shape: shape), changes: changes, snr: snr,
            ivar: errors)
    }
}
