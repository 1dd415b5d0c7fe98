import CTorch
import Support

extension Tensor {
    /// A tensor holding a copy of `values` in row-major order.
    /// - Parameters:
    ///   - values: as many as `shape` has elements.
    ///   - shape: one dimension of all values when left out.
    ///   - device: where to put it.
    public init<Element: TensorElement>(_ values: [Element], shape: [Int]? = nil, device: Device = .cpu) {
        let shape = shape ?? [values.count]
        guard shape.allSatisfy({ $0 >= 0 }), shape.reduce(1, *) == values.count else {
            Failure.report(
                Diagnostic(
                    operation: "Tensor", shapes: [shape], reason: "\(values.count) values were given for that shape"))
            self = .undefined
            return
        }
        let tensor = Tensor.empty(shape, dtype: Element.dtype)
        values.withUnsafeBytes { tensor.overwrite(with: $0) }
        self = device == .cpu ? tensor : tensor.moved(to: device)
    }

    /// A tensor holding a copy of bytes in row-major order, as many as its type and shape need.
    package init(bytes: UnsafeRawBufferPointer, dtype: DType, shape: [Int]) {
        self = Tensor.empty(shape, dtype: dtype)
        guard isDefined, bytes.count == count * dtype.byteCount else {
            Failure.report(
                Diagnostic(
                    operation: "Tensor", shapes: [shape], reason: "\(bytes.count) bytes were given for that shape"))
            return
        }
        overwrite(with: bytes)
    }

    /// A scalar (a tensor without dimensions).
    public init(_ scalar: Double, dtype: DType = .float32) {
        self = Tensor.full([], scalar, dtype: dtype)
    }

    /// Uninitialised memory of the given shape.
    public static func empty(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        ATen.empty(.ints(shape), .dtype(dtype), nil, .device(device))
    }

    /// All zero.
    public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        ATen.zeros(.ints(shape), .dtype(dtype), nil, .device(device))
    }

    /// All one.
    public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        ATen.ones(.ints(shape), .dtype(dtype), nil, .device(device))
    }

    /// All `value`.
    public static func full(
        _ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        ATen.full(.ints(shape), .double(value), .dtype(dtype), nil, .device(device))
    }

    /// Zeros of the shape, type and device of `other`.
    public static func zeros(like other: Tensor) -> Tensor { ATen.zerosLike(.tensor(other)) }

    /// Ones of the shape, type and device of `other`.
    public static func ones(like other: Tensor) -> Tensor { ATen.onesLike(.tensor(other)) }

    /// Draws from the standard normal distribution.
    public static func randn(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        ATen.randn(.ints(shape), .dtype(dtype), nil, .device(device))
    }

    /// Draws from the uniform distribution on [0, 1).
    public static func rand(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        ATen.rand(.ints(shape), .dtype(dtype), nil, .device(device))
    }

    /// Whole numbers drawn uniformly from `low ..< high`.
    public static func randint(
        low: Int = 0, high: Int, _ shape: [Int], dtype: DType = .int64, device: Device = .cpu
    ) -> Tensor {
        ATen.randint(.int(low), .int(high), .ints(shape), .dtype(dtype), nil, .device(device))
    }

    /// A random order of `0 ..< count`, int64.
    public static func randperm(_ count: Int, device: Device = .cpu) -> Tensor {
        ATen.randperm(.int(count), .dtype(.int64), nil, .device(device))
    }

    /// `start, start + step, …`, without `end`.
    public static func arange(
        _ start: Double = 0, _ end: Double, step: Double = 1, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        ATen.arange(.double(start), .double(end), .double(step), .dtype(dtype), nil, .device(device))
    }

    /// The whole numbers `0 ..< count`, int64.
    public static func arange(_ count: Int, device: Device = .cpu) -> Tensor {
        ATen.arange(.int(0), .int(count), .int(1), .dtype(.int64), nil, .device(device))
    }

    /// `count` equally spaced numbers from `start` to `end`, both included.
    public static func linspace(
        _ start: Double, _ end: Double, count: Int, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        ATen.linspace(.double(start), .double(end), .int(count), .dtype(dtype), nil, .device(device))
    }

    /// The identity matrix of `n` rows.
    public static func eye(_ n: Int, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        ATen.eye(.int(n), .dtype(dtype), nil, .device(device))
    }

    /// A tensor over memory owned by something else, without a copy: a memory-mapped file, for example.
    ///
    /// The memory must be writable if the tensor is ever changed in place.
    /// - Parameters:
    ///   - pointer: the first element, aligned for `dtype`.
    ///   - shape: row-major.
    ///   - dtype: type of the numbers.
    ///   - owner: kept alive as long as the tensor or a view of it.
    public static func mapped(
        pointer: UnsafeRawPointer, shape: [Int], dtype: DType, owner: AnyObject
    ) -> Tensor {
        let context = Unmanaged.passRetained(owner).toOpaque()
        var result: OpaquePointer?
        let status = shape.map(Int64.init).withUnsafeBufferPointer {
            ctorch_wrap(
                UnsafeMutableRawPointer(mutating: pointer), $0.baseAddress, $0.count, dtype.code,
                { context in if let context { Unmanaged<AnyObject>.fromOpaque(context).release() } }, context, &result)
        }
        if status != 0 { Failure.report(operation: "mapped", shapes: [shape]) }
        return Tensor(owning: result)
    }
}
