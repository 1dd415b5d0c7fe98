import Support
import Torch

/// Sizes of a residual network over masked pixels.
public struct ResidualEncoderConfiguration: Codable, Sendable, Hashable {
    /// Width of the layers.
    public var hidden: Int
    /// Numbers of the latent vector.
    public var bottleneck: Int
    /// Residual blocks.
    public var blocks: Int
    /// Dropout of the pixels while training.
    public var inputDropout: Double
    /// Dropout within the blocks while training.
    public var dropout: Double

    enum CodingKeys: String, CodingKey, CaseIterable { case hidden, bottleneck, blocks, inputDropout, dropout }

    /// Sizes that two cores train in minutes.
    public init() {
        (hidden, bottleneck, blocks, inputDropout, dropout) = (512, 128, 2, 0.05, 0.1)
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self, beside: ["kind"])
        let base = Self()
        hidden = try fields(.hidden, default: base.hidden)
        bottleneck = try fields(.bottleneck, default: base.bottleneck)
        blocks = try fields(.blocks, default: base.blocks)
        inputDropout = try fields(.inputDropout, default: base.inputDropout)
        dropout = try fields(.dropout, default: base.dropout)
    }
}

extension ResidualEncoderConfiguration: EncoderSizes {
    /// As configurations call it.
    public static let kind = "residual"

    /// Numbers of the latent.
    public var featureWidth: Int { bottleneck }

    /// Sizes, in a line.
    public var text: String {
        "residual network over masked pixels, \(blocks) blocks of \(hidden), latent \(bottleneck)"
    }

    /// What makes a network of these sizes impossible.
    public func problem(pixels: Int) -> String? {
        for (name, value) in [("hidden", hidden), ("bottleneck", bottleneck)]
        where !ModelDescription.sizes.contains(value) {
            return "\(name): \(value); give 1 to \(ModelDescription.sizes.upperBound)"
        }
        if !(0...1000).contains(blocks) { return "blocks: \(blocks); give 0 to 1000" }
        if !(0..<1).contains(inputDropout) { return "inputDropout: \(inputDropout); give a number in [0, 1)" }
        return dropoutProblem(dropout)
    }

    /// A new network.
    public func makeEncoder(pixels: Int) -> any Encoder { ResidualEncoder(self, pixels: pixels) }
}

/// A residual network that knows what it looks at: pixels without data do not enter, noisy ones enter by what they are
/// worth, and which part of the range there is comes beside them.
///
/// A pixel is given as its difference from the mean star, in units of the spread among stars, shrunk by
/// spread² / (spread² + error²): the best guess where stars and noise are Gaussian. What is missing is 0, the mean star.
public final class ResidualEncoder: Module, Encoder {
    /// Pixels of the spectra it reads.
    public let pixels: Int
    /// Of the training spectra, per pixel, over those that have it.
    let pixelMean: Buffer
    /// Spread of the training spectra, per pixel.
    let pixelStd: Buffer
    let inputProj: Linear
    let coverageProj: Linear
    let blocks: [ResidualBlock]
    let outputNorm: LayerNorm
    let bottleneckDown: Linear
    let bottleneckNorm: LayerNorm
    let decoder: Sequential
    private let inputDropout: Dropout
    private let configuration: ResidualEncoderConfiguration

    /// Pixels that share one number of the coverage.
    private static let coverageBlock = 32
    /// Pixels farther from the mean, in units of the spread, are cosmic rays or no stars.
    private static let farthest = 8.0
    /// Lines weaker than this are no more than noise in most spectra: pixels without lines do not count for more than these.
    private static let leastSpread = 0.01

    /// - Parameters:
    ///   - configuration: sizes.
    ///   - pixels: pixels of a spectrum.
    public init(_ configuration: ResidualEncoderConfiguration, pixels: Int) {
        self.configuration = configuration
        self.pixels = pixels
        let hidden = configuration.hidden
        pixelMean = Buffer(.ones([pixels]))
        pixelStd = Buffer(.ones([pixels]))
        inputProj = Linear(pixels, hidden)
        coverageProj = Linear((pixels + Self.coverageBlock - 1) / Self.coverageBlock, hidden)
        blocks = (0..<configuration.blocks).map { _ in ResidualBlock(width: hidden, dropout: configuration.dropout) }
        outputNorm = LayerNorm(hidden)
        bottleneckDown = Linear(hidden, configuration.bottleneck)
        bottleneckNorm = LayerNorm(configuration.bottleneck)
        decoder = Sequential([Linear(configuration.bottleneck, hidden), GELU(), Linear(hidden, pixels)])
        inputDropout = Dropout(configuration.inputDropout)
        super.init()
    }

    /// Numbers of the latent.
    public var width: Int { configuration.bottleneck }
    /// One latent a spectrum.
    public var featureShape: [Int] { [width] }
    /// Errors and which pixels there are.
    public var inputs: SpectrumInputs { [.ivar, .valid] }

    /// Takes mean and spread of the pixels from spectra that it will be trained on.
    public func adapt(to spectra: @autoclosure () throws -> SpectrumBatch) rethrows {
        let spectra = try spectra()
        let valid = spectra.valid ?? .ones(like: spectra.flux)
        let count = valid.sum(dims: [0]).clamp(min: 1)
        let mean = (spectra.flux * valid).sum(dims: [0]) / count
        let variance = ((spectra.flux - mean).square() * valid).sum(dims: [0]) / count
        pixelMean.value = mean
        pixelStd.value = variance.sqrt() + Self.leastSpread
    }

    /// The latent, `[B, width]`.
    public func callAsFunction(_ x: SpectrumBatch) -> Tensor {
        let valid = x.valid ?? .ones(like: x.flux)
        var input = standardised(x.flux) * valid
        if let ivar = x.ivar {
            // Where no error is known, the pixel is taken as it is.
            let noise = (ivar.clamp(min: 1e-12) * pixelStd.value.square()).reciprocal()
            let shrinkage = (noise + 1).reciprocal()
            input = input * shrinkage.where(ivar.gt(0), 1)
        }
        let first = inputProj(inputDropout(input)) + coverageProj(Self.coverage(valid))
        return bottleneckNorm(bottleneckDown(outputNorm(blocks.reduce(first) { $1($0) })))
    }

    /// Mean squared error of the pixels that are shown, against what they are without noise.
    public func pretrainingLoss(_ x: SpectrumBatch, finding clean: Tensor) throws -> Tensor {
        let valid = x.valid ?? .ones(like: clean)
        let squares = (decoder(self(x)) - standardised(clean)).square() * valid
        return squares.sum() / valid.sum().clamp(min: 1)
    }

    private func standardised(_ flux: Tensor) -> Tensor {
        ((flux - pixelMean.value) / pixelStd.value).clamp(min: -Self.farthest, max: Self.farthest)
    }

    /// The share of the pixels that are there, block by block.
    private static func coverage(_ valid: Tensor) -> Tensor {
        let (count, pixels) = (valid.shape[0], valid.shape[1])
        let blocks = (pixels + coverageBlock - 1) / coverageBlock
        let whole = valid.padded([0, blocks * coverageBlock - pixels])
        return whole.reshaped([count, blocks, coverageBlock]).mean(dims: [2]) - 1
    }
}

/// `x + mlp(norm(x))`.
final class ResidualBlock: Module {
    let norm: LayerNorm
    let mlp: Sequential

    init(width: Int, dropout: Double) {
        norm = LayerNorm(width)
        mlp = Sequential([Linear(width, width), GELU(), Dropout(dropout), Linear(width, width), Dropout(dropout)])
        super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { x + mlp(norm(x)) }
}
