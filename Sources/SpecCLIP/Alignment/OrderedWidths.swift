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

    /// Embeddings `[B, E]` and the same stars some times more, each cut to widths of its own: `[copies B, E]`.
    func withCuts(_ embedding: Tensor) -> Tensor {
        guard full > 1 else { return embedding.repeated([Self.copies, 1]) }
        let widths = widths(rows: embedding.size(0), perRow: Self.copies - 1).transposed().flattened()
        let again = embedding.repeated([Self.copies - 1, 1])
        return Tensor.cat([embedding, BottleneckLayer(embedding.size(1)).opened(again, perRow: widths)])
    }

    /// What `withCuts` of embeddings stands for: the same spectra as often.
    func targets(_ flux: Tensor) -> Tensor { flux.repeated([Self.copies, 1]) }

    /// Cuts the contrast is taken at in each step.
    private static let perStep = 4
    /// How often the decoders see a star: once whole, else cut.
    private static let copies = 3

    private func widths(rows: Int, perRow: Int) -> Tensor {
        WidthDistribution.logUniform.draw(rows, perRow: perRow, minimum: 1, width: full - 1)
    }
}
