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
