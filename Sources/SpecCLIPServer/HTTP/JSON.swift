import Support

/// A value of an answer. Keys keep their order, numbers the digits that tell them exactly; what is not finite is null, so that
/// every browser reads it.
enum JSON: Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case array([JSON])
    /// Many numbers, without a case for each.
    case numbers([Double])
    /// The same in single precision.
    case floats([Float])
    case object([(String, JSON)])
    /// What is JSON already.
    case written(String)

    /// The value as text, on one line.
    var string: String {
        var out = ""
        write(to: &out)
        return out
    }

    /// The same, written: what is long is written on a thread that may take its time.
    var ready: JSON { .written(string) }

    private func write(to out: inout String) {
        switch self {
        case .null: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .integer(let value): out += "\(value)"
        case .number(let value): Self.write(value, to: &out)
        case .text(let value): out += JSONText.string(value)
        case .array(let values): Self.list(values, to: &out) { $0.write(to: &$1) }
        case .numbers(let values): Self.list(values, to: &out) { Self.write($0, to: &$1) }
        case .floats(let values): Self.list(values, to: &out) { Self.write($0, to: &$1) }
        case .object(let fields):
            out += "{"
            for (place, (key, value)) in fields.enumerated() {
                if place > 0 { out += ", " }
                out += JSONText.string(key) + ": "
                value.write(to: &out)
            }
            out += "}"
        case .written(let text): out += text
        }
    }

    private static func write(_ value: some BinaryFloatingPoint & LosslessStringConvertible, to out: inout String) {
        out += value.isFinite ? "\(value)" : "null"
    }

    private static func list<Value>(_ values: [Value], to out: inout String, _ write: (Value, inout String) -> Void) {
        out += "["
        for (place, value) in values.enumerated() {
            if place > 0 { out += ", " }
            write(value, &out)
        }
        out += "]"
    }
}

extension JSON {
    /// A number, or null.
    static func number(_ value: Double?) -> JSON { value.map(JSON.number) ?? .null }

    /// A text, or null where it is empty.
    static func text(orNull value: String?) -> JSON { value.flatMap { $0.isEmpty ? nil : .text($0) } ?? .null }

    /// Numbers, or null.
    static func numbers(_ values: [Double]?) -> JSON { values.map(JSON.numbers) ?? .null }

    /// Yes or no for each of many, or null.
    static func bools(_ values: [Bool]?) -> JSON { values.map { .array($0.map(JSON.bool)) } ?? .null }

    /// Texts.
    static func texts(_ values: [String]) -> JSON { .array(values.map(JSON.text)) }
}
