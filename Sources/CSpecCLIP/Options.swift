import Foundation
import Support

/// Options by name, from JSON. What nobody asked for is an error in the end: a misspelt name would leave its default in force.
final class Options {
    private let values: [String: Any]
    private var asked: Set<String> = []

    /// - Parameter text: a JSON object; empty for no options.
    init(_ text: String) throws {
        guard !text.isEmpty else {
            values = [:]
            return
        }
        guard let values = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
            throw Diagnostic("options", problem: "are no JSON object", remedy: "give {\"name\": value}")
        }
        self.values = values.filter { !($0.value is NSNull) }
    }

    /// The value of an option; nil where it is not given.
    /// - Parameter kind: in words, for the error line.
    private func value<Value>(_ name: String, _: Value.Type, _ kind: String) throws -> Value? {
        asked.insert(name)
        guard let any = values[name] else { return nil }
        guard let value = any as? Value else {
            throw Diagnostic(name, problem: "is \(any), which is no \(kind)", remedy: "give a \(kind)")
        }
        return value
    }

    func text(_ name: String) throws -> String? { try value(name, String.self, "text") }

    func number(_ name: String) throws -> Double? { try value(name, NSNumber.self, "number")?.doubleValue }

    func flag(_ name: String) throws -> Bool { try value(name, NSNumber.self, "flag")?.boolValue ?? false }

    func texts(_ name: String) throws -> [String]? { try value(name, [String].self, "list of texts") }

    func numbers(_ name: String) throws -> [String: Double]? {
        try value(name, [String: NSNumber].self, "set of numbers by name")?.mapValues(\.doubleValue)
    }

    /// A whole number.
    /// - Parameter range: that it must lie in.
    func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let number = try number(name) else { return nil }
        guard let whole = Int(exactly: number), range.contains(whole) else {
            let shown = number == number.rounded() ? String(format: "%.0f", number) : "\(number)"
            throw Diagnostic(
                "\(name) \(shown)", problem: "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return whole
    }

    /// Ends the reading.
    /// - Throws: `Diagnostic` for an option that nobody asked for.
    func finish() throws {
        guard let unknown = values.keys.filter({ !asked.contains($0) }).min() else { return }
        throw Diagnostic(unknown, problem: "is no option here", remedy: suggestion(for: unknown, among: asked.sorted()))
    }
}
