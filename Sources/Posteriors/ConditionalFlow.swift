import Foundation
import Support
import Torch

/// The density of D labels given a context of C numbers, such as an embedding: a normalizing flow.
///
/// A stack of autoregressive transforms brings the labels to independent standard normal variables. In each, label j is
/// shifted, scaled and, in a spline flow, bent by what a network makes of the labels before it and of the context:
///
///     u_j = spline(θ_j e^a + b),  (a, b, spline) = f(θ_1 … θ_{j-1}, context)
///
/// and log p(θ) = Σ_j log N(u_j) + log |du_j / dθ_j| over all transforms. Labels and context are standardised inside:
/// densities and samples are in the labels' own units.
public final class ConditionalFlow: Module {
    /// One network for each transform.
    let transforms: [AutoregressiveNetwork]
    /// Mean and spread of the training labels, `[D]`.
    let labelMean: Buffer
    let labelStd: Buffer
    /// Mean and spread of the training contexts, `[C]`.
    let contextMean: Buffer
    let contextStd: Buffer
    /// How it was made.
    public let configuration: FlowConfiguration
    private let spline: RationalQuadraticSpline?

    /// Initial weights, from the default generator.
    /// - Parameters:
    ///   - labels: D.
    ///   - context: C.
    ///   - configuration: sizes of the flow.
    public init(labels: Int, context: Int, _ configuration: FlowConfiguration = .init()) {
        self.configuration = configuration
        let spline =
            configuration.kind == .nsf
            ? RationalQuadraticSpline(
                bins: configuration.bins, bound: configuration.tailBound,
                gain: 1 / Double(configuration.hidden).squareRoot()) : nil
        self.spline = spline
        transforms = (0..<configuration.transforms).map { _ in
            AutoregressiveNetwork(
                labels: labels, context: context, outputs: 2 + (spline?.parameterCount ?? 0), configuration)
        }
        labelMean = Buffer(Tensor.zeros([labels]))
        labelStd = Buffer(Tensor.ones([labels]))
        contextMean = Buffer(Tensor.zeros([context]))
        contextStd = Buffer(Tensor.ones([context]))
        super.init()
    }

    /// A new flow with the scales of the rows it is to learn from.
    package convenience init(standardising rows: FlowData.Rows, _ configuration: FlowConfiguration) {
        self.init(labels: rows.labels.size(1), context: rows.context.size(1), configuration)
        (labelMean.value, labelStd.value) = rows.labelStatistics
        (contextMean.value, contextStd.value) = rows.contextStatistics
    }

    /// D.
    public var labelCount: Int { labelMean.value.count }
    /// C.
    public var contextCount: Int { contextMean.value.count }

    /// log p(labels | context), in the labels' units.
    /// - Parameters:
    ///   - labels: `[B, D]`, none missing.
    ///   - context: `[B, C]`.
    /// - Returns: `[B]`.
    public func logDensity(_ labels: Tensor, given context: Tensor) -> Tensor {
        terms(labels, seen: nil, given: context).sum(dims: [1])
    }

    /// log p(label j | known labels before it, context), 0 for labels that are missing: the sum over j is the log density
    /// of the labels that are known.
    /// - Parameters:
    ///   - labels: `[B, D]`; any number, also NaN, where missing.
    ///   - present: 1 where a label is known, else 0, `[B, D]`.
    ///   - context: `[B, C]`.
    /// - Returns: `[B, D]`.
    /// - Throws: `Diagnostic` where transforms reverse the labels: each label then depends on all others.
    public func logDensities(_ labels: Tensor, present: Tensor, given context: Tensor) throws -> Tensor {
        try requireOrder("densities without some labels")
        let known = labels.where(present.ne(0), labelMean.value)
        return terms(known, seen: present, given: context) * present
    }

    /// log p(label j | context) of each label by itself, whatever the others are.
    /// - Parameters:
    ///   - labels: `[B, D]`, NaN where the result should be NaN.
    ///   - context: `[B, C]`.
    /// - Returns: `[B, D]`.
    /// - Throws: `Diagnostic`.
    public func logMarginals(_ labels: Tensor, given context: Tensor) throws -> Tensor {
        try requireOrder("marginal densities")
        let missing = labels.isnan()
        let known = labels.where(missing.logicalNot(), labelMean.value)
        return terms(known, seen: Tensor.zeros(like: known), given: context).maskedFill(missing, .nan)
    }

    private func requireOrder(_ what: String) throws {
        guard configuration.fixedOrder else {
            throw Diagnostic(
                problem: "\(what) need a flow that keeps the order of labels", remedy: "train one with fixedOrder: true"
            )
        }
    }

    /// The share of each place in the order in the log density, `[B, D]`; of each label where the order is kept.
    /// - Parameter seen: 1 where later labels may see a label; nil for all.
    func terms(_ labels: Tensor, seen: Tensor?, given context: Tensor) -> Tensor {
        let (values, logSlopes) = normalised(labels, seen: seen, given: context)
        return logSlopes - values.square() * 0.5 - 0.5 * Foundation.log(2 * Double.pi)
    }

    /// The standard normal variables that labels stand for, and the logarithms of the slopes, `[B, D]`.
    func normalised(_ labels: Tensor, seen: Tensor?, given context: Tensor) -> (values: Tensor, logSlopes: Tensor) {
        let context = standardised(context)
        var values = (labels - labelMean.value) / labelStd.value
        var logSlopes = Tensor.zeros(like: values) - labelStd.value.log()
        for (i, network) in transforms.enumerated() {
            if i > 0, reverses {
                values = values.flipped([1])
                logSlopes = logSlopes.flipped([1])
            }
            let (next, logSlope) = transformed(values, network(values, seen: seen, context: context))
            values = next
            logSlopes = logSlopes + logSlope
        }
        return (values, logSlopes)
    }

    private var reverses: Bool { !configuration.fixedOrder }

    private func standardised(_ context: Tensor) -> Tensor { (context - contextMean.value) / contextStd.value }

    /// One transform and the logarithm of its slope.
    /// - Parameter parameters: `[B, D, 2 + …]`: shift, log scale, and those of the spline.
    private func transformed(_ x: Tensor, _ parameters: Tensor) -> (y: Tensor, logSlope: Tensor) {
        let logScale = boundedLogScale(parameters.select(2, 1))
        let scaled = x * logScale.exp() + parameters.select(2, 0)
        guard let spline else { return (scaled, logScale) }
        let (y, logSlope) = spline(scaled, parameters.narrow(2, start: 2, length: spline.parameterCount))
        return (y, logScale + logSlope)
    }
}

extension ConditionalFlow {
    /// Draws from p(labels | context), in the labels' units.
    /// - Parameters:
    ///   - count: draws for each context.
    ///   - context: `[B, C]`.
    ///   - seed: fixes the draws, which are then made of the same Gaussian numbers for every context: what is drawn for a
    ///     star does not depend on those beside it. nil takes them from the default generator, for each context anew.
    /// - Returns: `[B, count, D]` on the CPU.
    public func samples(_ count: Int, given context: Tensor, seed: UInt64? = nil) throws -> Tensor {
        try sampler()(count, given: context, seed: seed)
    }

    /// The flow as it is now, ready to draw from for one context after another: weights are brought into place once.
    public func sampler() throws -> FlowSampler { try FlowSampler(self) }

    /// What the kernel needs of the transforms.
    fileprivate func inversion() throws -> FlowInversion {
        let (labels, hidden) = (labelCount, configuration.hidden)
        let degrees = AutoregressiveNetwork.degrees(hidden: hidden, labels: labels)
        let layout = FlowInversion.Layout(
            labels: labels, hidden: hidden, layers: configuration.blocks, transforms: transforms.count,
            bins: spline?.bins ?? 0, bound: configuration.tailBound, least: RationalQuadraticSpline.least,
            gain: spline?.gain ?? 1, reverses: reverses,
            ends: (0..<labels).map { label in degrees.count { $0 <= label } })
        return try catchingTorchErrors {
            withoutGradient {
                FlowInversion(
                    layout, weights: transforms.map(\.inversionWeights), mean: labelMean.value, std: labelStd.value)
            }
        }
    }

    /// What the context adds in the layers of all transforms, `[B, …]`.
    fileprivate func inversionOffsets(_ context: Tensor) -> Tensor {
        let context = standardised(context)
        return Tensor.cat(transforms.map { $0.inversionOffsets(context) }, dim: 1)
    }
}

/// Draws samples of a flow.
public struct FlowSampler {
    private let flow: ConditionalFlow
    private let inversion: FlowInversion

    init(_ flow: ConditionalFlow) throws {
        self.flow = flow
        inversion = try flow.inversion()
    }

    /// As `ConditionalFlow.samples(_:given:seed:)`.
    public func callAsFunction(_ count: Int, given context: Tensor, seed: UInt64? = nil) throws -> Tensor {
        try catchingTorchErrors {
            try withoutGradient {
                let former = seed.map { seed in
                    defer { Generator.seed(seed) }
                    return Generator.state()
                }
                let contexts = context.size(0)
                let own = Tensor.randn([seed == nil ? contexts : 1, count, flow.labelCount])
                if let former { try Generator.restore(former) }
                return draws(own, given: context)
            }
        }
    }

    /// Coordinates of a draw, D.
    var labelCount: Int { flow.labelCount }

    /// Draws that are made of given Gaussian numbers, the same for every context.
    /// - Parameter noise: `[1, count, D]`.
    func draws(of noise: Tensor, given context: Tensor) throws -> Tensor {
        try catchingTorchErrors { withoutGradient { draws(noise, given: context) } }
    }

    /// - Parameter noise: `[B or 1, count, D]`.
    private func draws(_ noise: Tensor, given context: Tensor) -> Tensor {
        let shape = [context.size(0), noise.size(1), flow.labelCount]
        return inversion(noise: noise.expanded(shape).contiguous(), offsets: flow.inversionOffsets(context))
    }
}
