/// A table as people read it: aligned columns, units under the names, an error beside its value as "5771 ± 62".
struct AlignedText {
    private let table: Table
    /// Width of a terminal, and what is left of a file's name to fit one: its end tells more than its beginning.
    private static let width = 80
    private static let leastText = 22

    init(_ table: Table) { self.table = table }

    /// The text, a line a row, without trailing spaces.
    var text: String {
        let columns = fitted(printed)
        guard !columns.isEmpty else { return "" }
        var lines = [columns.map(\.name), columns.map(\.unit)]
        if lines[1].allSatisfy(\.isEmpty) { lines.removeLast() }
        lines += (0..<table.rowCount).map { row in columns.map { $0.cells[row] } }
        return lines.map { line in
            var out = ""
            for (cell, column) in zip(line, columns) {
                let padding = String(repeating: " ", count: max(0, column.width - cell.count))
                out += (out.isEmpty ? "" : "  ") + (column.isText ? cell + padding : padding + cell)
            }
            while out.last == " " { out.removeLast() }
            return out + "\n"
        }.joined()
    }

    /// Shortens the first column, then leaves out columns that may yield, until the table fits a terminal.
    private func fitted(_ columns: [Printed]) -> [Printed] {
        let excess = columns.map(\.width).reduce(2 * (columns.count - 1), +) - Self.width
        guard excess > 0, let first = columns.first, first.isText else { return columns }
        let least = min(first.width, Self.leastText)
        if first.width - excess < least, let yielding = columns.firstIndex(where: \.canYield) {
            var fewer = columns
            fewer.remove(at: yielding)
            return fitted(fewer)
        }
        var shorter = columns
        let width = max(least, first.width - excess)
        shorter[0].cells = first.cells.map { $0.count > width ? "…" + $0.suffix(width - 1) : $0 }
        return shorter
    }

    private struct Printed {
        var name: String
        var unit: String
        var cells: [String]
        var isText: Bool
        var canYield: Bool

        var width: Int { max(name.count, unit.count, cells.map(\.count).max() ?? 0) }
    }

    /// Columns as printed: `e_x` joins `x`; columns without any value are left out.
    private var printed: [Printed] {
        table.columns.compactMap { column in
            if column.name.hasPrefix("e_"), table.columns.contains(where: { "e_" + $0.name == column.name }) {
                return nil
            }
            let errors = table.columns.first { $0.name == "e_" + column.name }
            let cells = (0..<table.rowCount).map { row in cell(column, errors, row) }
            guard table.rowCount == 0 || cells.contains(where: { !$0.isEmpty }) else { return nil }
            var isText = false
            if case .text = column.values { isText = true }
            return Printed(
                name: column.name, unit: column.unit, cells: cells, isText: isText, canYield: column.canYield)
        }
    }

    private func cell(_ column: Column, _ errors: Column?, _ row: Int) -> String {
        let value = column.cells(row).joined(separator: " ")
        guard !value.isEmpty, let error = errors?.cells(row).first, !error.isEmpty else { return value }
        // Values right-aligned to one width keep the ± signs below each other.
        let width = (0..<table.rowCount).map { errors?.cells($0).first?.count ?? 0 }.max() ?? 0
        return value + " ± " + String(repeating: " ", count: width - error.count) + error
    }
}
