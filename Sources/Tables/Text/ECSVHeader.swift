import Foundation
import Support
import Yams

/// The header of an ECSV file: YAML in comments (Astropy Proposal for Enhancement 6,
/// https://github.com/astropy/astropy-APEs/blob/main/APE6.rst).
struct ECSVHeader {
    let fields: [Field]
    /// Single values of `meta`, by upper-case name.
    let facts: [String: String]
    let dialect: TextDialect

    /// - Parameter comments: the comment lines before the table, without `#`.
    /// - Returns: nil for what is no such header.
    init?(_ comments: [String]) {
        guard let start = comments.firstIndex(where: { $0.trimmingCharacters(in: .whitespaces).hasPrefix("%ECSV") }),
            let root = try? Yams.compose(
                yaml: comments[(start + 1)...].map { $0.hasPrefix(" ") ? String($0.dropFirst()) : $0 }.joined(
                    separator: "\n")),
            let columns = root["datatype"]?.sequence
        else { return nil }
        fields = columns.map { column in
            func text(_ key: String) -> String { column[key]?.scalar?.string ?? "" }
            let kind: Field.Kind =
                switch text("datatype") {
                case "bool": .logical
                case "float64", "float128": .double
                case "float32", "float16": .single
                case let type where type.hasPrefix("int") || type.hasPrefix("uint"): .integer
                default: .text
                }
            return Field(
                text("name"), kind, isArray: text("subtype").contains("["), unit: text("unit"),
                ucd: column["meta"]?["ucd"]?.scalar?.string ?? "", meaning: text("description"))
        }
        guard !fields.isEmpty, fields.allSatisfy({ !$0.name.isEmpty }) else { return nil }
        let mark = root["delimiter"]?.scalar?.string.utf8.first ?? UInt8(ascii: " ")
        dialect = TextDialect(separator: mark == UInt8(ascii: " ") ? .blanks : .character(mark))
        facts = Self.facts(root["meta"])
    }

    /// `meta` is a mapping, or a sequence of them (`!!omap`).
    private static func facts(_ meta: Node?) -> [String: String] {
        var facts: [String: String] = [:]
        for mapping in [meta].compactMap({ $0 }) + (meta?.sequence.map(Array.init) ?? []) {
            for (key, value) in mapping.mapping ?? [:] {
                guard let name = key.scalar?.string, let text = value.scalar?.string else { continue }
                facts[name.uppercased()] = text
            }
        }
        return facts
    }
}
