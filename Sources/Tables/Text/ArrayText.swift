import Foundation
import Support

/// Delimited text whose vectors are arrays within a cell: ECSV with its header, or plain CSV.
package final class ArrayText: TableWriter {
    private let file: AtomicFile

    /// - Parameters:
    ///   - url: the file.
    ///   - columns: without rows.
    ///   - isECSV: begins with the header of APE6 (https://github.com/astropy/astropy-APEs/blob/main/APE6.rst).
    package init(_ url: URL, _ columns: Table, isECSV: Bool) throws {
        file = try AtomicFile(url)
        if isECSV {
            let fields = columns.columns.map { column in
                var parts = ["name: \(Self.quoted(column.name))"]
                if !column.unit.isEmpty { parts.append("unit: \(Self.quoted(column.asciiUnit))") }
                switch column.values {
                case .text: parts.append("datatype: string")
                case .integers: parts.append("datatype: int64")
                case .numbers: parts.append("datatype: float64")
                case .vectors(_, let width): parts.append("datatype: string, subtype: 'float32[\(width)]'")
                }
                if !column.meaning.isEmpty { parts.append("description: \(Self.quoted(column.meaning))") }
                return "# - {" + parts.joined(separator: ", ") + "}\n"
            }
            let head = ["# %ECSV 1.0\n", "# ---\n", "# delimiter: ','\n", "# datatype:\n"]
            try file.write((head + fields + ["# schema: astropy-2.0\n"]).joined())
        }
        try file.write(CSV.line(columns.columns.map(\.name)))
    }

    package func append(_ rows: Table) throws {
        for row in 0..<rows.rowCount { try file.write(CSV.line(rows.columns.map { $0.cell(row) })) }
    }

    package func finish() throws { try file.commit() }

    private static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "''") + "'" }
}

extension Column {
    /// The row's cell, vectors as JSON.
    fileprivate func cell(_ row: Int) -> String {
        guard case .vectors(let values, let width) = values else { return cells(row)[0] }
        return "["
            + values[row * width..<(row + 1) * width].map { $0.isFinite ? "\($0)" : "NaN" }.joined(separator: ",") + "]"
    }
}
