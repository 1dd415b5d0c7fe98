/// Mean 0 and variance 1 over the last dimension, then scale and shift: (…, n) → (…, n).
public final class LayerNorm: Module, Layer {
    /// (n), initially 1
    public let weight: Parameter
    /// (n), initially 0
    public let bias: Parameter
    private let size: Int
    private let eps: Double

    /// - Parameters:
    ///   - size: the size of the last dimension.
    ///   - eps: added to the variance.
    public init(_ size: Int, eps: Double = 1e-5) {
        weight = Parameter(.ones([size]))
        bias = Parameter(.zeros([size]))
        self.size = size
        self.eps = eps
        super.init()
    }

    /// (…, n) → (…, n)
    public func callAsFunction(_ x: Tensor) -> Tensor {
        ATen.layerNorm(.tensor(x), .ints([size]), .tensor(weight.value), .tensor(bias.value), .double(eps))
    }
}
