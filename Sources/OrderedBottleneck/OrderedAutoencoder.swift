import Torch

/// An auto-encoder whose latents are ordered by how much likelihood they buy, usable at any width
/// (Ho et al. 2023, arXiv 2305.11213).
///
/// Encoder and decoder are any layers: `[B, …] → [B, K]` and `[B, K] → [B, …]`.
public final class OrderedAutoencoder: Module {
    /// Data → latents.
    public let encoder: any Layer
    /// Latents → parameters of the likelihood, as many as there are features.
    public let decoder: any Layer
    /// How well a reconstruction tells the data.
    public let likelihood: any Likelihood
    /// Closes latents.
    public let bottleneck: BottleneckLayer

    /// - Parameters:
    ///   - encoder: data to latents.
    ///   - decoder: latents to data.
    ///   - width: number of latents K.
    ///   - likelihood: of data, given what is decoded.
    public init(
        encoder: any Layer, decoder: any Layer, width: Int, likelihood: any Likelihood = GaussianLikelihood()
    ) {
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood
        bottleneck = BottleneckLayer(width)
        super.init()
    }

    /// Number of latents K.
    public var width: Int { bottleneck.width }

    /// All latents of the data, `[B, K]`.
    public func encode(_ x: Tensor) -> Tensor { encoder(x) }

    /// The first `width` latents, `[B, width]`: what to store.
    public func compress(_ x: Tensor, width: Int) -> Tensor { encode(x).narrow(1, start: 0, length: width) }

    /// Data expected from the first latents.
    /// - Parameter code: `[B, k]` for any k up to K.
    public func decompress(_ code: Tensor) -> Tensor {
        likelihood.expectation(decoder(code.padded([0, width - code.size(1)])))
    }

    /// Data through `width` open latents and back, of the same shape.
    public func reconstruct(_ x: Tensor, width: Int) -> Tensor { decompress(compress(x, width: width)) }

    /// Log-likelihood of every row at several widths, all decoded in one batch.
    /// - Parameters:
    ///   - x: data, `[B, …]`.
    ///   - latents: of these data, `[B, K]`.
    ///   - widths: how many latents stay, per row.
    /// - Returns: `[widths.count, B]`.
    public func logLikelihood(of x: Tensor, latents: Tensor, widths: [Int]) -> Tensor {
        let (rows, features) = (x.size(0), x.count / max(1, x.size(0)))
        let opened = bottleneck.truncated(latents, toEach: widths).reshaped([widths.count * rows, width])
        let decoded = decoder(opened).reshaped([widths.count, rows, features])
        return likelihood.logDensity(of: x.reshaped([1, rows, features]), given: decoded)
    }

    /// Log-likelihood of every row at widths of its own, all decoded in one batch.
    /// - Parameters:
    ///   - x: rows of data, `[B] + shape`.
    ///   - latents: `[B, K]`.
    ///   - widths: `[B, S]`, or `[1, S]` for the same widths in every row; int64.
    /// - Returns: `[B, S]`.
    public func logLikelihood(of x: Tensor, latents: Tensor, perRow widths: Tensor) -> Tensor {
        let (rows, each, features) = (x.size(0), widths.size(1), x.count / max(1, x.size(0)))
        let repeated = latents.unsqueezed(1).expanded([rows, each, width]).flattened(to: 1)
        let opened = bottleneck.truncated(repeated, perRow: widths.expanded([rows, each]).flattened())
        let decoded = decoder(opened).reshaped([rows, each, features])
        return likelihood.logDensity(of: x.reshaped([rows, 1, features]), given: decoded)
    }

    /// Squared error of every row at every width 0 … K, summed over the features: `[B, K + 1]`, float64.
    /// - Parameters:
    ///   - x: rows of data, `[B] + shape`.
    ///   - weights: of the features in the sum, `[B, features]`, or `[1, features]` for the same in every row.
    ///   - rowsAtOnce: rows times widths decoded together, which bounds memory.
    public func squaredErrors(
        _ x: Tensor, weights: Tensor? = nil, rowsAtOnce: Int = OrderedAutoencoder.rowsAtOnce
    ) -> Tensor {
        let features = x.count / max(1, x.size(0))
        /// The weights of a block of rows, `[1, rows or 1, features]`.
        func weightsOfBlock(_ start: Int, _ rows: Int) -> Tensor? {
            weights.map { ($0.size(0) == 1 ? $0 : $0.narrow(0, start: start, length: rows)).unsqueezed(0) }
        }
        return withoutGradient {
            let blocks = stride(from: 0, to: x.size(0), by: rowsAtOnce).map { start in
                let block = x.narrow(0, start: start, length: min(rowsAtOnce, x.size(0) - start))
                let (rows, latents) = (block.size(0), encode(block))
                let flat = block.reshaped([1, rows, features])
                let weights = weightsOfBlock(start, rows)
                let errors = widthChunks(rows: rows, rowsAtOnce: rowsAtOnce).map { widths in
                    let opened = bottleneck.truncated(latents, toEach: widths).reshaped([widths.count * rows, width])
                    let expected = likelihood.expectation(decoder(opened)).reshaped([widths.count, rows, features])
                    let squares = (expected - flat).square()
                    return (weights.map { squares * $0 } ?? squares).sum(dims: [2]).to(.float64)
                }
                return Tensor.cat(errors, dim: 0).transposed()
            }
            return Tensor.cat(blocks, dim: 0)
        }
    }

    /// Rows decoded together unless the caller says otherwise: some hundred megabytes for spectra of 1462 pixels.
    public static let rowsAtOnce = 8192

    /// The widths 0 … K in groups that keep rows times widths within a bound.
    func widthChunks(rows: Int, rowsAtOnce: Int) -> [[Int]] {
        let size = max(1, rowsAtOnce / max(1, rows))
        return stride(from: 0, through: width, by: size).map { Array($0...min($0 + size - 1, width)) }
    }
}
