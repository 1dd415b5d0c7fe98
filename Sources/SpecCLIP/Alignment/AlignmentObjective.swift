import Torch
import Training

/// The loss that aligns instruments: contrast, reconstruction and cross-prediction, each with a weight
/// (SpecCLIP §3.3; reference, section 8).
public struct AlignmentObjective: Codable, Sendable, Hashable {
    /// The multiplier of the cosine similarities; the published code calls it `temperature` (quirk Q17).
    public var temperature: Double
    /// Weight of the contrastive loss.
    public var contrast: Double
    /// Weight of reconstructing a spectrum from its own embedding; 0 leaves the decoders out.
    public var reconstruction: Double
    /// Weight of predicting a spectrum from another instrument's embedding; 0 leaves the decoders out.
    public var prediction: Double

    enum CodingKeys: String, CodingKey, CaseIterable { case temperature, contrast, reconstruction, prediction }

    /// The published clip-pr objective.
    public init(
        temperature: Double = 15.5, contrast: Double = 1, reconstruction: Double = 1, prediction: Double = 1
    ) {
        self.temperature = temperature
        self.contrast = contrast
        self.reconstruction = reconstruction
        self.prediction = prediction
    }

    /// Reads the section strictly.
    /// - Throws: `ConfigurationError` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        temperature = try fields(.temperature, default: 15.5)
        contrast = try fields(.contrast, default: 1)
        reconstruction = try fields(.reconstruction, default: 1)
        prediction = try fields(.prediction, default: 1)
    }

    /// The losses of a batch of the same stars seen by several instruments; the first is the weighted total.
    ///
    /// Pairs of instruments are summed, so that two give the published loss and more need no other code.
    /// - Parameters:
    ///   - features: what the frozen encoders made of the spectra, per `embeddingKey`.
    ///   - flux: the prepared spectra, `[B, pixels]`, per `embeddingKey`.
    public func losses(
        _ model: SpecCLIPModel, features: [String: Tensor], flux: [String: Tensor]
    ) -> [(name: String, value: Tensor)] {
        let keys = model.instruments.map(\.embeddingKey)
        var embeddings: [String: Tensor] = [:]
        for key in keys { embeddings[key] = features[key].flatMap { model.branches[key]?.embed($0) } }

        var contrastTerms: [Tensor] = []
        var reconstructionTerms: [Tensor] = []
        var predictionTerms: [Tensor] = []
        for (i, key) in keys.enumerated() {
            guard let branch = model.branches[key], let own = embeddings[key], let spectra = flux[key] else { continue }
            if reconstruction > 0, let decoder = branch.decoder {
                reconstructionTerms.append(Loss.l1(decoder(own), branch.reconstructionTarget(spectra)))
            }
            for (j, other) in keys.enumerated() where j != i {
                guard let theirs = embeddings[other] else { continue }
                // Private columns are an instrument's own: only its decoder reads them.
                if j > i {
                    let (a, b) = (model.shared(own), model.shared(theirs))
                    contrastTerms.append(contrastiveLoss(a, b, temperature: temperature))
                }
                if prediction > 0, let decoder = branch.crossDecoder {
                    predictionTerms.append(Loss.l1(decoder(model.shared(theirs)), spectra))
                }
            }
        }
        return total([
            ("contrast", contrast, contrastTerms), ("reconstruction", reconstruction, reconstructionTerms),
            ("prediction", prediction, predictionTerms),
        ])
    }

    private func total(_ parts: [(name: String, weight: Double, terms: [Tensor])]) -> [(name: String, value: Tensor)] {
        let sums = parts.compactMap { part -> (name: String, weight: Double, value: Tensor)? in
            guard let first = part.terms.first else { return nil }
            return (part.name, part.weight, part.terms.dropFirst().reduce(first, +))
        }
        guard let first = sums.first else { return [] }
        let total = sums.dropFirst().reduce(first.value * first.weight) { $0 + $1.value * $1.weight }
        return [("loss", total)] + sums.map { ($0.name, $0.value) }
    }
}

/// The symmetric cross-entropy of a batch of pairs: each row must find its partner among all others
/// (Radford et al. 2021; reference, section 8).
/// - Parameters:
///   - a: embeddings `[B, E]`; rows are brought to unit length with `max(norm, 1e-3)` (quirk Q16).
///   - b: their partners, in the same order.
func contrastiveLoss(_ a: Tensor, _ b: Tensor, temperature: Double) -> Tensor {
    let logits = unit(a).matmul(unit(b).transposed()) * temperature
    let partners = Tensor.arange(a.shape[0], device: a.device)
    let forward = Loss.crossEntropy(logits: logits, targets: partners)
    return (forward + Loss.crossEntropy(logits: logits.transposed(), targets: partners)) * 0.5
}

/// Rows of unit length.
/// - Parameter floor: shorter rows are divided by it instead of by their own length; a row of zeros stays one.
public func unit(_ rows: Tensor, floor: Double = 1e-3) -> Tensor {
    rows / rows.norm(dim: 1, keepDims: true).clamp(min: floor)
}
