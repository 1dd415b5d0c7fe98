import Torch

/// A network whose outputs for label j see the context and labels before j only (MADE; Germain et al. 2015,
/// arXiv 1502.03509), so that all conditionals of a density come out of one pass.
///
/// A label enters as its value and a mark whether it is known; an unknown one is as good as absent.
final class MaskedNetwork: Module {
    let context: Linear
    let input: MaskedLinear
    let hidden: [MaskedLinear]
    let output: MaskedLinear
    private let labels: Int
    private let degrees: [Int]

    /// - Parameters:
    ///   - labels: D.
    ///   - context: numbers of the context.
    ///   - outputs: numbers per label.
    init(labels: Int, context: Int, width: Int, blocks: Int, outputs: Int) {
        self.labels = labels
        // A unit of degree d sees the labels 0 ..< d. Degrees 0 … D − 1 take turns, so that every output finds units.
        let degrees = (0..<width).map { $0 % labels }
        self.degrees = degrees
        self.context = Linear(context, width)
        input = MaskedLinear(
            rows: degrees, columns: (0..<labels).map { $0 + 1 } + (0..<labels).map { $0 + 1 }, bias: false)
        hidden = (1..<blocks).map { _ in MaskedLinear(rows: degrees, columns: degrees, bias: true) }
        let outputDegrees = (0..<labels).flatMap { Array(repeating: $0, count: outputs) }
        output = MaskedLinear(rows: outputDegrees, columns: degrees, bias: true)
        super.init()
        // Small outputs: the flow begins close to the identity.
        withoutGradient { output.weight.value.multiplyInPlace(0.1) }
    }

    /// What the context adds to the first layer, `[…, width]`: the same for all labels of a star.
    func contribution(_ context: Tensor) -> Tensor { self.context(context) }

    /// - Parameters:
    ///   - labels: `[…, D]`, 0 where unknown.
    ///   - present: 1 where known; nil when all are.
    ///   - contribution: of the context, broadcast against the labels.
    /// - Returns: `[…, D, outputs]`.
    func callAsFunction(_ labels: Tensor, present: Tensor?, contribution: Tensor) -> Tensor {
        let marks = present ?? Tensor.ones(like: labels)
        var h = (input(Tensor.cat([labels, marks], dim: -1)) + contribution).relu()
        for layer in hidden { h = layer(h).relu() }
        let out = output(h)
        return out.reshaped(out.shape.dropLast() + [self.labels, out.shape[out.rank - 1] / self.labels])
    }
}

extension MaskedNetwork {
    /// The outputs for one label, computed from what they depend on alone: what sampling asks for, label after label.
    /// - Parameters:
    ///   - earlier: the labels before it, all known, `[…, label]`.
    ///   - contribution: of the context, broadcast against the labels, `[…, width]`.
    /// - Returns: `[…, outputs]`; for the first label, in the shape of the contribution.
    func conditional(_ label: Int, given earlier: Tensor, contribution: Tensor) -> Tensor {
        let seen = degrees.indices.filter { degrees[$0] <= label }.map(Int64.init)
        let units = Tensor(seen, shape: [seen.count])
        func rows(_ tensor: Tensor) -> Tensor { tensor.indexSelect(0, units) }
        let weights = rows(input.masked)
        let marks = weights.narrow(1, start: labels, length: label).sum(dims: [1])
        var h = contribution.indexSelect(contribution.rank - 1, units) + marks
        if label > 0 { h = linear(earlier, weights.narrow(1, start: 0, length: label)) + h }
        h = h.relu()
        for layer in hidden {
            h = linear(h, rows(layer.masked).indexSelect(1, units), layer.bias.map { rows($0.value) }).relu()
        }
        let count = output.weight.value.shape[0] / labels
        func own(_ tensor: Tensor) -> Tensor { tensor.narrow(0, start: label * count, length: count) }
        return linear(h, own(output.masked).indexSelect(1, units), output.bias.map { own($0.value) })
    }
}

/// A linear layer without the connections from a column to a row of smaller degree.
final class MaskedLinear: Module {
    let weight: Parameter
    let bias: Parameter?
    private let mask: Tensor

    /// - Parameters:
    ///   - rows: degrees of the outputs.
    ///   - columns: degrees of the inputs; an output sees those up to its own.
    init(rows: [Int], columns: [Int], bias: Bool) {
        mask = Tensor(
            rows.flatMap { row in columns.map { $0 <= row ? Float(1) : 0 } }, shape: [rows.count, columns.count])
        weight = Parameter(.empty([rows.count, columns.count]))
        Initializer.kaimingUniform().apply(to: weight)
        self.bias = bias ? Parameter(.zeros([rows.count])) : nil
        super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { linear(x, masked, bias?.value) }

    /// The weights with those that are no connections at 0.
    var masked: Tensor {
        let weight = weight.value
        return weight * ((try? mask.to(weight.device)) ?? mask)
    }
}
