import Foundation
import Support
import Torch

/// Sizes of a transformer over patches of a spectrum.
public struct PatchTransformerConfiguration: Codable, Sendable, Hashable {
    /// Pixels of a patch: one token each.
    public var patch: Int
    /// Width of tokens inside the model.
    public var width: Int
    /// Transformer blocks.
    public var layers: Int
    /// Attention heads; `width` is a multiple of it.
    public var heads: Int
    /// Numbers of the latent vector.
    public var bottleneck: Int
    /// Width of the layer that draws a spectrum from the latent, in pre-training.
    public var hidden: Int
    /// The share of the patches that is hidden in pre-training.
    public var mask: Double
    /// Dropout probability while training.
    public var dropout: Double

    enum CodingKeys: String, CodingKey, CaseIterable {
        case patch, width, layers, heads, bottleneck, hidden, mask, dropout
    }

    /// Sizes that two cores train in an hour.
    public init() {
        (patch, width, layers, heads, bottleneck, hidden, mask, dropout) = (64, 96, 3, 4, 128, 512, 0.5, 0)
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self, beside: ["kind"])
        let base = Self()
        patch = try fields(.patch, default: base.patch)
        width = try fields(.width, default: base.width)
        layers = try fields(.layers, default: base.layers)
        heads = try fields(.heads, default: base.heads)
        bottleneck = try fields(.bottleneck, default: base.bottleneck)
        hidden = try fields(.hidden, default: base.hidden)
        mask = try fields(.mask, default: base.mask)
        dropout = try fields(.dropout, default: base.dropout)
    }
}

extension PatchTransformerConfiguration: EncoderSizes {
    /// As configurations call it.
    public static let kind = "patch-transformer"

    /// Numbers of the latent.
    public var featureWidth: Int { bottleneck }

    /// Sizes, in a line.
    public var text: String {
        "transformer over patches of \(patch) pixels, width \(width), \(layers) layers, \(heads) heads, latent \(bottleneck)"
    }

    /// A third of the steps, each of half the rows.
    public var cost: Int { 3 }

    /// What makes a transformer of these sizes impossible.
    public func problem(pixels: Int) -> String? {
        for (name, value) in [("width", width), ("bottleneck", bottleneck), ("hidden", hidden)]
        where !ModelDescription.sizes.contains(value) {
            return "\(name): \(value); give 1 to \(ModelDescription.sizes.upperBound)"
        }
        if !(1...pixels).contains(patch) { return "patch: \(patch) pixels; give 1 to \(pixels)" }
        if !(1...1000).contains(layers) { return "layers: \(layers); give 1 to 1000" }
        if heads < 1 || width % heads != 0 || width % 2 != 0 {
            return "width: \(width); give a multiple of heads (\(heads)) and of two"
        }
        if !(0..<1).contains(mask) { return "mask: \(mask) is no share; give a number in [0, 1)" }
        return dropoutProblem(dropout)
    }

    /// A new transformer.
    public func makeEncoder(pixels: Int) -> any Encoder { PatchTransformer(self, pixels: pixels) }
}

/// A transformer whose tokens are patches of a spectrum that say where they are and which of their pixels are there.
///
/// A token is made of a patch's pixels (`WeighedPixels`) and their validity; a sinusoidal code of its wavelength is added. Patches
/// without data are left out of the attention. The latent is a map of the mean of the tokens. In pre-training a share of the
/// patches is left out, and the latent has to draw the whole spectrum (a masked auto-encoder; He et al. 2022, arXiv 2111.06377).
/// Wavelength code and validity follow OmniSpectra (arXiv 2601.15351) and the universal spectral tokenizer (arXiv 2510.17959).
public final class PatchTransformer: Module, Encoder {
    /// Pixels of the spectra it reads.
    public let pixels: Int
    let weighed: WeighedPixels
    let patchProj: Linear
    /// A token that is always there, `[1, 1, width]`.
    let summaryToken: Parameter
    let blocks: [TransformerBlock]
    let outputNorm: LayerNorm
    let bottleneckDown: Linear
    let bottleneckNorm: LayerNorm
    let decoder: Sequential
    private let configuration: PatchTransformerConfiguration

    public override class var keyOverrides: [String: String] { ["weighed": ""] }

    /// The longest and the shortest period of the wavelength code, dex.
    private static let periods = (longest: 1.0, shortest: 0.01)

    /// - Parameters:
    ///   - configuration: sizes.
    ///   - pixels: pixels of a spectrum.
    public init(_ configuration: PatchTransformerConfiguration, pixels: Int) {
        self.configuration = configuration
        self.pixels = pixels
        let width = configuration.width
        weighed = WeighedPixels(pixels: pixels)
        patchProj = Linear(2 * configuration.patch, width)
        summaryToken = Parameter(.zeros([1, 1, width]))
        blocks = (0..<configuration.layers).map { _ in
            TransformerBlock(
                width: width, heads: configuration.heads, scale: .standard, dropout: configuration.dropout)
        }
        outputNorm = LayerNorm(width)
        bottleneckDown = Linear(width, configuration.bottleneck)
        bottleneckNorm = LayerNorm(configuration.bottleneck)
        decoder = Sequential([
            Linear(configuration.bottleneck, configuration.hidden), GELU(), Linear(configuration.hidden, pixels),
        ])
        super.init()
    }

    /// Numbers of the latent.
    public var width: Int { configuration.bottleneck }
    /// One latent a spectrum.
    public var featureShape: [Int] { [width] }
    /// Errors, which pixels there are, and where they are.
    public var inputs: SpectrumInputs { [.ivar, .valid, .wavelength] }

    /// Takes mean and spread of the pixels from spectra that it will be trained on.
    public func adapt(to spectra: @autoclosure () throws -> SpectrumBatch) rethrows { weighed.adapt(to: try spectra()) }

    /// The latent, `[B, width]`.
    public func callAsFunction(_ x: SpectrumBatch) -> Tensor {
        let (tokens, seen) = tokens(x)
        return latent(tokens, seen: seen)
    }

    /// Mean squared error of the pixels that are shown, drawn from a part of the patches, against what they are without noise.
    public func pretrainingLoss(_ x: SpectrumBatch, finding clean: Tensor) throws -> Tensor {
        var (tokens, seen) = tokens(x)
        let kept = max(1, Int((Double(tokens.shape[1]) * (1 - configuration.mask)).rounded()))
        if kept < tokens.shape[1] {
            let order = try Tensor.rand(seen.shape).argsort(dim: 1).narrow(1, start: 0, length: kept).to(tokens.device)
            seen = seen.gather(1, order)
            tokens = tokens.gather(1, order.unsqueezed(2).expanded([x.count, kept, configuration.width]))
        }
        return weighed.loss(decoder(latent(tokens, seen: seen)), of: x, finding: clean)
    }

    /// A token for each patch, `[B, patches, width]`, and whether it has any data, `[B, patches]`, 1 or 0.
    private func tokens(_ x: SpectrumBatch) -> (tokens: Tensor, seen: Tensor) {
        let valid = patches(WeighedPixels.valid(x))
        let tokens = patchProj(Tensor.cat([patches(weighed(x)), valid], dim: -1))
        let seen = valid.max(dims: [2]).gt(0).to(tokens.dtype)
        guard let wavelength = x.wavelength else { return (tokens, seen) }
        return (tokens + code(wavelength).to(tokens.dtype), seen)
    }

    /// `[B, pixels]` → `[B, patches, patch]`, with zeros where the last patch is not full.
    private func patches(_ x: Tensor) -> Tensor {
        let size = configuration.patch
        let count = (pixels + size - 1) / size
        return x.padded([0, count * size - pixels]).reshaped([x.shape[0], count, size])
    }

    /// Sines and cosines of the logarithm of each patch's first wavelength, `[patches, width]`.
    private func code(_ wavelength: Tensor) -> Tensor {
        let (longest, shortest) = Self.periods
        let half = configuration.width / 2
        let frequencies = (0..<half).map { k in
            Float(2 * Double.pi / longest * pow(longest / shortest, Double(k) / Double(max(1, half - 1))))
        }
        let place = wavelength.sliced(0, step: configuration.patch).log10().unsqueezed(1)
        let angle = place * Tensor(frequencies, shape: [1, half])
        return Tensor.cat([angle.sin(), angle.cos()], dim: 1)
    }

    /// - Parameters:
    ///   - tokens: `[B, T, width]`.
    ///   - seen: `[B, T]`, 0 for those without data.
    private func latent(_ tokens: Tensor, seen: Tensor) -> Tensor {
        let count = tokens.shape[0]
        let summary = summaryToken.value.expanded([count, 1, configuration.width])
        let all = Tensor.cat([summary, tokens], dim: 1)
        let there = Tensor.cat([seen.sliced(1, end: 1) * 0 + 1, seen], dim: 1)
        let mask = there.gt(0).unsqueezed(1).unsqueezed(1)
        let read = outputNorm(blocks.reduce(all) { $1($0, seen: mask) })
        let mean = (read * there.unsqueezed(2)).sum(dims: [1]) / there.sum(dims: [1], keepDims: true)
        return bottleneckNorm(bottleneckDown(mean))
    }
}
