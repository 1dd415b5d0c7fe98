import Datasets
import Foundation
import Simulation
import SpecCLIP
import Spectra
import StarReading
import Support
import Torch

/// Held-out stars as a model reads them: posteriors, flags, and what the catalogue says.
public struct HeldOutStars {
    /// Which instrument saw them.
    public let instrument: Instrument
    /// Prepared spectra, `[N, pixels]`, and the model's features of them, `[N, F]`, at rest where the model can tell.
    public let flux: Tensor, features: Tensor
    /// Calibrated posteriors.
    public let samples: PosteriorSamples
    /// Per label of the samples, per star; NaN where unknown.
    public let truth: [[Double]]
    /// Signal to noise per pixel; NaN where unknown.
    public let snr: [Double]
    /// Reasons to mistrust each star.
    public let flags: [QualityFlags]

    /// Samples per posterior that a report is made of.
    public static let draws = 1000

    /// How many stars.
    public var count: Int { snr.count }

    /// Reads rows of a data set.
    /// - Parameters:
    ///   - rows: which stars of the split.
    ///   - observing: how noise-free spectra are observed first; nil takes spectra as they are.
    public init(
        _ reader: StarReader, _ instrument: Instrument, _ data: PairedDataSet, _ split: Split, rows: [Int],
        observing: ObservingConditions?
    ) throws {
        let heads = try reader.labels()
        let inputs = reader.model.inputs(of: instrument)
        let (labels, draws) = (try heads.labels(for: instrument), heads.draws)
        var augmentation: Augmentation?
        if let observing {
            augmentation = Augmentation()
            augmentation?.observing = observing
        }
        let source = try AugmentedRows(data, instrument, split, augmentation)
        let catalogue = try labels.map { label in
            data.labelNames.contains(label.name) ? try data.labels(label.name, split: split) : nil
        }
        var (flux, features): ([Tensor], [Tensor]) = ([], [])
        var values: [Float] = []
        var truth = labels.map { _ in [Double]() }
        var snr: [Double] = []
        var flags: [QualityFlags] = []
        for start in stride(from: 0, to: rows.count, by: 256) {
            try Interruption.check()
            let wanted = Array(rows[start..<min(start + 256, rows.count)])
            var random = StepRandom(0x7E57, UInt64(start))
            let batch = try source.batch(wanted, random: &random)
            let read = try reader.reading(
                batch.spectra(for: inputs), from: instrument, .init(ivar: batch.ivar, snr: batch.snr))
            values += (read.posterior ?? PosteriorSamples(gaussians: read.stars, draws: draws)).values
            flags += read.stars.map(\.flags)
            snr += batch.snr
            for (i, label) in labels.enumerated() {
                truth[i] += zip(wanted, batch.changes).map { row, changes in
                    (catalogue[i]?[row] ?? .nan) + (changes[label.name] ?? 0)
                }
            }
            flux.append(read.flux)
            features.append(read.features)
        }
        self.instrument = instrument
        self.flux = flux.isEmpty ? Tensor.zeros([0, instrument.grid.count]) : Tensor.cat(flux, dim: 0)
        self.features = features.isEmpty ? Tensor.zeros([0, 1]) : Tensor.cat(features, dim: 0)
        samples = PosteriorSamples(values, draws: draws, labels: labels)
        (self.truth, self.snr, self.flags) = (truth, snr, flags)
    }
}
