import Datasets
import Simulation
import Spectra
import Support
import Torch

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
        /// Inverse variances, as the augmentation drew them or as the data set has them; nil where neither does.
        public let ivar: [[Float]?]
        fileprivate let stored: StoredSpectra
        fileprivate let drawn: [Double?]
        fileprivate let instrument: Instrument

        /// What is shown, with what an encoder asks for.
        package func spectra(for inputs: SpectrumInputs) -> SpectrumBatch {
            inputs.isEmpty
                ? SpectrumBatch(flux)
                : SpectrumBatch(flux, of: instrument, ivar: ivar, masks: ivar.map { _ in [] }, for: inputs)
        }

        /// Signal to noise per pixel, as the augmentation drew it or as the data set's inverse variances tell; NaN where
        /// neither does. Worked out when asked for: it sorts all pixels.
        public var snr: [Double] {
            drawn.enumerated().map { row, drawn in drawn ?? stored.signalToNoise(ofRow: row) ?? .nan }
        }
    }

    private let instrument: Instrument
    private let rows: SpectrumRows
    private let augmentation: Augmentation?

    /// - Parameters:
    ///   - data: the data set.
    ///   - instrument: whose spectra they are.
    ///   - split: which part of the data set.
    ///   - augmentation: nil shows the rows as they are.
    public init(
        _ data: PairedDataSet, _ instrument: Instrument, _ split: Split, _ augmentation: Augmentation?
    ) throws {
        (self.instrument, self.augmentation) = (instrument, augmentation)
        rows = try SpectrumRows(data, instrument, split, withErrors: true)
    }

    /// Number of rows, also of stars that the instrument has not seen.
    public var count: Int { rows.count }

    /// The rows that the instrument has seen, ascending.
    public var seen: [Int] { rows.seen }

    /// The spectra `wanted` without any change, with what an encoder asks for.
    package func asTheyAre(_ wanted: [Int], for inputs: SpectrumInputs) throws -> SpectrumBatch {
        try rows.batch(wanted, for: inputs)
    }

    /// The spectra `wanted`, in this order.
    /// - Parameters:
    ///   - wanted: rows, in the order of the batch.
    ///   - random: decides the changes: equal states, equal batches.
    public func batch(_ wanted: [Int], random: inout StepRandom) throws -> Batch {
        let stored = try rows.spectra(wanted)
        let shape = [wanted.count, stored.pixels]
        var errors = wanted.indices.map { stored.ivar(ofRow: $0).map(Array.init) }
        var drawn = [Double?](repeating: nil, count: wanted.count)
        guard let augmentation else {
            let flux = Tensor(stored.flux, shape: shape)
            return Batch(
                flux: flux, clean: flux, changes: Array(repeating: [:], count: wanted.count), ivar: errors,
                stored: stored, drawn: drawn, instrument: instrument)
        }
        var (shown, clean): ([Float], [Float]) = ([], [])
        shown.reserveCapacity(stored.flux.count)
        clean.reserveCapacity(stored.flux.count)
        var changes: [[String: Double]] = []
        for row in wanted.indices {
            var generator = SeededGenerator(seed: random.next())
            let result = augmentation(
                Array(stored.flux(ofRow: row)), ivar: errors[row], of: instrument, using: &generator)
            shown += result.flux
            clean += result.clean
            changes.append(result.labels)
            drawn[row] = result.snr
            if let ivar = result.ivar { errors[row] = ivar }
        }
        return Batch(
            flux: Tensor(shown, shape: shape), clean: Tensor(clean, shape: shape), changes: changes, ivar: errors,
            stored: stored, drawn: drawn, instrument: instrument)
    }
}
