import Support
import Torch

/// Which decoder, and its sizes.
public struct DecoderConfiguration: Codable, Sendable, Hashable {
    /// The two families of the paper.
    public enum Kind: String, Codable, Sendable {
        /// Hidden layers with GELU, batch norm and dropout (reference, section 8.2).
        case mlp
        /// A linear map each for the shared and the private part, merged by an MLP of the spectrum's own width
        /// (reference, section 8.3); only for an instrument's own spectrum in a model with private embeddings.
        case split
    }

    /// The family.
    public var kind: Kind
    /// Widths of the hidden layers (mlp only).
    public var hidden: [Int]
    /// Dropout probability while training (mlp only).
    public var dropout: Double

    enum CodingKeys: String, CodingKey, CaseIterable { case kind, hidden, dropout }

    /// A decoder with these hidden layers.
    public init(hidden: [Int], dropout: Double = 0.1) {
        kind = .mlp
        self.hidden = hidden
        self.dropout = dropout
    }

    /// The decoder of split embeddings: its sizes follow from those of embedding and spectrum.
    public static let split = Self(kind: .split)

    private init(kind: Kind) {
        self.kind = kind
        hidden = []
        dropout = 0
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        kind = try fields(.kind, default: .mlp)
        hidden = try kind == .mlp ? fields.required(.hidden) : fields(.hidden, default: [])
        dropout = try fields(.dropout, default: kind == .mlp ? 0.1 : 0)
    }

    /// A new decoder with initial weights drawn from the default generator.
    /// - Parameter own: private numbers behind the shared ones in what it decodes; 0 for none.
    func makeDecoder(shared: Int, private own: Int, pixels: Int) -> any SpectrumDecoder {
        switch kind {
        case .mlp: MLPDecoder(embedding: shared + own, hidden: hidden, dropout: dropout, pixels: pixels)
        case .split: SplitDecoder(shared: shared, private: own, pixels: pixels)
        }
    }
}

/// From an embedding to a spectrum.
public protocol SpectrumDecoder: Module {
    /// - Parameter embedding: `[B, shared]`, or `[B, shared + private]` where it decodes an instrument's own embedding.
    /// - Returns: `[B, pixels]`.
    func callAsFunction(_ embedding: Tensor) -> Tensor
    /// The layer that gives the pixels; nil where they come from elsewhere.
    var lastLayer: Linear? { get }
}

extension SpectrumDecoder {
    /// From elsewhere.
    public var lastLayer: Linear? { nil }

    /// Draws pixels of which nothing was learned at a level of their own, whatever the star.
    /// - Parameters:
    ///   - seen: 1 for pixels that were learned, 0 for others, `[pixels]`.
    ///   - level: what the others are.
    func settle(unseenBy seen: Tensor, at level: Double) throws {
        guard let lastLayer else { return }
        let seen = try seen.to(lastLayer.weight.value.device)
        withoutGradient {
            lastLayer.weight.value = lastLayer.weight.value * seen.reshaped([seen.size(0), 1])
            guard let bias = lastLayer.bias else { return }
            bias.value = bias.value * seen + (seen * -1 + 1) * level
        }
    }
}

/// Linear layers with GELU, batch norm and dropout between them, in this order (reference, section 8.2).
final class MLPDecoder: Module, SpectrumDecoder {
    let decoder: Sequential

    init(embedding: Int, hidden: [Int], dropout: Double, pixels: Int) {
        var layers: [any Layer] = []
        var width = embedding
        for next in hidden {
            layers += [Linear(width, next), GELU(), BatchNorm1d(next), Dropout(dropout)]
            width = next
        }
        decoder = Sequential(layers + [Linear(width, pixels)])
        super.init()
    }

    func callAsFunction(_ embedding: Tensor) -> Tensor { decoder(embedding) }

    var lastLayer: Linear? { decoder.layers.last as? Linear }
}

/// Two spectra, one from the shared and one from the private part, merged by an MLP (reference, section 8.3).
final class SplitDecoder: Module, SpectrumDecoder {
    let sharedProj: Linear
    let privateProj: Linear
    let finalLayer: Sequential
    private let shared: Int

    init(shared: Int, private own: Int, pixels: Int) {
        sharedProj = Linear(shared, pixels)
        privateProj = Linear(own, pixels)
        finalLayer = Sequential([Linear(2 * pixels, 2 * pixels), GELU(), Linear(2 * pixels, pixels)])
        self.shared = shared
        super.init()
    }

    func callAsFunction(_ embedding: Tensor) -> Tensor {
        let own = embedding.narrow(1, start: shared, length: embedding.shape[1] - shared)
        let parts = [sharedProj(embedding.narrow(1, start: 0, length: shared)), privateProj(own)]
        return finalLayer(Tensor.cat(parts, dim: 1))
    }

    var lastLayer: Linear? { finalLayer.layers.last as? Linear }
}
