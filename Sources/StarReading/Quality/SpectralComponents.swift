import OrderedBottleneck
import Torch

/// Draws spectra whose shape is not divided out by their few largest principal components, none beyond what training
/// spectra have of it. An encoder that was taught labels forgets how to draw what labels do not need; these do not.
final class SpectralComponents: Module {
    let mean: Buffer
    /// `[pixels, K]`.
    let components: Buffer
    /// Least and most of each component, `[2, K]`.
    let limits: Buffer

    /// So few that a galaxy, a quasar or a carbon star cannot be made of them.
    private static let count = 8
    /// Share of the training spectra that lie beyond each limit.
    private static let beyond = 0.001

    /// Empty ones, to be loaded.
    init(pixels: Int) {
        mean = Buffer(Tensor.zeros([pixels]))
        components = Buffer(Tensor.zeros([pixels, Self.count]))
        limits = Buffer(Tensor.zeros([2, Self.count]))
        super.init()
    }

    /// - Parameter training: spectra in the form in which they are drawn, `[N, pixels]`.
    init(_ training: Tensor) {
        let principal = PrincipalComponents(training, count: Self.count)
        mean = Buffer(principal.mean)
        components = Buffer(principal.components)
        let coordinates = principal.project(training)
        let columns = (0..<coordinates.size(1)).map {
            coordinates.narrow(1, start: $0, length: 1).doubles().sorted()
        }
        func limit(_ share: Double) -> [Float] { columns.map { Float($0[Int(share * Double($0.count - 1))]) } }
        limits = Buffer(
            Tensor(limit(Self.beyond) + limit(1 - Self.beyond), shape: [2, columns.count]))
        super.init()
    }

    /// What is drawn of spectra, `[B, pixels]`.
    func drawn(_ spectra: Tensor) -> Tensor {
        let coordinates = (spectra - mean.value).matmul(components.value)
        let (low, high) = (limits.value.narrow(0, start: 0, length: 1), limits.value.narrow(0, start: 1, length: 1))
        return coordinates.maximum(low).minimum(high).matmul(components.value.transposed()) + mean.value
    }
}
