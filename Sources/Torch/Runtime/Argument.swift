import CTorch

/// One argument of an ATen operator.
enum Argument {
    case none
    case tensor(Tensor)
    case int(Int)
    case double(Double)
    case bool(Bool)
    case ints([Int])
    case tensors([Tensor])
    case string(StaticString)
    case dtype(DType)
    case device(Device)

    static func optional(_ tensor: Tensor?) -> Argument { tensor.map(Argument.tensor) ?? .none }
    static func optional(_ value: Double?) -> Argument { value.map(Argument.double) ?? .none }
    static func optional(_ value: Int?) -> Argument { value.map(Argument.int) ?? .none }

    /// How many 8-byte words of list this argument needs.
    var wordCount: Int {
        switch self {
        case .ints(let values): values.count
        case .tensors(let values): values.count
        default: 0
        }
    }

    /// The C form; lists are written to `words`, which moves on.
    func lower(words: inout UnsafeMutablePointer<UInt64>) -> ctorch_argument {
        var result = ctorch_argument()
        switch self {
        case .none: result.kind = CTORCH_NONE
        case .tensor(let tensor):
            result.kind = CTORCH_TENSOR
            result.tensor = tensor.handle.pointer
        case .int(let value):
            result.kind = CTORCH_INTEGER
            result.integer = Int64(value)
        case .double(let value):
            result.kind = CTORCH_REAL
            result.real = value
        case .bool(let value):
            result.kind = CTORCH_BOOLEAN
            result.integer = value ? 1 : 0
        case .ints(let values):
            result.kind = CTORCH_INTEGERS
            result.store(values, words: &words) { UInt64(bitPattern: Int64($0)) }
        case .tensors(let values):
            result.kind = CTORCH_TENSORS
            result.store(values, words: &words) { UInt64(UInt(bitPattern: $0.handle.pointer)) }
        case .string(let value):
            result.kind = CTORCH_STRING
            result.list = UnsafeRawPointer(value.utf8Start)
        case .dtype(let value):
            result.kind = CTORCH_INTEGER
            result.integer = Int64(value.code)
        case .device(let value):
            result.kind = CTORCH_DEVICE
            result.integer = Int64(value.type)
            result.count = Int64(value.index)
        }
        return result
    }

    /// The tensors in this argument, for messages.
    var tensors: [Tensor] {
        switch self {
        case .tensor(let tensor): [tensor]
        case .tensors(let tensors): tensors
        default: []
        }
    }

    /// Whether a tensor in it came out of a failed operation.
    var isUndefined: Bool {
        switch self {
        case .tensor(let tensor): !tensor.isDefined
        case .tensors(let tensors): tensors.contains { !$0.isDefined }
        default: false
        }
    }
}

extension ctorch_argument {
    fileprivate mutating func store<T>(
        _ values: [T], words: inout UnsafeMutablePointer<UInt64>, _ word: (T) -> UInt64
    ) {
        list = UnsafeRawPointer(words)
        count = Int64(values.count)
        for value in values {
            words.pointee = word(value)
            words += 1
        }
    }
}

extension Argument: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral
{
    init(integerLiteral value: Int) { self = .int(value) }
    init(floatLiteral value: Double) { self = .double(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(nilLiteral: ()) { self = .none }
}
