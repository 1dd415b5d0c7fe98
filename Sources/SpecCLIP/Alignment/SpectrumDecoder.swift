import Torch

/// From an embedding to a spectrum.
open class SpectrumDecoder: Module {
    /// - Parameter embedding: `[B, shared]`, or `[B, shared + private]` where it decodes an instrument's own embedding.
    /// - Returns: `[B, pixels]`.
    open func callAsFunction(_ embedding: Tensor) -> Tensor { fatalError("a decoder decodes") }
}

/// Linear layers with GELU, batch norm and dropout between them, in this order (reference, section 8.2).
final class MLPDecoder: SpectrumDecoder {
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

    override func callAsFunction(_ embedding: Tensor) -> Tensor { decoder(embedding) }
}

/// Two spectra, one from the shared and one from the private part, merged by an MLP (reference, section 8.3).
final class SplitDecoder: SpectrumDecoder {
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

    override func callAsFunction(_ embedding: Tensor) -> Tensor {
        let own = embedding.narrow(1, start: shared, length: embedding.shape[1] - shared)
        let parts = [sharedProj(embedding.narrow(1, start: 0, length: shared)), privateProj(own)]
        return finalLayer(Tensor.cat(parts, dim: 1))
    }
}
