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
