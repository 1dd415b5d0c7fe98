import Support

/// Which projection, and its sizes.
public struct ProjectionConfiguration: Codable, Sendable, Hashable {
    /// The two families of the paper; either reads tokens or a latent.
    public enum Kind: String, Codable, Sendable {
        /// A learned query attends to the tokens (reference, section 7.1).
        case crossAttention = "cross-attention"
        /// An MLP on the latent or the mean token (reference, sections 7.2 and 7.3).
        case mlp
    }

    /// The family.
    public var kind: Kind
    /// Attention heads (cross-attention only).
    public var heads: Int
    /// Inner width of the feature MLP (mlp only).
    public var hidden: Int
    /// Attention heads of the private part; half of `heads` when absent, as published.
    public var privateHeads: Int?
    /// Inner width of the private part's feature MLP; `hidden` when absent, as published.
    public var privateHidden: Int?
    /// Dropout probability while training.
    public var dropout: Double

    enum CodingKeys: String, CodingKey, CaseIterable { case kind, heads, hidden, privateHeads, privateHidden, dropout }

    /// A projection of a family; the defaults are the published sizes.
    public init(
        kind: Kind, heads: Int = 4, hidden: Int = 1160, privateHeads: Int? = nil, privateHidden: Int? = nil,
        dropout: Double = 0.1
    ) {
        self.kind = kind
        self.heads = heads
        self.hidden = hidden
        self.privateHeads = privateHeads
        self.privateHidden = privateHidden
        self.dropout = dropout
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        kind = try fields.required(.kind)
        heads = try fields(.heads, default: 4)
        hidden = try fields(.hidden, default: 1160)
        privateHeads = try fields(.privateHeads, default: nil)
        privateHidden = try fields(.privateHidden, default: nil)
        dropout = try fields(.dropout, default: 0.1)
    }

    /// The sizes of the private part of a split projection, as a projection of its own.
    var ofPrivatePart: Self {
        Self(
            kind: kind, heads: privateHeads ?? max(1, heads / 2), hidden: privateHidden ?? hidden, dropout: dropout)
    }

    /// A new projection with initial weights drawn from the default generator.
    /// - Parameters:
    ///   - features: numbers per feature vector.
    ///   - shared: numbers in the shared embedding.
    ///   - own: private numbers behind them; 0 for a unified projection.
    public func makeProjection(features: Int, shared: Int, private own: Int = 0) -> Projection {
        guard own == 0 else {
            return SplitProjection(
                shared: makeProjection(features: features, shared: shared),
                private: ofPrivatePart.makeProjection(features: features, shared: own))
        }
        switch kind {
        case .crossAttention:
            return CrossAttentionProjection(features: features, embedding: shared, heads: heads, dropout: dropout)
        case .mlp: return MLPProjection(features: features, embedding: shared, hidden: hidden, dropout: dropout)
        }
    }
}
