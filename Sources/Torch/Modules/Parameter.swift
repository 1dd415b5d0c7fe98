/// A tensor that training changes.
///
/// It is a reference: optimiser and module hold the same one. Reading it from several threads is safe, changing it is not.
public final class Parameter {
    /// The current value, a leaf of the recorded graph that requires a gradient while ``isTrainable``.
    public var value: Tensor {
        didSet { prepare() }
    }

    /// Whether gradients reach this parameter. Floating-point parameters are trainable until frozen.
    public var isTrainable: Bool {
        didSet {
            value.requiresGradient = isTrainable && value.dtype.isFloatingPoint
            if !isTrainable { gradient = nil }
        }
    }

    /// Makes a trainable parameter of the tensor's memory.
    public init(_ value: Tensor, isTrainable: Bool = true) {
        self.value = value
        self.isTrainable = isTrainable
        prepare()
    }

    /// The gradient of the last backward passes, added up since it was last set to `nil`.
    public var gradient: Tensor? {
        get { value.gradient }
        set { value.gradient = newValue }
    }

    /// The size of every dimension.
    public var shape: [Int] { value.shape }

    private func prepare() {
        if !value.isLeaf { value = value.detached() }
        value.requiresGradient = isTrainable && value.dtype.isFloatingPoint
    }
}

/// A tensor that belongs to a module's state but is not trained, for example the running mean of a batch norm.
public final class Buffer {
    /// The current value.
    public var value: Tensor

    /// Wraps a tensor.
    public init(_ value: Tensor) { self.value = value }
}
