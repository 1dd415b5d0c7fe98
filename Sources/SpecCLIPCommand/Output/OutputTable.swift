import Foundation

/// A table of results: named columns of equal length, printed or written in any of the formats below.
struct OutputTable {
    /// A column: its values, with the unit and digits that people should see.
    struct Column {
        var name: String
        var unit = ""
        var values: Values
        /// Whether people can do without it where the line gets too long.
        var canYield = false
    }

    /// The values of a column; NaN and empty text stand for "none".
    enum Values {
        case text([String])
        case integers([Int])
        /// `digits` after the decimal point, in text formats.
        case numbers([Double], digits: Int)
        /// `width` values a row, row after row.
        case vectors([Float], width: Int)
    }

    var columns: [Column]

    var rowCount: Int {
        switch columns.first?.values {
        case .text(let values): values.count
        case .integers(let values): values.count
        case .numbers(let values, _): values.count
        case .vectors(let values, let width): width > 0 ? values.count / width : 0
        case nil: 0
        }
    }
}

extension OutputTable {
    /// Adds the rows of a table with the same columns.
    mutating func append(_ other: OutputTable) {
        for i in columns.indices {
            switch (columns[i].values, other.columns[i].values) {
            case (.text(let a), .text(let b)): columns[i].values = .text(a + b)
            case (.integers(let a), .integers(let b)): columns[i].values = .integers(a + b)
            case (.numbers(let a, let digits), .numbers(let b, _)): columns[i].values = .numbers(a + b, digits: digits)
            case (.vectors(let a, let width), .vectors(let b, _)): columns[i].values = .vectors(a + b, width: width)
            default: preconditionFailure("columns of different kinds")
            }
        }
    }
}

/// The text formats a table can be printed in.
enum TextFormat: String, CaseIterable {
    /// Aligned columns with units, for people.
    case table
    /// RFC 4180, a header line, "." as decimal point.
    case csv
    /// An array of objects; missing values are null.
    case json
}

extension OutputTable {
    /// The table as text.
    func text(_ format: TextFormat) -> String {
        switch format {
        case .table: AlignedText(self).text
        case .csv: csv(withHeader: true)
        case .json: json
        }
    }

    /// Comma-separated values; without the header, for rows that follow others.
    func csv(withHeader: Bool) -> String {
        var out = withHeader ? CSV.line(columns.flatMap(\.names)) : ""
        for row in 0..<rowCount { out += CSV.line(columns.flatMap { $0.cells(row) }) }
        return out
    }

    private var json: String {
        let rows = (0..<rowCount).map { row in
            "  {" + columns.map { JSONText.string($0.name) + ": " + $0.json(row) }.joined(separator: ", ") + "}"
        }
        return rows.isEmpty ? "[]\n" : "[\n" + rows.joined(separator: ",\n") + "\n]\n"
    }
}

extension OutputTable.Column {
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
        case .numbers(let values, let digits): [fixed(values[row], digits)]
        case .vectors(let values, let width): values[row * width..<(row + 1) * width].map { "\($0)" }
        }
    }

    func json(_ row: Int) -> String {
        switch values {
        case .text(let values): values[row].isEmpty ? "null" : JSONText.string(values[row])
        case .integers(let values): "\(values[row])"
        case .numbers(let values, let digits): values[row].isFinite ? fixed(values[row], digits) : "null"
        case .vectors(let values, let width):
            "[" + values[row * width..<(row + 1) * width].map { $0.isFinite ? "\($0)" : "null" }.joined(separator: ", ")
                + "]"
        }
    }
}

/// A number with a fixed number of digits; empty if it is not finite.
func fixed(_ value: Double, _ digits: Int) -> String {
    value.isFinite ? String(format: "%.\(digits)f", value) : ""
}
