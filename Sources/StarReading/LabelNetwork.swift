import Foundation
import Spectra
import Torch
import Training

/// A network fitted straight from rows of numbers to labels: spectra as they are, or the features of a frozen encoder.
///
/// What a model that learned from spectra is worth shows beside the same network on the spectra themselves.
public struct LabelNetwork {
    private let head: LabelHead
    private let names: [String]
    private let mean: [Double]
    private let std: [Double]

    /// Rows with their labels.
    public struct Rows: Sendable {
        package let part: LabelledEmbeddings

        /// - Parameters:
        ///   - inputs: `[N, P]`.
        ///   - labels: per label, per star, in their units; NaN where missing.
        ///   - names: of the labels.
        public init(_ inputs: Tensor, labels: [[Double]], names: [String]) {
            let learned = zip(names, labels).map { $1.map(StellarLabel(named: $0).learned) }
            part = LabelledEmbeddings(embeddings: inputs, labels: learned, names: names)
        }
    }

    /// Fits the network; it ends with the weights that are best on the validation rows.
    /// - Parameters:
    ///   - training: the rows to learn from.
    ///   - validation: the rows that tell when to stop.
    ///   - hidden: widths of the hidden layers.
    ///   - dropout: probability while training.
    ///   - options: batches, steps, rates and stopping.
    ///   - seed: equal seeds give equal results.
    ///   - progress: where to report.
    /// - Throws: `Diagnostic` where a label is known for fewer than two rows.
    public init(
        _ training: Rows, validation: Rows, hidden: [Int], dropout: Double = 0, options: TrainingOptions,
        seed: UInt64, progress: any ProgressSink = SilentProgress()
    ) throws {
        names = training.part.names
        (mean, std) = try training.part.labelStatistics(minimumStars: 2, dataName: "training rows")
        let source = LabelTask.Source(
            parts: [.training: training.part, .validation: validation.part], mean: mean, std: std, device: .cpu)
        Generator.seed(seed)
        let inputs = training.part.embeddings
        head = LabelHead(embedding: inputs.shape[1], hidden: hidden, dropout: dropout, labels: names.count)
        head.embeddingMean.value = inputs.mean(dims: [0], keepDims: false)
        head.embeddingStd.value = inputs.std(dim: 0, unbiased: true, keepDims: false).clamp(min: 1e-6)
        try LabelTask(head, source: source).trainInPassing(options: options, seed: seed, progress: progress)
    }

    /// The labels of rows, per label, per star, in their units.
    public func predict(_ inputs: Tensor) throws -> [[Double]] {
        let values = try catchingTorchErrors { withoutGradient { head(inputs).mean.doubles() } }
        return names.indices.map { label in
            let name = StellarLabel(named: names[label])
            return (0..<inputs.shape[0]).map { star in
                name.value(learned: mean[label] + std[label] * values[star * names.count + label])
            }
        }
    }
}

extension Instrument {
    /// Flux in the form that a network learns best from: as it is where a continuum was divided out, else asinh-scaled, since a
    /// few reddened stars would drown all others.
    public func asinhScaled(_ flux: Tensor) -> Tensor {
        if normalisation.leavesLinesAlone { return flux }
        return (flux / Self.softening).asinh()
    }

    /// By how much the asinh-scaled flux changes with the flux, per pixel.
    func asinhSlope(_ flux: Tensor) -> Tensor {
        if normalisation.leavesLinesAlone { return Tensor.ones(like: flux) }
        return (flux.square() + Self.softening * Self.softening).sqrt().reciprocal()
    }

    /// Flux, relative to that at the normalising pixel, at which the scaling turns from linear to logarithmic.
    private static let softening = 0.05
}
