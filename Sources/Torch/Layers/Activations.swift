// Activations as layers, for use in `Sequential`. They have no parameters but take a number in it, as in PyTorch.

/// x · Φ(x), exact: ``Tensor/gelu()``.
public final class GELU: Module, Layer {
    /// Element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { x.gelu() }
}

/// max(x, 0): ``Tensor/relu()``.
public final class ReLU: Module, Layer {
    /// Element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { x.relu() }
}

/// x · sigmoid(x): ``Tensor/silu()``.
public final class SiLU: Module, Layer {
    /// Element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { x.silu() }
}

/// Hyperbolic tangent: ``Tensor/tanh()``.
public final class Tanh: Module, Layer {
    /// Element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { x.tanh() }
}

/// The input itself.
public final class Identity: Module, Layer {
    /// Element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { x }
}

/// In training sets each element to 0 with probability p and scales the others by 1 / (1 - p); otherwise the identity.
public final class Dropout: Module, Layer {
    /// The probability of an element to be dropped.
    public var probability: Double

    /// - Parameter probability: between 0 and 1.
    public init(_ probability: Double) {
        self.probability = probability
        super.init()
    }

    /// Any shape, returned in the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard isTraining, probability > 0 else { return x }
        return ATen.dropout(.tensor(x), .double(probability), true)
    }
}

/// Joins the dimensions from `first` to the last: (batch, a, b, …) → (batch, a·b·…).
public final class Flatten: Module, Layer {
    private let first: Int

    /// - Parameter first: the first of the dimensions to join.
    public init(from first: Int = 1) {
        self.first = first
        super.init()
    }

    /// (batch, …) → (batch, …) with the same elements.
    public func callAsFunction(_ x: Tensor) -> Tensor { x.flattened(from: first) }
}

/// Gives every element of a batch another shape: (batch, …) → (batch, shape…).
public final class Reshape: Module, Layer {
    private let shape: [Int]

    /// - Parameter shape: without the batch; one dimension may be -1.
    public init(_ shape: [Int]) {
        self.shape = shape
        super.init()
    }

    /// (batch, …) → (batch, …) with the same elements.
    public func callAsFunction(_ x: Tensor) -> Tensor { x.reshaped([x.size(0)] + shape) }
}
