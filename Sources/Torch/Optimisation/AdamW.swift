import Support

/// Adam with weight decay, over libtorch's fused kernels.
///
/// Decoupled (AdamW, Loshchilov & Hutter 2019, arXiv 1711.05101): p ← p - η λ p, then the Adam step; otherwise (Adam with L2)
/// λ p is added to the gradient. Parameters without a gradient are skipped: no step, no decay, no state.
public final class AdamW {
    /// Step size η; set it before each step to follow a schedule.
    public var learningRate: Double
    private let parameters: [(path: String, parameter: Parameter)]
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
    public init(
        parameters: [(path: String, parameter: Parameter)], learningRate: Double,
        betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0.01, decoupled: Bool = true
    ) {
        self.parameters = parameters
        self.learningRate = learningRate
        self.betas = betas
        self.eps = eps
        self.weightDecay = weightDecay
        self.decoupled = decoupled
    }

    /// Changes every parameter that has a gradient.
    public func step() {
        withoutGradient {
            for group in groups() { update(group) }
        }
    }

    /// Forgets all gradients.
    public func zeroGradients() {
        for (_, parameter) in parameters { parameter.gradient = nil }
    }

    private typealias Entry = (value: Tensor, gradient: Tensor, moments: Moments)

    /// The parameters with gradients, by type and device: a kernel takes one kind at a time.
    private func groups() -> [[Entry]] {
        var order: [String] = []
        var groups: [String: [Entry]] = [:]
        for (path, parameter) in parameters {
            guard let gradient = parameter.gradient else { continue }
            let value = parameter.value
            let key = "\(value.dtype) \(value.device)"
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append((value, gradient, moments(of: value, path: path)))
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

    private func update(_ group: [Entry]) {
        let steps = group.map(\.moments.step)
        ATen.foreachAdd.perform(.tensors(steps), 1)
        let kernel = decoupled ? ATen.fusedAdamW : ATen.fusedAdam
        kernel.perform(
            .tensors(group.map(\.value)), .tensors(group.map(\.gradient)), .tensors(group.map(\.moments.mean)),
            .tensors(group.map(\.moments.square)), .tensors([]), .tensors(steps), .double(learningRate),
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
