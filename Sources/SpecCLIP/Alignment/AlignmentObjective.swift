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
                let remedy = suggestion(for: name, among: Self.allCases.map(\.rawValue))
                throw Diagnostic.invalid(
                    path: path.map(\.stringValue).joined(separator: "."), problem: "no objective '\(name)'; \(remedy)")
            }
            self = kind
        }
    }

    /// Which objective of the paper it is, up to the weights.
    public var kind: Kind
    /// The multiplier of the cosine similarities; the published code calls it `temperature` (quirk Q17).
    public var logitScale: Double
    /// Weight of the contrastive loss.
    public var contrast: Double
    /// Weight of reconstructing a spectrum from its own embedding; 0 leaves the decoders out.
    public var reconstruction: Double
    /// Weight of predicting a spectrum from another instrument's embedding; 0 leaves the decoders out.
    public var prediction: Double
    /// Further terms, by the names they are registered under.
    public var terms: [String: WeightedTerm] = [:]

    enum CodingKeys: String, CodingKey, CaseIterable {
        case kind, logitScale, contrast, reconstruction, prediction, terms
    }

    /// An objective of the paper with the published weights.
    public init(_ kind: Kind = .clipPR) {
        self.kind = kind
        logitScale = 15.5
        contrast = 1
        reconstruction = kind.reconstructs ? 1 : 0
        prediction = kind.predicts ? 1 : 0
    }

    /// This objective under another name: `logitScale` and the weights that differ from what its own name stands for
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
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self, former: ["temperature"])
        let name = try fields(.kind, default: Kind.clipPR.rawValue)
        self.init(try Kind(named: name, path: decoder.codingPath + [CodingKeys.kind]))
        logitScale = try fields(.logitScale, default: logitScale, formerly: "temperature")
        contrast = try fields(.contrast, default: contrast)
        reconstruction = try fields(.reconstruction, default: reconstruction)
        prediction = try fields(.prediction, default: prediction)
        terms = try fields(.terms, default: [:])
        for (key, value) in [
            (CodingKeys.logitScale, logitScale), (.contrast, contrast), (.reconstruction, reconstruction),
            (.prediction, prediction),
        ] where !(value >= 0 && value.isFinite) {
            throw Diagnostic.invalid(
                path: (decoder.codingPath + [key]).map(\.stringValue).joined(separator: "."),
                problem: "\(value) is no weight; give a number that is not negative")
        }
    }

    /// Writes the section; without further terms as before there were any.
    public func encode(to encoder: any Swift.Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        try container.encode(logitScale, forKey: .logitScale)
        try container.encode(contrast, forKey: .contrast)
        try container.encode(reconstruction, forKey: .reconstruction)
        try container.encode(prediction, forKey: .prediction)
        if !terms.isEmpty { try container.encode(terms, forKey: .terms) }
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

    /// The losses of a batch of stars; the first is the weighted total.
    ///
    /// Pairs of instruments are summed, so that two give the published loss and more need no other code. A term that the
    /// batch gives nothing for (no star seen by two instruments) is left out.
    public func losses(_ views: AlignedViews) throws -> [(name: String, value: Tensor)] {
        let published: [(name: String, weight: Double, term: any AlignmentTerm)] = [
            ("contrast", contrast, ContrastTerm(logitScale: logitScale)),
            ("reconstruction", reconstruction, ReconstructionTerm()),
            ("prediction", prediction, PredictionTerm()),
        ]
        let further = terms.sorted { $0.key < $1.key }.map {
            (name: $0.key, weight: $0.value.weight, term: $0.value.term)
        }
        let sums = try (published + further).filter { $0.name == "contrast" || $0.weight > 0 }.compactMap { part in
            try part.term.loss(views).map { (name: part.name, weight: part.weight, value: $0) }
        }
        guard let first = sums.first else { return [("loss", zero(views))] }
        let total = sums.dropFirst().reduce(first.value * first.weight) { $0 + $1.value * $1.weight }
        return [("loss", total)] + sums.map { ($0.name, $0.value) }
    }

    /// 0 with a gradient of 0: a batch of stars that no two instruments have seen teaches nothing.
    private func zero(_ views: AlignedViews) -> Tensor {
        (views.keys.first.flatMap { views.embeddings[$0] } ?? Tensor.zeros([1])).sum() * 0
    }

    /// The losses of a batch that all instruments have seen.
    /// - Parameters:
    ///   - features: what the frozen encoders made of the spectra, per `embeddingKey`.
    ///   - flux: the prepared spectra, `[B, pixels]`, per `embeddingKey`.
    package func losses(
        _ model: SpecCLIPModel, features: [String: Tensor], flux: [String: Tensor],
        widthScales: WidthLogitScales? = nil
    ) throws -> [(name: String, value: Tensor)] {
        try losses(
            AlignedViews(
                model, features: features, flux: flux, isOrdered: kind == .clipOrdered, widthScales: widthScales))
    }
}
