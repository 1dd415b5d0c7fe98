import Support

/// Sizes of a masked transformer; the defaults are the published LAMOST encoder (42,677,013 parameters).
public struct MaskedTransformerConfiguration: Codable, Sendable, Hashable {
    /// Width D of tokens inside the model.
    public var width: Int
    /// Transformer blocks.
    public var layers: Int
    /// Attention heads; `width` is a multiple of it.
    public var heads: Int
    /// How a spectrum is cut into tokens.
    public var tokens: SpectrumTokenizer
    /// Rows of the position embedding: the most tokens a spectrum may have.
    public var maxTokens: Int
    /// Which tokens are hidden in pre-training.
    public var mask: TokenMask
    /// How attention logits are scaled.
    public var attentionScale: AttentionScale
    /// Dropout probability while training.
    public var dropout: Double

    enum CodingKeys: String, CodingKey, CaseIterable {
        case kind, width, layers, heads, tokens, maxTokens, mask, attentionScale, dropout
    }

    /// The published sizes.
    public init() {
        width = 768
        layers = 6
        heads = 6
        tokens = SpectrumTokenizer()
        maxTokens = 150
        mask = TokenMask()
        attentionScale = .published
        dropout = 0
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        let base = Self()
        width = try fields(.width, default: base.width)
        layers = try fields(.layers, default: base.layers)
        heads = try fields(.heads, default: base.heads)
        tokens = try fields(.tokens, default: base.tokens)
        maxTokens = try fields(.maxTokens, default: base.maxTokens)
        mask = try fields(.mask, default: base.mask)
        attentionScale = try fields(.attentionScale, default: base.attentionScale)
        dropout = try fields(.dropout, default: base.dropout)
        guard width >= 1, heads >= 1, layers >= 1, width % heads == 0 else {
            throw Diagnostic.invalid(
                path: decoder.codingPath.map(\.stringValue).joined(separator: "."),
                problem: "width \(width) must be a multiple of heads (\(heads)), layers at least 1")
        }
    }

    /// Writes the section, with its kind where there are several.
    public func encode(to encoder: any Swift.Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(width, forKey: .width)
        try container.encode(layers, forKey: .layers)
        try container.encode(heads, forKey: .heads)
        try container.encode(tokens, forKey: .tokens)
        try container.encode(maxTokens, forKey: .maxTokens)
        try container.encode(mask, forKey: .mask)
        try container.encode(attentionScale, forKey: .attentionScale)
        try container.encode(dropout, forKey: .dropout)
    }
}
