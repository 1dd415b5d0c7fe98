/// y = x Wᵀ + b over the last dimension: (…, in) → (…, out).
public final class Linear: Module, Layer {
    /// (out, in)
    public let weight: Parameter
    /// (out)
    public let bias: Parameter?
    /// What is added to the map while it is adapted; mostly nil.
    public internal(set) var update: LowRankUpdate?

    /// Draws weight and bias from U(±1/√in), as PyTorch's `nn.Linear` does.
    public init(_ inputs: Int, _ outputs: Int, bias: Bool = true) {
        weight = Parameter(.empty([outputs, inputs]))
        Initializer.kaimingUniform().apply(to: weight)
        self.bias = bias ? Parameter(.empty([outputs])) : nil
        super.init()
        if let bias = self.bias {
            Initializer.uniform(bound: inputs > 0 ? 1 / Double(inputs).squareRoot() : 0).apply(to: bias)
        }
    }

    /// (…, in) → (…, out)
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let y = linear(x, weight.value, bias?.value)
        return update.map { y + $0(x) } ?? y
    }
}

/// x Wᵀ + b over the last dimension, for weights that are not a layer's own: (…, in) and (out, in) → (…, out).
public func linear(_ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil) -> Tensor {
    ATen.linear(.tensor(x), .tensor(weight), .optional(bias))
}

/// A table of vectors looked up by number: int64 (…) → (…, n).
public final class Embedding: Module, Layer {
    /// (entries, n), initially N(0, 1)
    public let weight: Parameter

    /// - Parameters:
    ///   - entries: how many vectors.
    ///   - size: the length of each.
    public init(_ entries: Int, _ size: Int) {
        weight = Parameter(.empty([entries, size]))
        Initializer.normal(std: 1).apply(to: weight)
        super.init()
    }

    /// - Parameter x: indices, int64, of any shape.
    public func callAsFunction(_ x: Tensor) -> Tensor { ATen.embedding(.tensor(weight.value), .tensor(x)) }
}
