import Torch

/// A dense layer in which a unit reads units of its own or lower degree alone (Germain et al. 2015, arXiv 1502.03509). It
/// has no bias: that comes from the context.
final class MaskedLinear: Module {
    /// `[out, in]`
    let weight: Parameter
    /// 1 where a unit may read an input, `[out, in]`.
    let mask: Buffer

    /// - Parameters:
    ///   - inputs: degree of each input.
    ///   - outputs: degree of each output.
    ///   - gain: factor on PyTorch's U(±1/√in).
    init(from inputs: [Int], to outputs: [Int], gain: Double = 1) {
        weight = Parameter(.empty([outputs.count, inputs.count]))
        Initializer.uniform(bound: gain / Double(inputs.count).squareRoot()).apply(to: weight)
        mask = Buffer(
            Tensor(
                outputs.flatMap { output in inputs.map { Float($0 <= output ? 1 : 0) } },
                shape: [outputs.count, inputs.count]))
        super.init()
    }

    var masked: Tensor { weight.value * mask.value }

    /// `[B, in]` → `[B, out]`
    func callAsFunction(_ x: Tensor) -> Tensor { linear(x, masked) }
}

/// For each label some numbers that depend on the labels before it and on a context.
///
/// Hidden units of degree d see the first d labels: degrees go from 0, the context alone, to D - 1. What the context says
/// is added in every layer, so it is worked out once for all samples of a star.
final class AutoregressiveNetwork: Module {
    /// Reads the context, `[C]` → `[H]`.
    let context: Linear
    /// What is added in all layers: `[H]` → `[blocks · H + D · outputs]`.
    let offset: Linear
    let layers: [MaskedLinear]
    let output: MaskedLinear
    let dropout: Dropout
    private let labels: Int
    private let hidden: Int
    private let hidesLabels: Bool

    /// - Parameters:
    ///   - labels: D.
    ///   - context: C.
    ///   - outputs: numbers for each label.
    init(labels: Int, context: Int, outputs: Int, _ configuration: FlowConfiguration) {
        (self.labels, hidden, hidesLabels) = (labels, configuration.hidden, configuration.fixedOrder)
        self.context = Linear(context, hidden)
        offset = Linear(hidden, configuration.blocks * hidden + labels * outputs)
        let degrees = Self.degrees(hidden: hidden, labels: labels)
        // A label has degree 1, 2, …: units of degree d see those before label d. Whether it is known has the same.
        let inputs = Array(1...labels) + (hidesLabels ? Array(1...labels) : [])
        layers = (0..<configuration.blocks).map { MaskedLinear(from: $0 == 0 ? inputs : degrees, to: degrees) }
        // Small, so that a flow begins near the identity.
        output = MaskedLinear(
            from: degrees, to: (0..<labels).flatMap { Array(repeating: $0, count: outputs) }, gain: 0.1)
        dropout = Dropout(configuration.dropout)
        super.init()
    }

    /// Ascending from 0 to D - 1, as even as can be.
    static func degrees(hidden: Int, labels: Int) -> [Int] { (0..<hidden).map { $0 * labels / hidden } }

    /// - Parameters:
    ///   - values: labels, of which a network of `fixedOrder` sees those alone that are marked, `[B, D]`.
    ///   - seen: 1 where a label may be seen, else 0; nil for all, `[B, D]`.
    ///   - context: `[B, C]`.
    /// - Returns: `[B, D, outputs]`.
    func callAsFunction(_ values: Tensor, seen: Tensor?, context: Tensor) -> Tensor {
        let offsets = offsets(context).split(
            Array(repeating: hidden, count: layers.count) + [output.weight.shape[0]], 1)
        var inputs = values
        if hidesLabels {
            let seen = seen ?? Tensor.ones(like: values)
            inputs = Tensor.cat([values * seen, seen], dim: 1)
        }
        for (layer, offset) in zip(layers, offsets) { inputs = dropout((layer(inputs) + offset).silu()) }
        return (output(inputs) + (offsets.last ?? inputs)).reshaped([values.size(0), labels, -1])
    }

    /// `[B, C]` → `[B, blocks · H + D · outputs]`
    func offsets(_ context: Tensor) -> Tensor { offset(self.context(context).silu()) }

    // As `FlowInversion` takes them, for labels that are all seen.

    /// The weights on the values of labels, layer by layer.
    var inversionWeights: [Tensor] {
        layers.enumerated().map { $0 == 0 ? $1.masked.narrow(1, start: 0, length: labels) : $1.masked }
            + [output.masked]
    }

    /// What is added in all layers; that all labels are seen is part of it.
    func inversionOffsets(_ context: Tensor) -> Tensor {
        let offsets = offsets(context)
        guard hidesLabels else { return offsets }
        let seen = layers[0].masked.narrow(1, start: labels, length: labels).sum(dims: [1])
        return offsets + seen.padded([0, offsets.size(1) - hidden])
    }
}
