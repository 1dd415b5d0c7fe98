import Torch

/// The information-ordered bottleneck: of K latents only the first k stay, the others become 0, and the decoder behind
/// them keeps its K inputs (Ho et al. 2023, arXiv 2305.11213, §2).
///
/// Trained with many k, the first latents learn what buys most likelihood. As a layer it draws widths while it trains,
/// when it was given a distribution; in evaluation it lets everything pass, and a width is asked for by name.
public final class BottleneckLayer: Module, Layer {
    /// For whom a width is drawn.
    public enum Draw: String, Codable, Sendable {
        /// One width for the whole batch.
        case batch
        /// A width for every row.
        case sample
    }

    /// Number of latents K.
    public let width: Int
    /// Widths below this are never drawn.
    public let minimum: Int
    private let distribution: WidthDistribution?
    private let draw: Draw

    /// - Parameters:
    ///   - width: K, at least 1.
    ///   - distribution: what widths are drawn from in training; `nil` leaves latents as they are.
    ///   - draw: one width per batch or per row.
    ///   - minimum: the narrowest width drawn, in `0 ... width`.
    public init(
        _ width: Int, drawing distribution: WidthDistribution? = nil, per draw: Draw = .sample, minimum: Int = 0
    ) {
        precondition(width >= 1 && (0...width).contains(minimum), "BottleneckLayer: \(minimum) of \(width) latents")
        self.width = width
        self.minimum = minimum
        self.distribution = distribution
        self.draw = draw
        super.init()
    }

    /// `[B, K]` → `[B, K]`: with random widths while training, unchanged in evaluation.
    public func callAsFunction(_ z: Tensor) -> Tensor {
        guard isTraining, let distribution else { return z }
        let widths = distribution.draw(draw == .batch ? 1 : z.size(0), minimum: minimum, width: width)
        return truncated(z, perRow: widths)
    }

    /// The first `k` latents, the others 0: `[B, K]` → `[B, K]`.
    public func truncated(_ z: Tensor, to k: Int) -> Tensor { masked(z, Self.mask([k], of: width).to(z.dtype)) }

    /// Every row at its own width.
    /// - Parameters:
    ///   - z: latents, `[B, K]`.
    ///   - widths: `[B]` or `[1]`, int64.
    public func truncated(_ z: Tensor, perRow widths: Tensor) -> Tensor {
        masked(z, Tensor.arange(width).unsqueezed(0).lt(widths.unsqueezed(1)).to(z.dtype))
    }

    /// All rows at each of several widths: `[B, K]` → `[widths.count, B, K]`.
    public func truncated(_ z: Tensor, toEach widths: [Int]) -> Tensor {
        masked(z.unsqueezed(0), Self.mask(widths, of: width).to(z.dtype).unsqueezed(1))
    }

    /// A mask of the user's own, of any shape that broadcasts with `z`.
    public func masked(_ z: Tensor, _ mask: Tensor) -> Tensor {
        guard z.device != mask.device, let moved = try? mask.to(z.device) else { return z * mask }
        return z * moved
    }

    /// Ones below each width and zeros from there: `[widths.count, K]`, float32.
    static func mask(_ widths: [Int], of width: Int) -> Tensor {
        let values = widths.flatMap { k in (0..<width).map { Float($0 < k ? 1 : 0) } }
        return Tensor(values, shape: [widths.count, width])
    }
}
