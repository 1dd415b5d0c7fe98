import Foundation
import Support

/// The text formats a table can be printed in.
public enum TextFormat: String, CaseIterable, Sendable {
    /// Aligned columns with units, for people.
    case table
    /// RFC 4180, a header line, "." as decimal point.
    case csv
    /// An array of objects; missing values are null.
    case json
}

extension Table {
    /// The table as text.
    public func text(_ format: TextFormat) -> String {
        switch format {
        case .table: AlignedText(self).text
        case .csv: csv(withHeader: true)
        case .json: rowCount == 0 ? "[]\n" : "[\n" + jsonRows.joined(separator: ",\n") + "\n]\n"
        }
    }

    /// Comma-separated values; without the header, for rows that follow others.
    package func csv(withHeader: Bool) -> String {
        var out = withHeader ? CSV.line(columns.flatMap(\.names)) : ""
        for row in 0..<rowCount { out += CSV.line(columns.flatMap { $0.cells(row) }) }
        return out
    }

    /// Each row as a JSON object, indented.
    package var jsonRows: [String] {
        (0..<rowCount).map { row in
            "  {" + jsonFields(row).map { JSONText.string($0.name) + ": " + $0.value }.joined(separator: ", ") + "}"
        }
    }

    /// The names of the columns, each with the row's value as JSON.
    package func jsonFields(_ row: Int) -> [(name: String, value: String)] {
        columns.map { ($0.name, $0.json(row)) }
    }
}

extension Column {
    /// The column's names in a format without vectors: `name`, or `name_0`, `name_1`, ….
    var names: [String] {
        if case .vectors(_, let width) = values { return (0..<width).map { "\(name)_\($0)" } }
        return [name]
    }

    /// The row's cells in such a format.
    func cells(_ row: Int) -> [String] {
        switch values {
        case .text(let values): [values[row]]
        case .integers(let values): ["\(values[row])"]
        case .numbers(let values): [text(values[row])]
        case .vectors(let values, let width): values[row * width..<(row + 1) * width].map { "\($0)" }
        }
    }

    func json(_ row: Int) -> String {
        switch values {
        case .text(let values): values[row].isEmpty ? "null" : JSONText.string(values[row])
        case .integers(let values): "\(values[row])"
        case .numbers(let values): values[row].isFinite ? text(values[row]) : "null"
        case .vectors(let values, let width):
            "[" + values[row * width..<(row + 1) * width].map { $0.isFinite ? "\($0)" : "null" }.joined(separator: ", ")
                + "]"
        }
    }

    private func text(_ value: Double) -> String {
        digits.map { fixed(value, $0) } ?? (value.isFinite ? "\(value)" : "")
    }
}
