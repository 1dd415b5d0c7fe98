import Foundation
import Support

/// A VOTable 1.4 whose rows are XML (TABLEDATA): what every tool of the Virtual Observatory reads, row by row.
final class VOTableWriter: TableWriter {
    private let file: AtomicFile

    init(_ url: URL, _ columns: Table) throws {
        file = try AtomicFile(url)
        let fields = columns.columns.map { column in
            let type =
                switch column.values {
                case .text: "datatype=\"unicodeChar\" arraysize=\"*\""
                case .integers: "datatype=\"long\""
                case .numbers: "datatype=\"double\""
                case .vectors(_, let width): "datatype=\"float\" arraysize=\"\(width)\""
                }
            let unit = column.unit.isEmpty ? "" : " unit=\"\(Self.escaped(column.asciiUnit))\""
            let open = "  <FIELD name=\"\(Self.escaped(column.name))\" \(type)\(unit)"
            guard !column.meaning.isEmpty else { return open + "/>\n" }
            return open + "><DESCRIPTION>\(Self.escaped(column.meaning))</DESCRIPTION></FIELD>\n"
        }
        try file.write(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                + "<VOTABLE version=\"1.4\" xmlns=\"http://www.ivoa.net/xml/VOTable/v1.3\">\n <RESOURCE type=\"results\">\n <TABLE>\n"
                + fields.joined() + "  <DATA><TABLEDATA>\n")
    }

    func append(_ rows: Table) throws {
        for row in 0..<rows.rowCount {
            try file.write("  <TR>" + rows.columns.map { "<TD>\($0.voCell(row))</TD>" }.joined() + "</TR>\n")
        }
    }

    func finish() throws {
        try file.write("  </TABLEDATA></DATA>\n </TABLE>\n </RESOURCE>\n</VOTABLE>\n")
        try file.commit()
    }

    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}

extension Column {
    /// The row's cell; NaN is how VOTable writes that there is no number.
    fileprivate func voCell(_ row: Int) -> String {
        switch values {
        // XML has no control characters.
        case .text(let values): VOTableWriter.escaped(values[row].filter { ($0.asciiValue ?? 32) >= 32 })
        case .integers(let values): "\(values[row])"
        case .numbers(let values): values[row].isFinite ? cells(row)[0] : "NaN"
        case .vectors(let values, let width):
            values[row * width..<(row + 1) * width].map { $0.isFinite ? "\($0)" : "NaN" }.joined(separator: " ")
        }
    }
}
