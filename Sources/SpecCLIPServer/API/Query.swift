import Foundation
import Hummingbird

/// What stands after the path of a request.
struct Query {
    private let values: [(name: String, text: String)]

    /// - Parameters:
    ///   - known: what the endpoint asks for.
    ///   - repeatable: what of it may be given several times.
    /// - Throws: `Refusal` for anything else, and for what is given twice and may not be.
    init(_ request: Request, _ known: String..., repeatable: Set<String> = []) throws {
        values = request.uri.queryParameters.map { (String($0.key), String($0.value)) }
        for (place, value) in values.enumerated() {
            guard known.contains(value.name) else {
                throw Refusal.bad(
                    "?\(value.name.prefix(80))", "is not asked for here",
                    known.isEmpty ? "leave it out" : "known are " + known.joined(separator: ", "))
            }
            guard
                repeatable.contains(value.name) || !values[..<place].contains(where: { $0.name == value.name })
            else {
                throw Refusal.bad("?\(value.name)", "is given twice")
            }
        }
    }

    subscript(name: String) -> String? { values.first { $0.name == name }?.text }

    /// All that is given of a name.
    func all(_ name: String) -> [String] { values.filter { $0.name == name }.map(\.text) }

    /// A whole number within a range.
    func integer(_ name: String, in range: ClosedRange<Int>, default value: Int) throws -> Int {
        guard let text = self[name] else { return value }
        guard let number = Int(text), range.contains(number) else {
            throw Refusal.bad(
                "?\(name)=\(text.prefix(40))", "is no number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
