import Foundation
import Support
import Torch

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
        case width, layers, heads, tokens, maxTokens, mask, attentionScale, dropout
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
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self, beside: ["kind"])
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
}

extension MaskedTransformerConfiguration: EncoderSizes {
    /// As configurations call it.
    public static let kind = "masked-transformer"

    /// Numbers per token.
    public var featureWidth: Int { width }

    /// Sizes, in a line.
    public var text: String { "masked transformer, width \(width), \(layers) layers, \(heads) heads" }

    /// Tokens and attention.
    public var details: String {
        let cut = tokens.section == 1 ? "pixels" : "sections of \(tokens.section)"
        return "\(cut), \(tokens.statistics.rawValue), \(attentionScale.rawValue) attention"
    }

    /// A third of the steps, each of half the rows.
    public var cost: Int { 3 }

    /// What makes a transformer of these sizes impossible.
    public func problem(pixels: Int) -> String? {
        guard ModelDescription.sizes.contains(width) else { return "width: \(width) is no width; give at most 65536" }
        guard layers <= 1000 else { return "layers: \(layers); give at most 1000" }
        guard tokens.section <= pixels, tokens.sections(pixels: pixels) >= 1 else {
            return "tokens.section: \(tokens.section) pixels do not fit into a spectrum of \(pixels); make it smaller"
        }
        let count = tokens.tokens(pixels: pixels)
        guard (count...(1 << 20)).contains(maxTokens) else {
            return
                "maxTokens: \(maxTokens), but a spectrum of \(pixels) pixels has \(count) tokens; give at least as many"
        }
        guard mask.chunks >= 1, mask.width >= 1, mask.parts(tokens: count).places >= 1 else {
            return "mask: \(mask.chunks) runs of \(mask.width) hidden tokens do not fit into \(count); "
                + "give fewer chunks or a smaller width"
        }
        return dropoutProblem(dropout)
    }

    /// A new transformer.
    public func makeEncoder(pixels: Int) -> any Encoder { MaskedTransformer(self, pixels: pixels) }
}

/// A transformer that learns spectra by filling in hidden tokens (SpecCLIP §3; reference, section 3).
public final class MaskedTransformer: Module, Encoder {
    /// Pixels of the spectra it reads.
    public let pixels: Int
    let dataEmbed: Linear
    let positionEmbed: Embedding
    let blocks: [TransformerBlock]
    let finalLayernorm: LayerNorm
    let head: Linear
    private let embeddingDropout: Dropout
    private let configuration: MaskedTransformerConfiguration

    /// - Parameters:
    ///   - configuration: sizes, schedule and seed.
    ///   - pixels: pixels of a spectrum.
    public init(_ configuration: MaskedTransformerConfiguration, pixels: Int) {
        self.configuration = configuration
        let (tokens, width) = (configuration.tokens, configuration.width)
        dataEmbed = Linear(tokens.width, width)
        positionEmbed = Embedding(configuration.maxTokens, width)
        blocks = (0..<configuration.layers).map { _ in
            TransformerBlock(
                width: width, heads: configuration.heads, scale: configuration.attentionScale,
                dropout: configuration.dropout)
        }
        finalLayernorm = LayerNorm(width)
        head = Linear(width, tokens.width)
        embeddingDropout = Dropout(configuration.dropout)
        self.pixels = pixels
        super.init()
        initialise()
    }

    /// Numbers per token.
    public var width: Int { configuration.width }
    /// Tokens by numbers per token.
    public var featureShape: [Int] { [configuration.tokens.tokens(pixels: pixels), width] }

    /// Token embeddings after the last layer norm, `[B, tokens, width]`.
    public func callAsFunction(_ x: SpectrumBatch) -> Tensor { encode(configuration.tokens(x.flux)) }

    /// Spectra cut into tokens, `[B, T, token width]`.
    public func tokens(_ flux: Tensor) -> Tensor { configuration.tokens(flux) }

    /// - Parameter tokens: `[B, T, token width]`, hidden ones set to 0.
    public func encode(_ tokens: Tensor) -> Tensor {
        let positions = positionEmbed.weight.value.narrow(0, start: 0, length: tokens.shape[1])
        var h = embeddingDropout(dataEmbed(tokens) + positions)
        for block in blocks { h = block(h) }
        return finalLayernorm(h)
    }

    /// Tokens read back from their embeddings, `[B, T, token width]`.
    public func reconstruct(_ embedding: Tensor) -> Tensor { head(embedding) }

    /// ``maskedLoss(_:hidden:finding:)`` of tokens hidden at random.
    public func pretrainingLoss(_ x: SpectrumBatch, finding clean: Tensor) throws -> Tensor {
        let tokens = configuration.tokens(x.flux)
        let hidden = try configuration.mask.draw(batch: tokens.shape[0], tokens: tokens.shape[1]).to(x.flux.device)
        return maskedLoss(tokens, hidden: hidden, finding: configuration.tokens(clean))
    }

    /// Mean squared error over the hidden numbers that were not 0 anyway (reference, section 3.4, quirk Q8).
    /// - Parameters:
    ///   - tokens: `[B, T, token width]`.
    ///   - hidden: `[B, T]`, true where hidden.
    ///   - clean: what to find in place of the hidden tokens; the tokens themselves when absent.
    public func maskedLoss(_ tokens: Tensor, hidden: Tensor, finding clean: Tensor? = nil) -> Tensor {
        let visible = tokens.maskedFill(hidden.unsqueezed(2), 0)
        let counted = visible.ne(tokens).to(tokens.dtype)
        let error = (reconstruct(encode(visible)) - (clean ?? tokens)) * counted
        return error.square().sum() / counted.sum()
    }

    /// The published initialisation (reference, section 2.3); `data_embed.bias` keeps the default (quirk Q4).
    private func initialise() {
        let embedding = 1 / Double(width).squareRoot()
        Initializer.truncatedNormal(std: embedding, cut: 3 * embedding).apply(to: dataEmbed.weight)
        Initializer.truncatedNormal(std: embedding, cut: 3 * embedding).apply(to: positionEmbed.weight)
        for block in blocks {
            for (_, parameter) in block.attention.parameters() + block.mlp.parameters() {
                initialise(parameter, depth: Double(blocks.count))
            }
        }
        for (_, parameter) in head.parameters() { initialise(parameter, depth: 0.5) }
    }

    private func initialise(_ parameter: Parameter, depth: Double) {
        guard parameter.value.rank == 2 else { return Initializer.zeros.apply(to: parameter) }
        let std = 1 / (2 * Double(parameter.value.shape[1]) * depth).squareRoot()
        Initializer.truncatedNormal(std: std, cut: 3 * std).apply(to: parameter)
    }
}

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

    /// - Parameters:
    ///   - x: `[B, T, D]`.
    ///   - seen: true for tokens that others may attend to, `[B, 1, 1, T]`; all when `nil`.
    /// - Returns: `[B, T, D]`.
    func callAsFunction(_ x: Tensor, seen: Tensor? = nil) -> Tensor {
        let keysValues = kvProj(x).chunk(2, -1)
        let attended = scaledDotProductAttention(
            split(qProj(x)), split(keysValues[0]), split(keysValues[1]), mask: seen, scale: scale, dropout: 0)
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

    /// - Parameters:
    ///   - x: `[B, T, D]`.
    ///   - seen: true for tokens that others may attend to, `[B, 1, 1, T]`; all when `nil`.
    func callAsFunction(_ x: Tensor, seen: Tensor? = nil) -> Tensor {
        let attended = x + attention(ln1(x), seen: seen)
        return attended + mlp(ln2(attended))
    }
}
