import CTorch

/// An n-dimensional array of numbers on some device, with automatic differentiation.
///
/// A `Tensor` is a value at the surface: operations return new tensors and never change their operands, except the
/// methods whose names end in `InPlace`. Underneath it is a counted reference to a libtorch tensor, so copies are free
/// and views (``narrow(_:start:length:)``, ``transposed(_:_:)``, …) share memory. Handles may be used and released on
/// any thread; changing one tensor in place from two threads at once is a race, as it is for any memory.
///
/// Shapes are checked by the operation. A failing operation inside ``catchingTorchErrors(_:)`` yields an *undefined*
/// tensor, on which further operations do nothing, and the scope's end throws the first `Diagnostic`; outside such a
/// scope it is a programming error and stops the program with the same message.
public struct Tensor: @unchecked Sendable, CustomStringConvertible {
    let handle: TensorHandle

    init(owning pointer: OpaquePointer?) {
        handle = pointer.map(TensorHandle.init) ?? .undefined
    }

    /// The tensor a failed operation returns: no shape, no values.
    static let undefined = Tensor(owning: nil)

    /// Whether this tensor holds anything: `false` only for the result of an operation that failed.
    public var isDefined: Bool { handle.pointer != nil }

    /// The size of every dimension, outermost first; empty for a scalar.
    public var shape: [Int] {
        guard let pointer = handle.pointer else { return [] }
        return [Int](unsafeUninitializedCapacity: Int(ctorch_rank(pointer))) { buffer, count in
            count = buffer.count
            buffer.withMemoryRebound(to: Int64.self) { ctorch_shape(pointer, $0.baseAddress) }
        }
    }

    /// The number of dimensions.
    public var rank: Int { Int(ctorch_rank(handle.pointer)) }

    /// The number of elements; 1 for a scalar, 0 for an undefined tensor.
    public var count: Int { Int(ctorch_count(handle.pointer)) }

    /// The size of one dimension; negative dimensions count from the end. 0 for an undefined tensor, so that code inside
    /// ``catchingTorchErrors(_:)`` can go on to the scope's end; -1 when there is no such dimension.
    public func size(_ dimension: Int) -> Int { Int(ctorch_size(handle.pointer, Int64(dimension))) }

    /// The type of the elements; `float32` for an undefined tensor.
    public var dtype: DType { DType(code: ctorch_dtype(handle.pointer)) ?? .float32 }

    /// Where the elements live.
    public var device: Device {
        var type: Int32 = 0
        var index: Int32 = 0
        ctorch_device(handle.pointer, &type, &index)
        return Device(type: type, index: index)
    }

    /// Whether the elements lie in memory in row-major order without gaps.
    public var isContiguous: Bool { ctorch_is_contiguous(handle.pointer) }

    /// Whether two tensors are views of the same memory.
    public func sharesMemory(with other: Tensor) -> Bool {
        ctorch_same_storage(handle.pointer, other.handle.pointer)
    }

    /// Shape, type and the first few values: `Tensor [2, 3] float32 (1, 2, 3, 4, 5, 6)`.
    public var description: String {
        guard isDefined else { return "Tensor (undefined)" }
        let limit = 8
        let head = withoutGradient {
            detached().flattened().narrow(0, start: 0, length: Swift.min(limit, count)).doubles()
        }
        let values = head.map { dtype.isFloatingPoint ? "\(Float($0))" : "\(Int($0))" }.joined(separator: ", ")
        let place = device == .cpu ? "" : " on \(device)"
        return "Tensor \(shape) \(dtype)\(place) (\(values)\(count > limit ? ", …" : ""))"
    }
}

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
