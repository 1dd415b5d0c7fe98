/// softmax(q kᵀ · scale) v through libtorch's fused kernel.
///
/// - Parameters:
///   - q: (…, queries, d)
///   - k: (…, keys, d)
///   - v: (…, keys, e)
///   - mask: true where a query may look at a key, (…, queries, keys) or a shape that is broadcast to it; a query that may
///     look at none gets NaN. All may look at all when `nil`.
///   - scale: 1/√d when `nil`.
///   - dropout: the probability to drop an attention weight; pass 0 in evaluation.
/// - Returns: (…, queries, e)
public func scaledDotProductAttention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, mask: Tensor? = nil, scale: Double? = nil, dropout: Double = 0
) -> Tensor {
    ATen.attention(
        .tensor(q), .tensor(k), .tensor(v), .optional(mask), .double(dropout), false, .optional(scale))
}

/// Attention with several heads and linear maps around it, as PyTorch's `nn.MultiheadAttention` with `batch_first`.
///
/// Where queries, keys and values have the same size, the three input maps are one packed matrix (`in_proj_weight`), else
/// three (`q_proj_weight`, `k_proj_weight`, `v_proj_weight`): the names of published checkpoints depend on it.
public final class MultiheadAttention: Module {
    /// (3 · embed, embed): the maps of queries, keys and values, in this order; `nil` if they are separate.
    public let inProjWeight: Parameter?
    /// (embed, embed)
    public let qProjWeight: Parameter?
    /// (embed, kdim)
    public let kProjWeight: Parameter?
    /// (embed, vdim)
    public let vProjWeight: Parameter?
    /// (3 · embed), initially 0
    public let inProjBias: Parameter
    /// (embed, embed)
    public let outProj: Linear
    private let embedDim: Int
    private let heads: Int
    private let dropout: Double

    /// - Parameters:
    ///   - embedDim: the size of queries and output; a multiple of `heads`.
    ///   - heads: how many.
    ///   - kdim: the size of keys, `embedDim` when `nil`.
    ///   - vdim: the size of values, `embedDim` when `nil`.
    ///   - dropout: the probability to drop an attention weight in training.
    public init(embedDim: Int, heads: Int, kdim: Int? = nil, vdim: Int? = nil, dropout: Double = 0) {
        precondition(heads > 0 && embedDim % heads == 0, "MultiheadAttention: \(heads) heads do not divide \(embedDim)")
        let (kdim, vdim) = (kdim ?? embedDim, vdim ?? embedDim)
        let isPacked = kdim == embedDim && vdim == embedDim
        inProjWeight = isPacked ? Parameter(.empty([3 * embedDim, embedDim])) : nil
        qProjWeight = isPacked ? nil : Parameter(.empty([embedDim, embedDim]))
        kProjWeight = isPacked ? nil : Parameter(.empty([embedDim, kdim]))
        vProjWeight = isPacked ? nil : Parameter(.empty([embedDim, vdim]))
        inProjBias = Parameter(.zeros([3 * embedDim]))
        outProj = Linear(embedDim, embedDim)
        self.embedDim = embedDim
        self.heads = heads
        self.dropout = dropout
        super.init()
        for weight in [inProjWeight, qProjWeight, kProjWeight, vProjWeight].compactMap({ $0 }) {
            Initializer.xavierUniform.apply(to: weight)
        }
        if let bias = outProj.bias { Initializer.zeros.apply(to: bias) }
    }

    /// - Parameters:
    ///   - query: (batch, queries, embed)
    ///   - key: (batch, keys, kdim)
    ///   - value: (batch, keys, vdim)
    /// - Returns: (batch, queries, embed)
    public func callAsFunction(query: Tensor, key: Tensor, value: Tensor) -> Tensor {
        let weights =
            inProjWeight.map { $0.value.chunk(3) }
            ?? [qProjWeight, kProjWeight, vProjWeight].compactMap { $0?.value }
        let biases = inProjBias.value.chunk(3)
        let (q, k, v) = (
            split(linear(query, weights[0], biases[0])), split(linear(key, weights[1], biases[1])),
            split(linear(value, weights[2], biases[2]))
        )
        let mixed = scaledDotProductAttention(q, k, v, dropout: isTraining ? dropout : 0)
        return outProj(mixed.transposed(1, 2).reshaped([query.size(0), query.size(1), embedDim]))
    }

    /// (batch, n, embed) → (batch, heads, n, embed / heads)
    private func split(_ x: Tensor) -> Tensor {
        x.reshaped([x.size(0), x.size(1), heads, embedDim / heads]).transposed(1, 2)
    }
}
