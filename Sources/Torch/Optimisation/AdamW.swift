import Foundation
import Support

/// Adam with weight decay, over libtorch's fused kernels.
///
/// Decoupled (AdamW, Loshchilov & Hutter 2019, arXiv 1711.05101): p ← p - η λ p, then the Adam step; otherwise (Adam with L2)
/// λ p is added to the gradient. Parameters without a gradient are skipped: no step, no decay, no state.
public final class AdamW {
    /// Step size η; set it before each step to follow a schedule.
    public var learningRate: Double
    private let parameters: [(path: String, parameter: Parameter)]
    /// Factors on the learning rate, by path.
    private let rates: [String: Double]
    private let betas: (Double, Double)
    private let eps: Double
    private let weightDecay: Double
    private let decoupled: Bool
    private var moments: [String: Moments] = [:]

    /// What Adam remembers of a parameter.
    private struct Moments {
        /// Steps taken, a float32 scalar as the fused kernel wants it.
        let step: Tensor
        /// Running mean of the gradient.
        let mean: Tensor
        /// Running mean of the squared gradient.
        let square: Tensor

        var named: [(String, Tensor)] { [("step", step), ("exp_avg", mean), ("exp_avg_sq", square)] }
    }

    /// - Parameters:
    ///   - parameters: with paths that are all different, as ``Module/parameters()`` gives them.
    ///   - learningRate: η.
    ///   - betas: the decay of the means of gradient and squared gradient.
    ///   - eps: added to the root of the mean square.
    ///   - weightDecay: λ.
    ///   - decoupled: AdamW if true, Adam if false.
    ///   - rates: factors on the learning rate of some parameters, by path; 1 for others.
    public init(
        parameters: [(path: String, parameter: Parameter)], learningRate: Double,
        betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0.01, decoupled: Bool = true,
        rates: [String: Double] = [:]
    ) {
        self.parameters = parameters
        self.learningRate = learningRate
        self.betas = betas
        self.eps = eps
        self.weightDecay = weightDecay
        self.decoupled = decoupled
        self.rates = rates
    }

    /// Changes every parameter that has a gradient.
    public func step() {
        withoutGradient {
            for group in groups() { update(group.entries, rate: group.rate) }
        }
    }

    /// Forgets all gradients.
    public func zeroGradients() {
        for (_, parameter) in parameters { parameter.gradient = nil }
    }

    private typealias Entry = (value: Tensor, gradient: Tensor, moments: Moments)

    /// The parameters with gradients, by type, device and rate: a kernel takes one kind at a time.
    private func groups() -> [(entries: [Entry], rate: Double)] {
        var order: [String] = []
        var groups: [String: (entries: [Entry], rate: Double)] = [:]
        for (path, parameter) in parameters {
            guard let gradient = parameter.gradient else { continue }
            let value = parameter.value
            let rate = rates[path] ?? 1
            let key = "\(value.dtype) \(value.device) \(rate)"
            if groups[key] == nil { order.append(key) }
            groups[key, default: ([], rate)].entries.append((value, gradient, moments(of: value, path: path)))
        }
        return order.compactMap { groups[$0] }
    }

    private func moments(of value: Tensor, path: String) -> Moments {
        if let known = moments[path] { return known }
        let new = Moments(
            step: .zeros([], device: value.device), mean: .zeros(like: value), square: .zeros(like: value))
        moments[path] = new
        return new
    }

    private func update(_ group: [Entry], rate: Double) {
        let steps = group.map(\.moments.step)
        ATen.foreachAdd.perform(.tensors(steps), 1)
        let kernel = decoupled ? ATen.fusedAdamW : ATen.fusedAdam
        kernel.perform(
            .tensors(group.map(\.value)), .tensors(group.map(\.gradient)), .tensors(group.map(\.moments.mean)),
            .tensors(group.map(\.moments.square)), .tensors([]), .tensors(steps), .double(learningRate * rate),
            .double(betas.0), .double(betas.1), .double(weightDecay), .double(eps), false, false)
    }

    /// What the next step depends on besides the parameters: `<path>.step`, `.exp_avg` and `.exp_avg_sq` of every parameter
    /// that has been stepped. The tensors are the optimiser's own: clone them to keep them.
    public func state() -> [(String, Tensor)] {
        parameters.flatMap { path, _ in moments[path]?.named.map { ("\(path).\($0.0)", $0.1) } ?? [] }
    }

    /// Takes over a state written by ``state()``; the tensors are copied.
    /// - Throws: `Diagnostic` naming what is missing, unknown or of another shape; nothing has changed then.
    public func load(state: [String: Tensor]) throws {
        var rest = Set(state.keys)
        var loaded: [String: Moments] = [:]
        func take(_ name: String, like target: Tensor, shape: [Int]) throws -> Tensor {
            guard let source = state[name] else { throw Diagnostic(problem: "the optimiser's state lacks \(name)") }
            guard source.shape == shape else {
                throw Diagnostic(
                    problem: "the optimiser's state \(name) has shape \(source.shape) where \(shape) is needed")
            }
            rest.remove(name)
            return try source.to(target.device).clone()
        }
        for (path, parameter) in parameters where state["\(path).step"] != nil {
            let value = parameter.value
            loaded[path] = Moments(
                step: try take("\(path).step", like: value, shape: []).to(.float32),
                mean: try take("\(path).exp_avg", like: value, shape: value.shape).to(value.dtype),
                square: try take("\(path).exp_avg_sq", like: value, shape: value.shape).to(value.dtype))
        }
        guard rest.isEmpty else {
            throw Diagnostic(
                problem: "the optimiser has no parameter for \(rest.sorted().prefix(5).joined(separator: ", "))")
        }
        moments = loaded
    }
}

/// Scales all gradients down together so that their common Euclidean norm is at most `max`.
///
/// The factor is min(1, max / (norm + 1e-6)). If the norm is not finite the gradients are left as they are.
/// - Returns: the norm before; 0 if there are no gradients.
@discardableResult
public func clipGradientNorm(_ parameters: [Parameter], max: Double) -> Double {
    let gradients = parameters.compactMap(\.gradient)
    guard !gradients.isEmpty else { return 0 }
    return withoutGradient {
        // A sum of millions of squares in float32 is off by 1e-4 on the CPU: it is added up in float64 there.
        let isCPU = gradients.allSatisfy { $0.device == .cpu }
        let norms = ATen.foreachNorm.many(
            gradients.count, .tensors(gradients), 2, isCPU ? .dtype(.float64) : nil)
        let norm = Tensor.stack(norms).norm()
        let value = norm.item()
        if value.isFinite {
            let factor = (max / (norm + 1e-6)).clamp(max: 1)
            ATen.foreachMultiply.perform(.tensors(gradients), .tensor(factor))
        }
        return value
    }
}

/// A learning rate that rises linearly from 0, then falls along half a cosine to a minimum, and stays there.
public struct WarmupCosine: Codable, Sendable, Hashable {
    /// The highest rate.
    public var base: Double
    /// Steps of the rise.
    public var warmup: Int
    /// Steps after which the rate is ``minimum``, the rise included.
    public var total: Int
    /// The last rate.
    public var minimum: Double

    /// - Parameters:
    ///   - base: the highest rate.
    ///   - warmup: steps of the rise.
    ///   - total: steps until the minimum, the rise included.
    ///   - minimum: the last rate.
    public init(base: Double, warmup: Int, total: Int, minimum: Double = 0) {
        self.base = base
        self.warmup = warmup
        self.total = total
        self.minimum = minimum
    }

    /// The rate for the step after `n` completed ones. With a rise the first step has rate 0, as in the published code.
    public func rate(step n: Int) -> Double {
        if n < warmup { return base * Double(n) / Double(warmup) }
        if n >= total { return minimum }
        let progress = Double(n - warmup) / Double(total - warmup)
        return minimum + (1 + cos(.pi * progress)) / 2 * (base - minimum)
    }
}
