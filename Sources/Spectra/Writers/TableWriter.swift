import Foundation

/// Writes tables that TOPCAT, astropy and pandas open: FITS binary tables and CSV. A file appears only once complete.
public enum TableWriter {
    /// Writes the format that the name of `url` ends in: `.fits`, `.fit` or `.csv`.
    ///
    /// - Parameters:
    ///   - columns: all of the same number of rows.
    ///   - name: name of the FITS extension.
    ///   - facts: header keywords and values, in order; left out in CSV.
    /// - Throws: ``SpectrumError`` for another ending, columns of different lengths, a folder that cannot be written or a
    ///   full disk.
    public static func write(
        _ columns: [TableColumn], to url: URL, name: String = "SPECCLIP", facts: [(key: String, value: String)] = []
    ) throws {
        switch url.pathExtension.lowercased() {
        case "fits", "fit": try writeFITS(columns, to: url, name: name, facts: facts)
        case "csv": try writeCSV(columns, to: url)
        default:
            throw SpectrumError(url, problem: "its ending names no table format", remedy: "use .fits or .csv")
        }
    }

    /// Writes a FITS binary table.
    public static func writeFITS(
        _ columns: [TableColumn], to url: URL, name: String = "SPECCLIP", facts: [(key: String, value: String)] = []
    ) throws {
        try checkRows(columns, url)
        try AtomicFile.write(url) { temporary in
            try FITSTable.write(columns, name: name, facts: facts, to: temporary, named: url)
        }
    }

    /// Writes comma-separated values with a header (RFC 4180 quoting, lines end in a line feed). Missing numbers are
    /// empty; vectors are written `[1.0,2.0]`, quoted.
    public static func writeCSV(_ columns: [TableColumn], to url: URL) throws {
        let rows = try checkRows(columns, url)
        var text = columns.map { quoted($0.name) }.joined(separator: ",") + "\n"
        for row in 0..<rows {
            text += columns.map { quoted(field($0.values, row)) }.joined(separator: ",") + "\n"
        }
        try AtomicFile.write(Data(text.utf8), to: url)
    }

    @discardableResult
    private static func checkRows(_ columns: [TableColumn], _ url: URL) throws -> Int {
        let rows = columns.first?.values.rowCount ?? 0
        for column in columns where column.values.rowCount != rows {
            throw SpectrumError(
                url, field: column.name,
                problem: "has \(column.values.rowCount) rows but \(columns[0].name) has \(rows)",
                remedy: "give one value per row")
        }
        return rows
    }

    private static func field(_ values: TableColumn.Values, _ row: Int) -> String {
        switch values {
        case .double(let values): return values[row].isNaN ? "" : "\(values[row])"
        case .float(let values): return values[row].isNaN ? "" : "\(values[row])"
        case .integer(let values): return String(values[row])
        case .text(let values): return values[row]
        case .vector(let values, let width):
            return "[" + values[row * width..<(row + 1) * width].map { "\($0)" }.joined(separator: ",") + "]"
        }
    }

    private static func quoted(_ field: String) -> String {
        guard field.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return field }
        return "\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    }
}
