import Foundation
import Torch

/// How attention logits are scaled.
public enum AttentionScale: String, Codable, Sendable {
    /// 1/d: the published code scales the query by d^-½ and its fused kernel scales once more (quirk Q1).
    case published
    /// 1/√d, as in Vaswani et al. 2017.
    case standard

    func factor(headWidth d: Int) -> Double {
        switch self {
        case .published: 1 / Double(d)
        case .standard: 1 / Double(d).squareRoot()
        }
    }
}

/// Multi-head self-attention of the masked transformer (reference, section 2.1).
final class SpectrumAttention: Module {
    let qProj: Linear
    let kvProj: Linear
    let outProj: Linear
    private let heads: Int
    private let scale: Double

    init(width: Int, heads: Int, scale: AttentionScale) {
        qProj = Linear(width, width)
        kvProj = Linear(width, 2 * width)
        outProj = Linear(width, width)
        self.heads = heads
        self.scale = scale.factor(headWidth: width / heads)
        super.init()
    }

    /// - Parameter x: `[B, T, D]`.
    /// - Returns: `[B, T, D]`.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let keysValues = kvProj(x).chunk(2, -1)
        let attended = scaledDotProductAttention(
            split(qProj(x)), split(keysValues[0]), split(keysValues[1]), scale: scale, dropout: 0)
        return outProj(attended.transposed(1, 2).reshaped(x.shape))
    }

    /// How much every token attends to every other, as the model itself does (the published code gives weights of
    /// another scale, quirk Q2).
    /// - Parameter x: `[B, T, D]`.
    /// - Returns: `[B, heads, T, T]`; rows sum to 1.
    func weights(_ x: Tensor) -> Tensor {
        let (queries, keys) = (split(qProj(x)), split(kvProj(x).chunk(2, -1)[0]))
        return (queries.matmul(keys.transposed()) * scale).softmax()
    }

    /// `[B, T, D]` → `[B, heads, T, D / heads]`.
    private func split(_ x: Tensor) -> Tensor {
        x.reshaped([x.shape[0], x.shape[1], heads, x.shape[2] / heads]).transposed(1, 2)
    }
}

/// A pre-norm block: attention and a four times wider MLP, each added to its input (reference, section 2.2).
final class TransformerBlock: Module {
    let ln1: LayerNorm
    let attention: SpectrumAttention
    let ln2: LayerNorm
    let mlp: Sequential

    init(width: Int, heads: Int, scale: AttentionScale, dropout: Double) {
        ln1 = LayerNorm(width)
        attention = SpectrumAttention(width: width, heads: heads, scale: scale)
        ln2 = LayerNorm(width)
        mlp = Sequential([Linear(width, 4 * width), GELU(), Linear(4 * width, width), Dropout(dropout)])
        super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let attended = x + attention(ln1(x))
        return attended + mlp(ln2(attended))
    }
}
