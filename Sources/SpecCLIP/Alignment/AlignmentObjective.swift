import Support
import Torch

/// The loss that aligns instruments: contrast, reconstruction and cross-prediction, each with a weight
/// (SpecCLIP §3.3; reference, section 8).
///
/// In a configuration either a name (`objective: clip-pr`) or a section with weights, whose `kind` is that name.
public struct AlignmentObjective: Codable, Sendable, Hashable {
    /// The objectives of the paper: which losses weigh 1 unless the section says otherwise.
    public enum Kind: String, Codable, Sendable, CaseIterable {
        /// Contrast alone.
        case clip
        /// Contrast and reconstruction.
        case clipR = "clip-r"
        /// Contrast and cross-prediction.
        case clipP = "clip-p"
        /// All three.
        case clipPR = "clip-pr"
        /// All three, with a private part that only the reconstruction reads; needs `privateEmbedding`.
        case clipSplit = "clip-split"
        /// All three at many widths of the shared embedding, so that its first numbers tell most (Ho et al. 2023,
        /// arXiv 2305.11213): it can be cut to any width afterwards. What that costs and gains: docs/iob-results.md.
        case clipOrdered = "clip-ordered"

        var reconstructs: Bool { self != .clip && self != .clipP }
        var predicts: Bool { self != .clip && self != .clipR }

        /// - Throws: `Diagnostic` naming the nearest.
        init(named name: String, path: [any CodingKey]) throws {
            guard let kind = Self(rawValue: name) else {
                let known = Self.allCases.map(\.rawValue)
                let remedy =
                    nearest(to: name, among: known).map { "did you mean '\($0)'?" }
                    ?? "known are " + known.joined(separator: ", ")
                throw Diagnostic.invalid(
                    path: path.map(\.stringValue).joined(separator: "."), problem: "no objective '\(name)'; \(remedy)")
            }
            self = kind
        }
    }

    /// Which objective of the paper it is, up to the weights.
    public var kind: Kind
    /// The multiplier of the cosine similarities; the published code calls it `temperature` (quirk Q17).
    public var temperature: Double
    /// Weight of the contrastive loss.
    public var contrast: Double
    /// Weight of reconstructing a spectrum from its own embedding; 0 leaves the decoders out.
    public var reconstruction: Double
    /// Weight of predicting a spectrum from another instrument's embedding; 0 leaves the decoders out.
    public var prediction: Double

    enum CodingKeys: String, CodingKey, CaseIterable { case kind, temperature, contrast, reconstruction, prediction }

    /// An objective of the paper with the published weights.
    public init(_ kind: Kind = .clipPR) {
        self.kind = kind
        temperature = 15.5
        contrast = 1
        reconstruction = kind.reconstructs ? 1 : 0
        prediction = kind.predicts ? 1 : 0
    }

    /// This objective under another name: `temperature` and the weights that differ from what its own name stands for
    /// stay, the others become those of the new name. `{ kind: clip-pr, prediction: 2 }` as clip-ordered predicts with a
    /// weight of 2 as well; `clip` as clip-r reconstructs with a weight of 1.
    public func replacingKind(_ kind: Kind) -> AlignmentObjective {
        let (old, new) = (Self(self.kind), Self(kind))
        func weight(_ path: KeyPath<Self, Double>) -> Double {
            self[keyPath: path] == old[keyPath: path] ? new[keyPath: path] : self[keyPath: path]
        }
        var result = self
        result.kind = kind
        result.reconstruction = weight(\.reconstruction)
        result.prediction = weight(\.prediction)
        return result
    }

    /// Reads a name, or a section strictly.
    /// - Throws: `Diagnostic` for unknown names and keys and for values out of range.
    public init(from decoder: any Decoder) throws {
        if let name = try? decoder.singleValueContainer().decode(String.self) {
            self.init(try Kind(named: name, path: decoder.codingPath))
            return
        }
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        let name = try fields(.kind, default: Kind.clipPR.rawValue)
        self.init(try Kind(named: name, path: decoder.codingPath + [CodingKeys.kind]))
        temperature = try fields(.temperature, default: temperature)
        contrast = try fields(.contrast, default: contrast)
        reconstruction = try fields(.reconstruction, default: reconstruction)
        prediction = try fields(.prediction, default: prediction)
        for (key, value) in [
            (CodingKeys.temperature, temperature), (.contrast, contrast), (.reconstruction, reconstruction),
            (.prediction, prediction),
        ] where !(value >= 0 && value.isFinite) {
            throw Diagnostic.invalid(
                path: (decoder.codingPath + [key]).map(\.stringValue).joined(separator: "."),
                problem: "\(value) is no weight; give a number that is not negative")
        }
    }

    /// What the model lacks to be trained with this objective, as `field: problem; remedy`; `nil` when nothing.
    public func problem(aligning model: ModelDescription) -> String? {
        let isSplit = model.privateEmbedding != nil
        if kind == .clipSplit, !isSplit {
            return "privateEmbedding: is missing, and objective clip-split needs it; give its width or take clip-pr"
        }
        if kind == .clipOrdered, isSplit {
            return "privateEmbedding: objective clip-ordered orders one embedding; leave it out or take clip-split"
        }
        if isSplit, reconstruction == 0 {
            return "privateEmbedding: objective \(kind.rawValue) does not reconstruct, so nothing would train it; "
                + "take clip-split or leave it out"
        }
        for branch in model.branches {
            if reconstruction > 0, branch.decoder == nil {
                return "instruments.\(branch.instrument.name).decoder: is missing, and objective \(kind.rawValue) "
                    + "reconstructs; give one, or take clip or clip-p"
            }
            if prediction > 0, model.branches.count > 1, branch.crossDecoder == nil {
                return "instruments.\(branch.instrument.name).crossDecoder: is missing, and objective \(kind.rawValue) "
                    + "predicts one instrument from another; give one, or take clip or clip-r"
            }
        }
        return nil
    }

    /// The losses of a batch of the same stars seen by several instruments; the first is the weighted total.
    ///
    /// Pairs of instruments are summed, so that two give the published loss and more need no other code. Contrast and
    /// prediction read the shared part of the embeddings, the reconstruction all of them.
    /// - Parameters:
    ///   - features: what the frozen encoders made of the spectra, per `embeddingKey`.
    ///   - flux: the prepared spectra, `[B, pixels]`, per `embeddingKey`.
    ///   - sharpness: learned temperatures of the widths (clip-ordered); without them all are `temperature`.
    public func losses(
        _ model: SpecCLIPModel, features: [String: Tensor], flux: [String: Tensor], sharpness: Sharpness? = nil
    ) -> [(name: String, value: Tensor)] {
        let keys = model.instruments.map(\.embeddingKey)
        var embeddings: [String: Tensor] = [:]
        for key in keys { embeddings[key] = features[key].flatMap { model.branches[key]?.embed($0) } }
        let shared = embeddings.mapValues(model.shared)
        let ordered = kind == .clipOrdered ? OrderedWidths(upTo: model.descriptionOfModel.embedding ?? 1) : nil
        // The decoders of ordered embeddings see every star whole, and cut to a width of its own: both in one batch, since
        // batch norm must learn what it will meet.
        let decoded = embeddings.mapValues { ordered?.withCuts($0) ?? $0 }
        let decodedShared = decoded.mapValues(model.shared)
        let targets = flux.mapValues { ordered?.targets($0) ?? $0 }
        let cuts = ordered?.draw() ?? []

        var contrastTerms: [Tensor] = []
        var reconstructionTerms: [Tensor] = []
        var predictionTerms: [Tensor] = []
        for (i, key) in keys.enumerated() {
            guard let branch = model.branches[key], let own = decoded[key], let spectra = targets[key],
                let ownShared = shared[key]
            else { continue }
            if reconstruction > 0, let decoder = branch.decoder {
                reconstructionTerms.append(Loss.l1(decoder(own), branch.reconstructionTarget(spectra)))
            }
            for (j, other) in keys.enumerated() where j != i {
                guard let theirs = shared[other], let theirsDecoded = decodedShared[other] else { continue }
                if j > i { contrastTerms.append(contrast(ownShared, theirs, cuts, sharpness)) }
                if prediction > 0, let decoder = branch.crossDecoder {
                    predictionTerms.append(Loss.l1(decoder(theirsDecoded), spectra))
                }
            }
        }
        return total([
            ("contrast", contrast, contrastTerms), ("reconstruction", reconstruction, reconstructionTerms),
            ("prediction", prediction, predictionTerms),
        ])
    }

    /// The contrastive loss; where the embeddings are cut, half of it at full width and half over the cuts.
    private func contrast(_ a: Tensor, _ b: Tensor, _ widths: [Int], _ sharpness: Sharpness?) -> Tensor {
        func loss(_ width: Int) -> Tensor {
            let (a, b) = (a.narrow(1, start: 0, length: width), b.narrow(1, start: 0, length: width))
            guard let sharpness else { return contrastiveLoss(a, b, temperature: temperature) }
            return contrastiveLoss(a, b, temperature: sharpness(width: width) * temperature)
        }
        let (whole, terms) = (loss(a.size(1)), widths.map(loss))
        guard let first = terms.first else { return whole }
        return (whole + terms.dropFirst().reduce(first, +) / Double(terms.count)) * 0.5
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
///   - temperature: what cosines are multiplied with.
func contrastiveLoss(_ a: Tensor, _ b: Tensor, temperature: Double) -> Tensor {
    contrastiveLoss(logits: unit(a).matmul(unit(b).transposed()) * temperature)
}

/// The same with a temperature that is learned: a tensor of one number.
func contrastiveLoss(_ a: Tensor, _ b: Tensor, temperature: Tensor) -> Tensor {
    contrastiveLoss(logits: unit(a).matmul(unit(b).transposed()) * temperature)
}

private func contrastiveLoss(logits: Tensor) -> Tensor {
    let partners = Tensor.arange(logits.shape[0], device: logits.device)
    let forward = Loss.crossEntropy(logits: logits, targets: partners)
    return (forward + Loss.crossEntropy(logits: logits.transposed(), targets: partners)) * 0.5
}

/// Rows of unit length.
/// - Parameter floor: shorter rows are divided by it instead of by their own length; a row of zeros stays one.
public func unit(_ rows: Tensor, floor: Double = 1e-3) -> Tensor {
    rows / rows.norm(dim: 1, keepDims: true).clamp(min: floor)
}
