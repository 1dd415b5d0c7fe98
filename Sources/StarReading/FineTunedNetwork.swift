import Datasets
import Foundation
import SpecCLIP
import Spectra
import Torch
import Training

/// A pre-trained encoder that was fine-tuned on some labelled stars, with the head that reads them: what a foundation
/// model is worth where labels are few.
public struct FineTunedNetwork {
    private let task: FineTuningTask

    /// Fine-tunes.
    /// - Parameters:
    ///   - model: holds the pre-trained encoder, which is changed.
    ///   - instrument: whose spectra they are.
    ///   - configuration: sizes, schedule and seed.
    ///   - data: the data set.
    ///   - chosen: rows of the training split to learn from.
    ///   - seed: equal seeds give equal results.
    ///   - progress: where to report.
    public init(
        _ model: SpecCLIPModel, _ instrument: Instrument, _ configuration: FineTuneConfiguration, data: PairedDataSet,
        chosen: [Int], seed: UInt64, progress: any ProgressSink = SilentProgress()
    ) throws {
        Generator.seed(seed)
        task = try FineTuningTask(model, instrument, configuration, data: data, chosen: chosen, device: .cpu)
        try task.trainInPassing(options: configuration.training, seed: seed, progress: progress)
    }

    /// The labels of prepared spectra `[N, pixels]`, per label, per star, in their units.
    public func predict(_ flux: Tensor) throws -> [[Double]] {
        var labels: [[Double]] = []
        for start in stride(from: 0, to: flux.shape[0], by: 512) {
            let part = try task.predict(flux.narrow(0, start: start, length: min(512, flux.shape[0] - start)))
            labels = labels.isEmpty ? part : zip(labels, part).map { $0 + $1 }
        }
        return labels
    }
}
