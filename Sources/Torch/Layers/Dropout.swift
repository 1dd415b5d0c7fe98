/// In training sets each element to 0 with probability p and scales the others by 1 / (1 - p); otherwise the identity.
public final class Dropout: Module, Layer {
    /// The probability of an element to be dropped.
    public let probability: Double

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
