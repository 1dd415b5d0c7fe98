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
/// worth (`WeighedPixels`), and which part of the range there is comes beside them.
public final class ResidualEncoder: Module, Encoder {
    /// Pixels of the spectra it reads.
    public let pixels: Int
    let weighed: WeighedPixels
    let inputProj: Linear
    let coverageProj: Linear
    let blocks: [ResidualBlock]
    let outputNorm: LayerNorm
    let bottleneckDown: Linear
    let bottleneckNorm: LayerNorm
    let decoder: Sequential
    private let inputDropout: Dropout
    private let configuration: ResidualEncoderConfiguration

    public override class var keyOverrides: [String: String] { ["weighed": ""] }

    /// Pixels that share one number of the coverage.
    private static let coverageBlock = 32

    /// - Parameters:
    ///   - configuration: sizes.
    ///   - pixels: pixels of a spectrum.
    public init(_ configuration: ResidualEncoderConfiguration, pixels: Int) {
        self.configuration = configuration
        self.pixels = pixels
        let hidden = configuration.hidden
        weighed = WeighedPixels(pixels: pixels)
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
    public func adapt(to spectra: @autoclosure () throws -> SpectrumBatch) rethrows { weighed.adapt(to: try spectra()) }

    /// The latent, `[B, width]`.
    public func callAsFunction(_ x: SpectrumBatch) -> Tensor {
        let first = inputProj(inputDropout(weighed(x))) + coverageProj(Self.coverage(WeighedPixels.valid(x)))
        return bottleneckNorm(bottleneckDown(outputNorm(blocks.reduce(first) { $1($0) })))
    }

    /// Mean squared error of the pixels that are shown, against what they are without noise.
    public func pretrainingLoss(_ x: SpectrumBatch, finding clean: Tensor) throws -> Tensor {
        weighed.loss(decoder(self(x)), of: x, finding: clean)
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
