import CTorch

extension Tensor {
    /// Calls `body` with the elements in row-major order, on the CPU. They are copied first only if they lie elsewhere or
    /// with gaps. Empty for an undefined tensor.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        let local = withoutGradient { (device == .cpu ? self : moved(to: .cpu)).contiguous() }
        var memory: UnsafeMutableRawPointer?
        if ctorch_data(local.handle.pointer, &memory) != 0 { Failure.report(operation: "values", shapes: [shape]) }
        defer { withExtendedLifetime(local) {} }
        return try body(UnsafeRawBufferPointer(start: memory, count: memory == nil ? 0 : count * dtype.byteCount))
    }

    /// The elements in row-major order, converted if the tensor has another type. Empty for an undefined tensor.
    public func array<Element: TensorElement>(of type: Element.Type = Element.self) -> [Element] {
        guard isDefined else { return [] }
        let converted = withoutGradient { to(Element.dtype) }
        return converted.withUnsafeBytes { Array($0.bindMemory(to: Element.self)) }
    }

    /// The elements as `Float`, in row-major order.
    public func floats() -> [Float] { array() }

    /// The elements as `Double`, in row-major order.
    public func doubles() -> [Double] { array() }

    /// The elements as `Int64`, in row-major order.
    public func int64s() -> [Int64] { array() }

    /// The elements as `Int`, in row-major order.
    public func ints() -> [Int] { array() }

    /// The elements as `Bool` (non-zero is true), in row-major order.
    public func bools() -> [Bool] { array() }

    /// The value of a tensor with one element; NaN for an undefined tensor.
    public func item() -> Double { ATen.item.number(.tensor(self)) }

    /// The same values with another type; the tensor itself if it already has it.
    public func to(_ dtype: DType) -> Tensor {
        self.dtype == dtype && isDefined ? self : ATen.toCopy(.tensor(self), .dtype(dtype))
    }

    /// The same values on another device; the tensor itself if it is already there.
    /// - Throws: `Diagnostic` when the device cannot be used.
    public func to(_ device: Device) throws -> Tensor {
        if self.device == device { return self }
        try device.makeReady()
        return try catchingTorchErrors { moved(to: device) }
    }

    func moved(to device: Device) -> Tensor { ATen.toCopy(.tensor(self), nil, nil, .device(device)) }

    /// A copy with memory of its own.
    public func clone() -> Tensor { ATen.clone(.tensor(self)) }

    /// The tensor itself if it is contiguous, or a contiguous copy.
    public func contiguous() -> Tensor {
        isContiguous ? self : ATen.contiguous(.tensor(self))
    }

    /// The same four-dimensional tensor with its channels side by side in memory: convolutions that get their weights so
    /// run on channels-last data throughout, which is faster on CPUs (1.2 times for small channels).
    func channelsLast() -> Tensor { ATen.contiguous(.tensor(self), .int(2)) }

    /// Fills a contiguous tensor on the CPU with as many bytes as it has.
    func overwrite(with bytes: UnsafeRawBufferPointer) {
        withUnsafeMutableBytes { memory in
            if let start = memory.baseAddress, let source = bytes.baseAddress {
                start.copyMemory(from: source, byteCount: Swift.min(bytes.count, memory.count))
            }
        }
    }

    /// Calls `body` with the memory of a contiguous tensor on the CPU.
    func withUnsafeMutableBytes<R>(_ body: (UnsafeMutableRawBufferPointer) throws -> R) rethrows -> R {
        var memory: UnsafeMutableRawPointer?
        if ctorch_data(handle.pointer, &memory) != 0 { Failure.report(operation: "values", shapes: [shape]) }
        let count = memory == nil ? 0 : self.count * dtype.byteCount
        return try body(UnsafeMutableRawBufferPointer(start: memory, count: count))
    }
}
