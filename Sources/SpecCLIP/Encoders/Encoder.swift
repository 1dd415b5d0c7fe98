import Torch

/// A foundation model of one instrument: spectra in, features out, and a loss to learn from spectra alone.
open class Encoder: Module {
    /// Pixels of the spectra it reads.
    public let pixels: Int

    init(pixels: Int) {
        self.pixels = pixels
        super.init()
    }

    /// Numbers per feature vector.
    open var width: Int { fatalError("an encoder states its width") }

    /// The shape of one spectrum's features: `[tokens, width]` or `[width]`.
    open var featureShape: [Int] { fatalError("an encoder states the shape of its features") }

    /// - Parameter flux: prepared spectra, `[B, pixels]`.
    /// - Returns: features, `[B] + featureShape`.
    open func callAsFunction(_ flux: Tensor) -> Tensor { fatalError("an encoder encodes") }

    /// The loss of self-supervised pre-training, a scalar.
    /// - Parameters:
    ///   - flux: prepared spectra as they are shown, `[B, pixels]`.
    ///   - clean: what is to be found in them: the same spectra, or these without their noise.
    open func pretrainingLoss(_ flux: Tensor, finding clean: Tensor) throws -> Tensor {
        fatalError("an encoder learns from spectra")
    }

    /// The loss where spectra are to be found as they are shown.
    public final func pretrainingLoss(_ flux: Tensor) throws -> Tensor { try pretrainingLoss(flux, finding: flux) }

    /// One vector per spectrum, for an encoder used by itself: the mean token, or the latent.
    public final func summary(_ features: Tensor) -> Tensor {
        features.rank == 3 ? features.mean(dims: [1], keepDims: false) : features
    }
}

/// Which encoder, and its sizes. Written into the model file, read from `kind:` in a configuration.
public enum EncoderConfiguration: Codable, Sendable, Hashable {
    case maskedTransformer(MaskedTransformerConfiguration)
    case autoEncoder(AutoEncoderConfiguration)

    private enum Kind: String, Codable {
        case maskedTransformer = "masked-transformer"
        case autoEncoder = "auto-encoder"
    }
    private enum KindKey: String, CodingKey { case kind }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        switch try decoder.container(keyedBy: KindKey.self).decode(Kind.self, forKey: .kind) {
        case .maskedTransformer: self = .maskedTransformer(try MaskedTransformerConfiguration(from: decoder))
        case .autoEncoder: self = .autoEncoder(try AutoEncoderConfiguration(from: decoder))
        }
    }

    /// Writes the section, with its kind where there are several.
    public func encode(to encoder: any Swift.Encoder) throws {
        var container = encoder.container(keyedBy: KindKey.self)
        switch self {
        case .maskedTransformer(let configuration):
            try container.encode(Kind.maskedTransformer, forKey: .kind)
            try configuration.encode(to: encoder)
        case .autoEncoder(let configuration):
            try container.encode(Kind.autoEncoder, forKey: .kind)
            try configuration.encode(to: encoder)
        }
    }

    /// Numbers per feature vector.
    public var featureWidth: Int {
        switch self {
        case .maskedTransformer(let configuration): configuration.width
        case .autoEncoder(let configuration): configuration.bottleneck
        }
    }

    /// A new encoder with initial weights drawn from the default generator.
    public func makeEncoder(pixels: Int) -> Encoder {
        switch self {
        case .maskedTransformer(let configuration): MaskedTransformer(configuration, pixels: pixels)
        case .autoEncoder(let configuration): SpectralAutoEncoder(configuration, pixels: pixels)
        }
    }
}
