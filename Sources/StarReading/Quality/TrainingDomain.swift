import Foundation
import OrderedBottleneck
import Torch

/// Where training spectra lie among a model's features: how far a spectrum is from them tells how little the model can
/// know of it.
///
/// Features are brought to their principal components, each scaled to unit variance. The distance of a spectrum is that to
/// its k-th nearest training spectrum (Ramaswamy et al. 2000, SIGMOD), in units of what 99 % of held-out spectra keep.
final class TrainingDomain: Module {
    let mean: Buffer
    /// Features → whitened components, `[F, K]`.
    let projection: Buffer
    /// Training spectra, `[R, K]`.
    let reference: Buffer
    /// Distance of a spectrum at the edge.
    let edge: Buffer

    private static let components = 24
    private static let neighbour = 5
    /// Training spectra that are kept: distances grow by a few per cent only where 20,000 are reduced to them.
    private static let references = 2048
    /// Share of held-out spectra within the edge.
    private static let within = 0.99

    /// An empty domain, to be loaded.
    init(features: Int, components: Int, references: Int) {
        mean = Buffer(Tensor.zeros([features]))
        projection = Buffer(Tensor.zeros([features, components]))
        reference = Buffer(Tensor.zeros([references, components]))
        edge = Buffer(Tensor.ones([1]))
        super.init()
    }

    /// The domain of training spectra.
    /// - Parameters:
    ///   - training: features, `[N, F]`.
    ///   - heldOut: features of other spectra of the same kind, `[M, F]`.
    init(_ training: Tensor, heldOut: Tensor) {
        let principal = PrincipalComponents(training, count: min(Self.components, training.shape[1]))
        mean = Buffer(principal.mean)
        // Directions in which nothing varies are rounding, which whitening would blow up.
        let variances = principal.variances.filter { $0 > 1e-6 * (principal.variances.first ?? 0) }
        let count = max(1, variances.count)
        let scales = (0..<count).map { Float(1 / max(principal.variances[$0], 1e-12).squareRoot()) }
        projection = Buffer(
            principal.components.narrow(1, start: 0, length: count) * Tensor(scales, shape: [1, count]))
        let rows = (0..<Int64(training.shape[0])).evenlySampled(Self.references)
        reference = Buffer(Tensor.zeros([1, count]))
        edge = Buffer(Tensor.ones([1]))
        super.init()
        reference.value = whitened(training.indexSelect(0, Tensor(rows, shape: [rows.count])))
        let distances = self.distances(heldOut).sorted()
        if !distances.isEmpty {
            edge.value = Tensor([Float(distances[Int(Self.within * Double(distances.count - 1))])], shape: [1])
        }
    }

    /// How far out each spectrum is: beyond 1 lies what hardly any spectrum of the training's kind does.
    /// - Parameter features: `[B, F]`.
    func distances(_ features: Tensor) -> [Double] {
        guard features.shape[0] > 0 else { return [] }
        return withoutGradient {
            let points = whitened(features)
            let reference = reference.value
            let squares = points.square().sum(dims: [1], keepDims: true) + reference.square().sum(dims: [1])
            let squared = squares - points.matmul(reference.transposed()) * 2
            let near = squared.topk(min(Self.neighbour, reference.shape[0]), dim: 1, largest: false).values
            let last = near.narrow(1, start: near.shape[1] - 1, length: 1)
            return (last.clamp(min: 0).sqrt() / edge.value).doubles()
        }
    }

    /// Features in units of their spread, along the directions in which they vary most, `[B, K]`.
    func whitened(_ features: Tensor) -> Tensor { (features - mean.value).matmul(projection.value) }
}
