import SpecCLIP
import Torch

/// What labels of somebody's own are read from: spectra at rest, with all that the model says of them.
struct AdaptationInput {
    /// Prepared spectra, `[B, pixels]`.
    var spectra: SpectrumBatch
    /// The encoder's summary of them, `[B, F]`: what instruments share tells less of labels than it, and would stand beside it.
    let features: Tensor
    /// The labels that the model reads, but for velocities, as they are learned, `[B, K]`; NaN where it reads none.
    let known: Tensor
    /// Signal to noise per pixel, NaN where unknown.
    let snr: [Double]

    var count: Int { features.shape[0] }

    /// - Parameter width: numbers of the summary, which stands behind the embedding.
    init(_ reading: LabelInference.Reading, snr: [Double], width: Int) {
        spectra = reading.spectra
        let all = reading.features
        features = all.narrow(1, start: max(0, all.shape[1] - width), length: min(width, all.shape[1]))
        let own = reading.stars.map { $0.estimates.prefix(reading.ownLabels).filter { !$0.label.movesWithStar } }
        known = Tensor(
            own.flatMap { star in star.map { $0.label.learned($0.value) } }, shape: [own.count, own.first?.count ?? 0])
        self.snr = snr
    }

    init(spectra: SpectrumBatch, features: Tensor, known: Tensor, snr: [Double]) {
        (self.spectra, self.features, self.known, self.snr) = (spectra, features, known, snr)
    }
}

/// What reads labels from spectra: learned from some stars, kept in a model file.
protocol LabelPredictor: Module {
    /// Labels in units of their spread about their mean, `[B, labels]`, in double precision on the CPU.
    func callAsFunction(_ input: AdaptationInput) throws -> Tensor
    /// What it takes to make the same predictor, beside its tensors.
    var recipe: PredictorRecipe { get }
    /// The tensors that a file keeps: all, or those that differ from the model's own.
    /// - Parameter labels: those that are read by it, by their places; what is read of others may be left out.
    func keptTensors(for labels: [Int]) -> [(String, Tensor)]
}

/// What a predictor is, but for its tensors.
struct PredictorRecipe: Codable, Sendable, Hashable {
    /// Of a predictor by kernels.
    var kernel: KernelPlaces.Kernel?
    /// Of an encoder of its own; with a model's encoder that was changed, nil.
    var encoder: EncoderConfiguration?
    /// Widths of the hidden layers of an encoder's head.
    var hidden: [Int]?
    /// Rank of the changes of the model's encoder; nil where its parameters themselves were changed.
    var rank: Int?
}
