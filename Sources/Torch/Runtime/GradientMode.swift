import CTorch

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
