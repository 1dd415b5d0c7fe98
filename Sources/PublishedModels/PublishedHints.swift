import Foundation

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
