/// The type of a tensor's elements.
public enum DType: String, Sendable, CaseIterable, Codable, CustomStringConvertible {
    case float32, float64, float16, bfloat16, int64, int32, int16, int8, uint8, bool

    /// The number libtorch uses for it (c10::ScalarType).
    var code: Int32 {
        switch self {
        case .uint8: 0
        case .int8: 1
        case .int16: 2
        case .int32: 3
        case .int64: 4
        case .float16: 5
        case .float32: 6
        case .float64: 7
        case .bool: 11
        case .bfloat16: 15
        }
    }

    init?(code: Int32) {
        guard let match = DType.allCases.first(where: { $0.code == code }) else { return nil }
        self = match
    }

    /// Bytes per element.
    public var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16, .int16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    /// Whether the type can carry gradients.
    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float64, .float16, .bfloat16: true
        default: false
        }
    }

    /// PyTorch's name.
    public var description: String { rawValue }
}

/// A Swift number whose arrays can become tensors and back without conversion.
public protocol TensorElement: BitwiseCopyable, Sendable {
    /// The tensor type with the same memory layout.
    static var dtype: DType { get }
}

extension Float: TensorElement {
    /// `float32`
    public static var dtype: DType { .float32 }
}

extension Double: TensorElement {
    /// `float64`
    public static var dtype: DType { .float64 }
}

extension Int: TensorElement {
    /// `int64`
    public static var dtype: DType { .int64 }
}

extension Int64: TensorElement {
    /// `int64`
    public static var dtype: DType { .int64 }
}

extension Int32: TensorElement {
    /// `int32`
    public static var dtype: DType { .int32 }
}

extension Int16: TensorElement {
    /// `int16`
    public static var dtype: DType { .int16 }
}

extension Int8: TensorElement {
    /// `int8`
    public static var dtype: DType { .int8 }
}

extension UInt8: TensorElement {
    /// `uint8`
    public static var dtype: DType { .uint8 }
}

extension Bool: TensorElement {
    /// `bool`
    public static var dtype: DType { .bool }
}
