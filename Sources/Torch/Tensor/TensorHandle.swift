import CTorch

/// Owns one reference to a libtorch tensor and gives it back when the last Swift user is gone, on whatever thread.
final class TensorHandle: @unchecked Sendable {
    /// `nil` is the undefined tensor.
    let pointer: OpaquePointer?

    init(_ pointer: OpaquePointer?) {
        self.pointer = pointer
    }

    deinit {
        if let pointer { ctorch_release(pointer) }
    }

    static let undefined = TensorHandle(nil)
}
