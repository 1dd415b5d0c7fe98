import Torch

/// A linear map with layers beside it, which learn what it misses: (batch, in) → (batch, out).
final class Shortcut: Module, Layer {
    let linear: Linear
    let layers: Sequential

    init(_ inputs: Int, _ outputs: Int, around layers: [any Layer]) {
        linear = Linear(inputs, outputs)
        self.layers = Sequential(layers)
        super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { linear(x) + layers(x) }

    /// Makes the whole an affine map, (x - centre) · map + offset, from which the layers can learn away.
    /// - Parameter map: `[in, out]`; where it is smaller, the remaining inputs are not read, and the remaining outputs
    ///   are 0.
    func start(_ map: Tensor, centre: Tensor? = nil, offset: Tensor? = nil) {
        withoutGradient {
            let weight = linear.weight.value
            weight.zeroInPlace()
            weight.narrow(0, start: 0, length: map.size(1)).narrow(1, start: 0, length: map.size(0))
                .copyInPlace(from: map.transposed())
            if let bias = linear.bias?.value {
                bias.zeroInPlace()
                if let offset { bias.copyInPlace(from: offset) }
                if let centre { bias.addInPlace(weight.matmul(centre), scale: -1) }
            }
            guard let last = layers.layers.last as? Linear else { return }
            last.weight.value.zeroInPlace()
            last.bias?.value.zeroInPlace()
        }
    }
}
