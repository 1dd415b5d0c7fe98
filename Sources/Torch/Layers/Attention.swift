/// softmax(q kᵀ · scale) v through libtorch's fused kernel.
///
/// - Parameters:
///   - q: (…, queries, d)
///   - k: (…, keys, d)
///   - v: (…, keys, e)
///   - scale: 1/√d when `nil`.
///   - dropout: the probability to drop an attention weight; pass 0 in evaluation.
/// - Returns: (…, queries, e)
public func scaledDotProductAttention(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, scale: Double? = nil, dropout: Double = 0
) -> Tensor {
    ATen.attention(.tensor(q), .tensor(k), .tensor(v), nil, .double(dropout), false, .optional(scale))
}
