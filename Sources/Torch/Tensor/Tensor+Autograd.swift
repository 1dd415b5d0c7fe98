import CTorch

extension Tensor {
    /// Whether operations on this tensor are recorded, so that ``backward()`` reaches it.
    ///
    /// Can be set on leaves only, that is on tensors that no recorded operation made.
    public var requiresGradient: Bool {
        get { ctorch_requires_grad(handle.pointer) }
        nonmutating set {
            guard isDefined, requiresGradient != newValue else { return }
            if ctorch_set_requires_grad(handle.pointer, newValue) != 0 {
                Failure.report(operation: "requiresGradient", shapes: [shape])
            }
        }
    }

    /// Whether no recorded operation made this tensor.
    public var isLeaf: Bool { ctorch_is_leaf(handle.pointer) }

    /// The gradient that ``backward()`` accumulated here; of the same shape. Set it to `nil` to start anew.
    public var gradient: Tensor? {
        get {
            var pointer: OpaquePointer?
            if ctorch_grad(handle.pointer, &pointer) != 0 { Failure.report(operation: "gradient", shapes: [shape]) }
            return pointer.map { Tensor(owning: $0) }
        }
        nonmutating set {
            guard isDefined else { return }
            if ctorch_set_grad(handle.pointer, newValue?.handle.pointer) != 0 {
                Failure.report(operation: "gradient", shapes: [shape] + (newValue.map { [$0.shape] } ?? []))
            }
        }
    }

    /// Computes the gradient of this scalar with respect to every leaf it was made from and adds it to their
    /// ``gradient``. The recorded graph is freed. Usable from any thread.
    public func backward() { backward(from: nil) }

    /// As ``backward()``, for a tensor of any shape, weighted by `outer` of the same shape.
    ///
    /// - Parameters:
    ///   - outer: gradient of what is derived from the tensor; 1 by default.
    ///   - keepGraph: keep the recorded graph, to run through it again.
    public func backward(from outer: Tensor?, keepGraph: Bool = false) {
        guard isDefined else {
            if !Failure.isCaught { fatalError("backward: the tensor is undefined: the operation that made it failed") }
            return
        }
        if ctorch_backward(handle.pointer, outer?.handle.pointer, keepGraph) != 0 {
            Failure.report(operation: "backward", shapes: [shape])
        }
    }

    /// The same memory outside the recorded graph.
    public func detached() -> Tensor { ATen.detach(.tensor(self)) }
}

/// Runs `body` without recording operations for ``Tensor/backward()``: faster, and no memory is kept for gradients.
///
/// The setting belongs to the calling thread, so `body` must not hand its work to other threads.
public func withoutGradient<R>(_ body: () throws -> R) rethrows -> R {
    let former = ctorch_set_grad_enabled(false)
    defer { _ = ctorch_set_grad_enabled(former) }
    return try body()
}

/// Runs `body` with recording on, also inside ``withoutGradient(_:)``.
public func withGradient<R>(_ body: () throws -> R) rethrows -> R {
    let former = ctorch_set_grad_enabled(true)
    defer { _ = ctorch_set_grad_enabled(former) }
    return try body()
}
