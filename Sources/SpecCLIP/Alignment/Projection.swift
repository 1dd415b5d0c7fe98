import Torch

/// From the features of one instrument to its embedding: the part that all instruments share, or that and a private one.
open class Projection: Module {
    /// - Parameter features: `[B, tokens, width]` or `[B, width]`.
    /// - Returns: `[B, embedding]`, also for a batch of one (the published heads drop that axis, quirk Q13).
    open func callAsFunction(_ features: Tensor) -> Tensor { fatalError("a projection projects") }
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
final class CrossAttentionProjection: Projection {
    let crossAttention: QueryAttention
    let mlp: ResidualMLP

    init(features: Int, embedding: Int, heads: Int, dropout: Double) {
        crossAttention = QueryAttention(features: features, embedding: embedding, heads: heads, dropout: dropout)
        mlp = ResidualMLP(width: embedding, dropout: dropout)
        super.init()
    }

    override func callAsFunction(_ features: Tensor) -> Tensor {
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
final class MLPProjection: Projection {
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

    override func callAsFunction(_ features: Tensor) -> Tensor {
        let vector = features.rank == 3 ? features.mean(dims: [1], keepDims: false) : features
        return mlp(featureMlp(projection(vector)))
    }
}

/// Two projections side by side: what all instruments share, then what this one keeps to itself (reference, section 7.5).
final class SplitProjection: Projection {
    let shared: Projection
    let `private`: Projection

    init(shared: Projection, private own: Projection) {
        self.shared = shared
        self.private = own
        super.init()
    }

    override func callAsFunction(_ features: Tensor) -> Tensor {
        Tensor.cat([shared(features), self.private(features)], dim: 1)
    }
}
