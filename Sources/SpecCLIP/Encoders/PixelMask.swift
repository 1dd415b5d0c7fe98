import Support
import Torch

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
