import OrderedBottleneck
import Torch

/// At which widths an ordered embedding is trained: each doubling of the width is drawn as often as any other, so that
/// the order is as fine among the first numbers as it matters (Ho et al. 2023, arXiv 2305.11213, draw uniformly or
/// geometrically, for bottlenecks of few latents).
struct OrderedWidths {
    private let full: Int

    /// - Parameter full: numbers of the whole embedding.
    init(upTo full: Int) { self.full = full }

    /// Some widths below the full one, narrow to wide, from the default generator; none for an embedding of one number.
    func draw() -> [Int] { full > 1 ? widths(rows: 1, perRow: Self.perStep).ints() : [] }

    /// Embeddings `[B, E]` and the same stars once more, each cut to a width of its own: `[2 B, E]`.
    func withCuts(_ embedding: Tensor) -> Tensor {
        guard full > 1 else { return Tensor.cat([embedding, embedding]) }
        let widths = widths(rows: embedding.size(0), perRow: 1).flattened()
        return Tensor.cat([embedding, BottleneckLayer(embedding.size(1)).truncated(embedding, perRow: widths)])
    }

    /// What `withCuts` of embeddings stands for: the same spectra twice.
    func targets(_ flux: Tensor) -> Tensor { Tensor.cat([flux, flux]) }

    /// Cuts the contrast is taken at in each step.
    private static let perStep = 4

    private func widths(rows: Int, perRow: Int) -> Tensor {
        WidthDistribution.logUniform.draw(rows, perRow: perRow, minimum: 1, width: full - 1)
    }
}

/// The logit scales of cut embeddings, one for each width, in units of the scale of the whole: what two numbers can tell apart differs from
/// what a hundred can, and one scale for all would leave the short ones blurred. Learned, as Radford et al. (2021)
/// do for the whole; needed while training only.
public final class WidthLogitScales: Module {
    /// A tenth of the logarithm of each width's factor: so that steps as long as those of other weights matter. `[E]`.
    let rate: Parameter

    /// - Parameter embedding: numbers of the whole embedding, E.
    public init(embedding: Int) {
        rate = Parameter(.zeros([embedding]))
        super.init()
    }

    /// The factor of a width, `[1]`; 1 at first, and at most 10.
    package func callAsFunction(width: Int) -> Tensor {
        (rate.value.narrow(0, start: width - 1, length: 1) * 10).clamp(max: 2.3).exp()
    }
}
