import SpecCLIP
import Torch

/// The density of D labels given a context, as a chain of invertible autoregressive transforms from a Gaussian.
///
/// Labels and context are standardised inside, so that densities and samples are in the labels' own units.
public final class ConditionalFlow: Module {
    let transforms: [MaskedNetwork]
    let labelMean: Buffer
    let labelStd: Buffer
    let contextMean: Buffer
    let contextStd: Buffer
    /// Sizes.
    public let configuration: FlowConfiguration
    private let labels: Int

    /// A flow with initial weights drawn from the default generator.
    /// - Parameters:
    ///   - labels: D.
    ///   - context: numbers of the context.
    public init(_ configuration: FlowConfiguration, labels: Int, context: Int) {
        self.configuration = configuration
        self.labels = labels
        let outputs = configuration.kind == .maf ? 2 : RationalQuadraticSpline.parameters(bins: configuration.bins)
        transforms = (0..<configuration.transforms).map { _ in
            MaskedNetwork(
                labels: labels, context: context, width: configuration.hidden, blocks: configuration.blocks,
                outputs: outputs)
        }
        labelMean = Buffer(Tensor.zeros([labels]))
        labelStd = Buffer(Tensor.ones([labels]))
        contextMean = Buffer(Tensor.zeros([context]))
        contextStd = Buffer(Tensor.ones([context]))
        super.init()
    }

    /// Takes the scales of labels and context from the training stars.
    /// - Parameters:
    ///   - context: `[N, C]`.
    ///   - mean: of each label.
    ///   - std: of each label, positive.
    func standardise(context: Tensor, mean: [Double], std: [Double]) {
        labelMean.value = Tensor(mean.map { Float($0) }, shape: [labels])
        labelStd.value = Tensor(std.map { Float($0) }, shape: [labels])
        contextMean.value = context.mean(dims: [0])
        contextStd.value = context.std(dim: 0).clamp(min: 1e-6)
    }

    /// Log density of labels that are all known.
    /// - Parameters:
    ///   - labels: `[B, D]`.
    ///   - context: `[B, C]`.
    /// - Returns: `[B]`.
    public func logDensity(_ labels: Tensor, given context: Tensor) -> Tensor {
        logDensities(labels, present: nil, given: context).sum(dims: [-1])
    }

    /// Log density of each label given those before it, `[B, D]`; their sum is that of all.
    /// - Parameter present: 1 where a label is known, 0 where it is not, `[B, D]`; the term of an unknown label is 0, and
    ///   later ones do not depend on it. Needs `keepsOrder`.
    public func logDensities(_ labels: Tensor, present: Tensor?, given context: Tensor) -> Tensor {
        precondition(present == nil || configuration.keepsOrder, "missing labels need a flow that keeps their order")
        let context = (context - contextMean.value) / contextStd.value
        var values = (labels - labelMean.value) / labelStd.value
        if let present { values = (values * present) }
        var total = labelStd.value.log() * -1
        for (place, network) in transforms.enumerated() {
            let parameters = network(values, present: present, contribution: network.contribution(context))
            let moved = forward(values, parameters)
            values = present.map { moved.values * $0 } ?? moved.values
            total = total + turned(moved.logDerivative, after: place)
            values = turned(values)
        }
        let gaussian = turned(values.square(), after: transforms.count) * -0.5 - 0.9189385332
        let terms = total + gaussian
        return present.map { terms * $0 } ?? terms
    }

    /// Samples of the posterior.
    /// - Parameters:
    ///   - base: independent standard Gaussians, `[count, D]`. Every star gets samples made of the same, so that what is
    ///     read from a star does not depend on the stars beside it.
    ///   - context: `[B, C]`.
    /// - Returns: `[B, count, D]`.
    public func samples(_ base: Tensor, given context: Tensor) -> Tensor {
        withoutGradient {
            let context = ((context - contextMean.value) / contextStd.value).unsqueezed(1)
            var values = base.unsqueezed(0).expanded([context.shape[0]] + base.shape)
            for network in transforms.reversed() {
                values = inverse(turned(values), network, network.contribution(context))
            }
            return values * labelStd.value + labelMean.value
        }
    }

    /// One label after the other: what label j was depends on the labels before it.
    private func inverse(_ values: Tensor, _ network: MaskedNetwork, _ contribution: Tensor) -> Tensor {
        var known: [Tensor] = []
        for label in 0..<labels {
            let earlier = label == 0 ? values.narrow(-1, start: 0, length: 0) : Tensor.cat(known, dim: -1)
            let parameters = network.conditional(label, given: earlier, contribution: contribution)
            known.append(inverse(values.narrow(-1, start: label, length: 1), parameters.unsqueezed(-2)))
        }
        return Tensor.cat(known, dim: -1)
    }

    private func forward(_ values: Tensor, _ parameters: Tensor) -> (values: Tensor, logDerivative: Tensor) {
        switch configuration.kind {
        case .nsf:
            return RationalQuadraticSpline(parameters, bins: configuration.bins, bound: configuration.tailBound)
                .forward(values)
        case .maf:
            let (shift, logScale) = affine(parameters)
            return ((values - shift) * (logScale * -1).exp(), logScale * -1)
        }
    }

    private func inverse(_ values: Tensor, _ parameters: Tensor) -> Tensor {
        switch configuration.kind {
        case .nsf:
            return RationalQuadraticSpline(parameters, bins: configuration.bins, bound: configuration.tailBound)
                .inverse(values)
        case .maf:
            let (shift, logScale) = affine(parameters)
            return values * logScale.exp() + shift
        }
    }

    /// Scales between e⁻⁷ and e⁷: no single step may take a training to infinity.
    private func affine(_ parameters: Tensor) -> (shift: Tensor, logScale: Tensor) {
        (parameters.select(-1, 0), (parameters.select(-1, 1) / 7).tanh() * 7)
    }

    /// The order of the labels for the next transform.
    private func turned(_ values: Tensor) -> Tensor { configuration.keepsOrder ? values : values.flipped([-1]) }

    /// What a transform said of labels, in the labels' own order.
    private func turned(_ values: Tensor, after transforms: Int) -> Tensor {
        transforms.isMultiple(of: 2) ? values : turned(values)
    }
}
