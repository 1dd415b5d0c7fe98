import Torch

/// Rows cut into patches, attention between these, and their mean as latents: `[B, …] → [B, latents]`.
final class PatchEncoder: Module, Layer {
    let embed: Linear
    let position: Parameter
    let blocks: [PatchBlock]
    let norm: LayerNorm
    let head: Linear
    private let patch: Int
    private let padding: Int

    init(features: Int, patch: Int, width: Int, layers: Int, heads: Int, latents: Int) {
        let tokens = (features + patch - 1) / patch
        self.patch = patch
        padding = tokens * patch - features
        embed = Linear(patch, width)
        position = Parameter(Tensor.randn([tokens, width]) * 0.02)
        blocks = (0..<layers).map { _ in PatchBlock(width: width, heads: heads) }
        norm = LayerNorm(width)
        head = Linear(width, latents)
        super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let rows = x.reshaped([x.size(0), -1]).padded([0, padding])
        let tokens = embed(rows.reshaped([x.size(0), -1, patch])) + position.value
        return head(norm(blocks.reduce(tokens) { $1($0) }).mean(dims: [1]))
    }
}

/// The mirror of `PatchEncoder`: every token starts from the latents and its place: `[B, latents] → [B, …]`.
final class PatchDecoder: Module, Layer {
    let embed: Linear
    let position: Parameter
    let blocks: [PatchBlock]
    let norm: LayerNorm
    let head: Linear
    private let shape: [Int]
    private let features: Int

    init(shape: [Int], patch: Int, width: Int, layers: Int, heads: Int, latents: Int) {
        self.shape = shape
        features = shape.reduce(1, *)
        embed = Linear(latents, width)
        position = Parameter(Tensor.randn([(features + patch - 1) / patch, width]))
        blocks = (0..<layers).map { _ in PatchBlock(width: width, heads: heads) }
        norm = LayerNorm(width)
        head = Linear(width, patch)
        super.init()
    }

    func callAsFunction(_ z: Tensor) -> Tensor {
        let tokens = embed(z).unsqueezed(1) + position.value
        let patches = head(norm(blocks.reduce(tokens) { $1($0) }))
        return patches.flattened(from: 1).narrow(1, start: 0, length: features).reshaped([z.size(0)] + shape)
    }
}

/// A pre-norm block: attention and an MLP, each added to its input.
final class PatchBlock: Module {
    let norm1: LayerNorm
    let attention: MultiheadAttention
    let norm2: LayerNorm
    let mlp: Sequential

    init(width: Int, heads: Int) {
        norm1 = LayerNorm(width)
        attention = MultiheadAttention(embedDim: width, heads: heads)
        norm2 = LayerNorm(width)
        mlp = Sequential([Linear(width, 4 * width), GELU(), Linear(4 * width, width)])
        super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let n = norm1(x)
        let attended = x + attention(query: n, key: n, value: n)
        return attended + mlp(norm2(attended))
    }
}
