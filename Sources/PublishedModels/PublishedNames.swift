import Foundation
import SpecCLIP

/// How tensors are called in the published state dictionaries, and in our models: one to one.
///
/// A backbone file names its tensors as the encoder does; a CLIP file puts `<instrument>_encoder.backbone.`,
/// `<instrument>_encoder.`, `<instrument>_decoder.` and `<instrument>_cross_decoder.` before them (reference, section 8).
public struct PublishedNames: Sendable {
    /// Instruments by `embeddingKey`, which is also their prefix in the published names.
    private let keys: [String]
    /// Whether there is nothing but one encoder.
    private let isBackbone: Bool

    /// The names of a model of this description.
    public init(_ description: ModelDescription) {
        keys = description.instruments.map(\.embeddingKey)
        isBackbone = description.embedding == nil && keys.count == 1
    }

    /// Layers of tensors the published classes hold and never use (quirk Q9).
    static let unused = ["conv1d.", "conv_head."]

    /// Parts of a head: the published beginning, and ours below `projection.`. A split head has each twice.
    private static let headParts: [(published: String, ours: String)] = ["shared", "private"].flatMap { part in
        [
            ("\(part)_attention.", "\(part).cross_attention."), ("\(part)_mlp.", "\(part).mlp."),
            ("\(part)_projection.", "\(part).projection."), ("\(part)_feature_mlp.", "\(part).feature_mlp."),
        ]
    }

    /// Our name of a published tensor; `nil` for one that no model has.
    public func ours(_ published: String) -> String? {
        if isBackbone { return "branches.\(keys[0]).backbone.\(published)" }
        for key in keys {
            let branch = "branches.\(key)."
            if let rest = published.dropping(prefix: "\(key)_encoder.backbone.") { return branch + "backbone." + rest }
            if let rest = published.dropping(prefix: "\(key)_encoder.") {
                for part in Self.headParts {
                    if let end = rest.dropping(prefix: part.published) {
                        return branch + "projection." + part.ours + end
                    }
                }
                return branch + "projection." + rest
            }
            if let rest = published.dropping(prefix: "\(key)_decoder.") { return branch + "decoder." + rest }
            if let rest = published.dropping(prefix: "\(key)_cross_decoder.") {
                return branch + "cross_decoder." + rest
            }
        }
        return nil
    }

    /// The published name of one of our tensors; `nil` for one that no published class has.
    public func published(_ ours: String) -> String? {
        for key in keys {
            guard let path = ours.dropping(prefix: "branches.\(key).") else { continue }
            if let rest = path.dropping(prefix: "backbone.") {
                return isBackbone ? rest : "\(key)_encoder.backbone.\(rest)"
            }
            if let rest = path.dropping(prefix: "projection.") {
                for part in Self.headParts {
                    if let end = rest.dropping(prefix: part.ours) { return "\(key)_encoder." + part.published + end }
                }
                return "\(key)_encoder.\(rest)"
            }
            if let rest = path.dropping(prefix: "decoder.") { return "\(key)_decoder.\(rest)" }
            if let rest = path.dropping(prefix: "cross_decoder.") { return "\(key)_cross_decoder.\(rest)" }
        }
        return nil
    }
}

extension String {
    /// What follows a prefix; `nil` where the text does not begin with it.
    func dropping(prefix: String) -> String? { hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil }
}

/// What a user tells about a checkpoint that names and shapes of its tensors do not.
public struct PublishedHints: Sendable {
    /// Checkpoints of the backbones, for their hyper-parameters.
    public var backbones: [URL]
    /// Attention heads of masked transformers.
    public var heads: Int?
    /// Attention heads of cross-attention projections.
    public var projectionHeads: Int?
    /// Pixels that two neighbouring sections of a spectrum share.
    public var overlap: Int?

    /// Nothing but what is given.
    public init(backbones: [URL] = [], heads: Int? = nil, projectionHeads: Int? = nil, overlap: Int? = nil) {
        self.backbones = backbones
        self.heads = heads
        self.projectionHeads = projectionHeads
        self.overlap = overlap
    }
}
