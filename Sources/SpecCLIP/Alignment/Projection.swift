import Support
import Torch

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
    public func makeProjection(features: Int, shared: Int, private own: Int = 0) -> any Projection {
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

/// From the features of one instrument to its embedding: the part that all instruments share, or that and a private one.
public protocol Projection: Module {
    /// - Parameter features: `[B, tokens, width]` or `[B, width]`.
    /// - Returns: `[B, embedding]`, also for a batch of one (the published heads drop that axis, quirk Q13).
    func callAsFunction(_ features: Tensor) -> Tensor
}

/// `x + mlp(x)` with a four times wider inner layer: the end of every projection.
final class ResidualMLP: Module {
    let encoder: Linear
    let decoder: Linear
    private let activation = GELU()
    private let dropout: Dropout

    init(width: Int, dropout: Double) {
        encoder = Linear(width, 4 * width)
        decoder = Linear(4 * width, width)
        self.dropout = Dropout(dropout)
        super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { x + dropout(decoder(activation(encoder(x)))) }
}

/// A learned query reads the tokens (reference, section 7.1).
final class CrossAttentionProjection: Module, Projection {
    let crossAttention: QueryAttention
    let mlp: ResidualMLP

    init(features: Int, embedding: Int, heads: Int, dropout: Double) {
        crossAttention = QueryAttention(features: features, embedding: embedding, heads: heads, dropout: dropout)
        mlp = ResidualMLP(width: embedding, dropout: dropout)
        super.init()
    }

    func callAsFunction(_ features: Tensor) -> Tensor {
        mlp(crossAttention(features.rank == 2 ? features.unsqueezed(1) : features))
    }
}

/// The attention of a `CrossAttentionProjection`, with its query and its layer norm.
final class QueryAttention: Module {
    let query: Parameter
    let multiheadAttn: MultiheadAttention
    let layernorm: LayerNorm
    private let dropout: Dropout

    init(features: Int, embedding: Int, heads: Int, dropout: Double) {
        query = Parameter(Tensor.randn([1, 1, embedding]))
        multiheadAttn = MultiheadAttention(embedDim: embedding, heads: heads, kdim: features, vdim: features)
        layernorm = LayerNorm(embedding)
        self.dropout = Dropout(dropout)
        super.init()
    }

    /// `[B, T, features]` → `[B, embedding]`.
    func callAsFunction(_ tokens: Tensor) -> Tensor {
        let queries = query.value.expanded([tokens.shape[0], -1, -1])
        let read = multiheadAttn(query: queries, key: tokens, value: tokens)
        return layernorm(dropout(read)).squeezed(1)
    }
}

/// An MLP on the latent, or on the mean token (reference, sections 7.2 and 7.3).
final class MLPProjection: Module, Projection {
    let projection: Linear
    let featureMlp: Sequential
    let mlp: ResidualMLP

    init(features: Int, embedding: Int, hidden: Int, dropout: Double) {
        projection = Linear(features, embedding)
        featureMlp = Sequential([
            Linear(embedding, hidden), LayerNorm(hidden), GELU(),
            Linear(hidden, embedding), LayerNorm(embedding), Dropout(dropout),
        ])
        mlp = ResidualMLP(width: embedding, dropout: dropout)
        super.init()
    }

    func callAsFunction(_ features: Tensor) -> Tensor {
        let vector = features.rank == 3 ? features.mean(dims: [1], keepDims: false) : features
        return mlp(featureMlp(projection(vector)))
    }
}

/// Two projections side by side: what all instruments share, then what this one keeps to itself (reference, section 7.5).
final class SplitProjection: Module, Projection {
    let shared: any Projection
    let `private`: any Projection

    init(shared: any Projection, private own: any Projection) {
        self.shared = shared
        self.private = own
        super.init()
    }

    func callAsFunction(_ features: Tensor) -> Tensor {
        Tensor.cat([shared(features), self.private(features)], dim: 1)
    }
}
