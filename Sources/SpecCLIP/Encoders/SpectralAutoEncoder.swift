import Support
import Torch

/// Sizes of an auto-encoder; the defaults are the published Gaia XP encoder (42,846,129 parameters).
public struct AutoEncoderConfiguration: Codable, Sendable, Hashable {
    /// Width of the layers.
    public var hidden: Int
    /// Numbers of the latent vector.
    public var bottleneck: Int
    /// Blocks before the latent.
    public var encoderBlocks: Int
    /// Blocks after the latent.
    public var decoderBlocks: Int
    /// Width of a block's inner layer, in units of `hidden`.
    public var expansion: Int
    /// Which statistics are put before the standardised flux.
    public var statistics: SpectrumStatistics
    /// Which pixels are hidden in pre-training; none when absent, as published.
    public var mask: PixelMask?
    /// Dropout probability while training.
    public var dropout: Double

    enum CodingKeys: String, CodingKey, CaseIterable {
        case hidden, bottleneck, encoderBlocks, decoderBlocks, expansion, statistics, mask, dropout
    }

    /// The published sizes.
    public init() {
        hidden = 1290
        bottleneck = 768
        encoderBlocks = 2
        decoderBlocks = 2
        expansion = 3
        statistics = .meanStd
        dropout = 0
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self, beside: ["kind"])
        let base = Self()
        hidden = try fields(.hidden, default: base.hidden)
        bottleneck = try fields(.bottleneck, default: base.bottleneck)
        encoderBlocks = try fields(.encoderBlocks, default: base.encoderBlocks)
        decoderBlocks = try fields(.decoderBlocks, default: base.decoderBlocks)
        expansion = try fields(.expansion, default: base.expansion)
        statistics = try fields(.statistics, default: base.statistics)
        mask = try fields(.mask, default: nil)
        dropout = try fields(.dropout, default: base.dropout)
    }
}

extension AutoEncoderConfiguration: EncoderSizes {
    /// As configurations call it.
    public static let kind = "auto-encoder"

    /// Numbers of the latent.
    public var featureWidth: Int { bottleneck }

    /// Sizes, in a line.
    public var text: String { "auto-encoder, blocks of \(hidden), bottleneck \(bottleneck)" }

    /// Blocks, their inner widths and statistics.
    public var details: String {
        "\(encoderBlocks) + \(decoderBlocks) blocks, \(expansion) times wider inside, \(statistics.rawValue)"
    }

    /// What makes an auto-encoder of these sizes impossible.
    public func problem(pixels: Int) -> String? {
        for (name, value) in [("hidden", hidden), ("bottleneck", bottleneck), ("expansion", expansion)]
        where !ModelDescription.sizes.contains(value) {
            return "\(name): \(value); give 1 to \(ModelDescription.sizes.upperBound)"
        }
        for (name, value) in [("encoderBlocks", encoderBlocks), ("decoderBlocks", decoderBlocks)]
        where !(0...1000).contains(value) {
            return "\(name): \(value); give 0 to 1000"
        }
        if let problem = mask?.problem(pixels: pixels) { return problem }
        return dropoutProblem(dropout)
    }

    /// A new auto-encoder.
    public func makeEncoder(pixels: Int) -> any Encoder { SpectralAutoEncoder(self, pixels: pixels) }
}

/// An MLP auto-encoder: statistics and standardised flux through a narrow latent and back (reference, section 5).
public final class SpectralAutoEncoder: Module, Encoder {
    /// Pixels of the spectra it reads.
    public let pixels: Int
    let inputProj: Linear
    let encoderBlocks: [AutoEncoderBlock]
    let bottleneckDown: Linear
    let bottleneckNorm: LayerNorm
    let bottleneckUp: Linear
    let decoderBlocks: [AutoEncoderBlock]
    let outputProj: Linear
    private let configuration: AutoEncoderConfiguration

    /// - Parameters:
    ///   - configuration: sizes, schedule and seed.
    ///   - pixels: pixels of a spectrum.
    public init(_ configuration: AutoEncoderConfiguration, pixels: Int) {
        self.configuration = configuration
        let (hidden, length) = (configuration.hidden, configuration.statistics.count + pixels)
        func blocks(_ count: Int) -> [AutoEncoderBlock] {
            (0..<count).map { _ in
                AutoEncoderBlock(width: hidden, inner: configuration.expansion * hidden, dropout: configuration.dropout)
            }
        }
        inputProj = Linear(length, hidden)
        encoderBlocks = blocks(configuration.encoderBlocks)
        bottleneckDown = Linear(hidden, configuration.bottleneck)
        bottleneckNorm = LayerNorm(configuration.bottleneck)
        bottleneckUp = Linear(configuration.bottleneck, hidden)
        decoderBlocks = blocks(configuration.decoderBlocks)
        outputProj = Linear(hidden, length)
        self.pixels = pixels
        super.init()
        for (path, parameter) in parameters() where !path.contains("norm") {
            (parameter.value.rank == 2 ? Initializer.kaimingNormal : .zeros).apply(to: parameter)
        }
    }

    /// Numbers of the latent.
    public var width: Int { configuration.bottleneck }
    /// One latent a spectrum.
    public var featureShape: [Int] { [width] }

    /// Statistics and standardised flux in one row, `[B, statistics + pixels]`.
    public func vector(_ flux: Tensor) -> Tensor {
        // Only the published auto-encoder that takes a logarithm guards it (reference, section 6).
        let spectra = Standardised(flux, minimumStd: configuration.statistics == .logStd ? 1e-6 : nil)
        guard let columns = configuration.statistics.columns(of: spectra) else { return spectra.flux }
        return Tensor.cat([columns, spectra.flux], dim: 1)
    }

    /// The latent, `[B, width]`.
    public func callAsFunction(_ x: SpectrumBatch) -> Tensor { encode(vector(x.flux)) }

    /// The latent of prepared rows (see `vector`).
    public func encode(_ vector: Tensor) -> Tensor {
        bottleneckNorm(bottleneckDown(encoderBlocks.reduce(inputProj(vector)) { $1($0) }))
    }

    /// Rows read back from latents, `[B, statistics + pixels]`.
    public func reconstruct(_ latent: Tensor) -> Tensor {
        outputProj(decoderBlocks.reduce(bottleneckUp(latent)) { $1($0) })
    }

    /// Mean squared error of the row read back, or of the pixels that the mask hides.
    public func pretrainingLoss(_ x: SpectrumBatch, finding clean: Tensor) throws -> Tensor {
        let (row, wanted) = (vector(x.flux), vector(clean))
        guard let mask = configuration.mask else { return Loss.mse(reconstruct(encode(row)), wanted) }
        let hidden = try mask.draw(
            batch: row.shape[0], pixels: pixels, statistics: configuration.statistics.count
        ).to(x.flux.device)
        return maskedLoss(row, hidden: hidden, scale: mask.scale, finding: wanted)
    }

    /// The squared error of the hidden numbers.
    /// - Parameters:
    ///   - row: `[B, statistics + pixels]`.
    ///   - hidden: of the same shape, true where hidden.
    ///   - wanted: what to find there; the row itself when absent.
    func maskedLoss(
        _ row: Tensor, hidden: Tensor, scale: PixelMask.Scale, finding wanted: Tensor? = nil
    ) -> Tensor {
        let counted = hidden.to(row.dtype)
        let squares = ((reconstruct(encode(row.maskedFill(hidden, 0))) - (wanted ?? row)) * counted).square()
        switch scale {
        case .mean: return squares.sum() / counted.sum().clamp(min: 1)
        case .published: return squares.sum() / (counted.sum() + 1e-8) / Double(row.count)
        }
    }
}

/// `mlp(norm(x))`, without a residual, as published (quirk Q10).
final class AutoEncoderBlock: Module {
    let norm: LayerNorm
    let mlp: Sequential

    init(width: Int, inner: Int, dropout: Double) {
        norm = LayerNorm(width)
        mlp = Sequential([Linear(width, inner), GELU(), Dropout(dropout), Linear(inner, width), Dropout(dropout)])
        super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { mlp(norm(x)) }
}

/// Which pixels an auto-encoder must fill in while it is pre-trained: runs at random places, which may overlap; the
/// statistics before them always stay visible (reference, section 6).
///
/// The published Gaia XP auto-encoder hides nothing even where masking is asked for, so that its loss is 0 (quirk Q11).
/// Here a mask hides pixels of any instrument. No published checkpoint was trained with one.
public struct PixelMask: Codable, Sendable, Hashable {
    /// What the squared errors of the hidden pixels are divided by.
    public enum Scale: String, Codable, Sendable {
        /// Their number: the mean over hidden pixels.
        case mean
        /// Their number and, once more, all numbers of the batch, as published (quirk Q12): the loss is smaller by the
        /// latter, which AdamW hardly notices and gradient clipping does.
        case published
    }

    /// Runs per spectrum; 0 for as many as `ratio` asks for.
    public var chunks: Int
    /// Pixels in a run.
    public var width: Int
    /// The share of the pixels that is hidden where `chunks` is 0, at least one run.
    public var ratio: Double
    /// How the loss is scaled.
    public var scale: Scale

    enum CodingKeys: String, CodingKey, CaseIterable { case chunks, width, ratio, scale }

    /// - Parameters: defaults are those of the published code.
    public init(chunks: Int = 6, width: Int = 20, ratio: Double = 0.15, scale: Scale = .mean) {
        self.chunks = chunks
        self.width = width
        self.ratio = ratio
        self.scale = scale
    }

    /// Reads the section strictly.
    /// - Throws: `Diagnostic` for unknown keys and values out of range.
    public init(from decoder: any Decoder) throws {
        let fields = try StrictFields(decoder, keyedBy: CodingKeys.self)
        let base = Self()
        chunks = try fields(.chunks, default: base.chunks)
        width = try fields(.width, default: base.width)
        ratio = try fields(.ratio, default: base.ratio)
        scale = try fields(.scale, default: base.scale)
    }

    /// What makes the mask impossible, as `field: problem; remedy`.
    func problem(pixels: Int) -> String? {
        guard (1..<pixels).contains(width) else {
            return "mask.width: runs of \(width) do not fit into \(pixels) pixels; give 1 to \(pixels - 1)"
        }
        guard (0...pixels).contains(chunks) else { return "mask.chunks: \(chunks) runs; give 0 to \(pixels)" }
        return (0..<1).contains(ratio) ? nil : "mask.ratio: \(ratio) is no share; give a number in [0, 1)"
    }

    /// Runs in a spectrum of `pixels`.
    func runs(pixels: Int) -> Int { chunks > 0 ? chunks : max(1, Int(Double(pixels) * ratio / Double(width))) }

    /// Draws masks from the default generator: true where a number is hidden, `[B, statistics + pixels]`.
    func draw(batch: Int, pixels: Int, statistics: Int) -> Tensor {
        let runs = runs(pixels: pixels)
        let starts = Tensor.randint(low: 0, high: pixels - width, [batch, runs])
        let hidden = TokenMask(chunks: runs, width: width).hidden(starts: starts, tokens: pixels)
        return hidden.to(.float32).padded([statistics, 0], value: 0).gt(0)
    }
}
