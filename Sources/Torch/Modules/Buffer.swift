/// A tensor that belongs to a module's state but is not trained, for example the running mean of a batch norm.
public final class Buffer {
    /// The current value.
    public var value: Tensor

    /// Wraps a tensor.
    public init(_ value: Tensor) { self.value = value }
}
