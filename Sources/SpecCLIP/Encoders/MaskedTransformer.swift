import Torch

/// A transformer that learns spectra by filling in hidden tokens (SpecCLIP §3; reference, section 3).
public final class MaskedTransformer: Encoder {
    let dataEmbed: Linear
    let positionEmbed: Embedding
    let blocks: [TransformerBlock]
    let finalLayernorm: LayerNorm
    let head: Linear
    private let embeddingDropout: Dropout
    private let configuration: MaskedTransformerConfiguration

    /// - Parameter pixels: pixels of a spectrum.
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
        super.init(pixels: pixels)
        initialise()
    }

    public override var width: Int { configuration.width }
    public override var featureShape: [Int] { [configuration.tokens.tokens(pixels: pixels), width] }

    /// Token embeddings after the last layer norm, `[B, tokens, width]`.
    public override func callAsFunction(_ flux: Tensor) -> Tensor { encode(configuration.tokens(flux)) }

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

    public override func pretrainingLoss(_ flux: Tensor, finding clean: Tensor) throws -> Tensor {
        let tokens = configuration.tokens(flux)
        let hidden = try configuration.mask.draw(batch: tokens.shape[0], tokens: tokens.shape[1]).to(flux.device)
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
