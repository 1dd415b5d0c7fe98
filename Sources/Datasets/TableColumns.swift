import Foundation
import Support
import Tables

/// The columns of a table that has a row a star, read once and kept: some numbers and a text a row.
struct TableColumns {
    /// Names of the columns, from left to right.
    let names: [String]
    let count: Int
    private let url: URL
    private let fields: [Field]
    private let texts: [[String]]

    /// The labels of a data set, all splits one after the other, by the identifiers of its stars.
    init(dataSet url: URL) throws {
        let data = try PairedDataSet(opening: url)
        self.url = url
        names = ["source_id"] + data.labelNames
        fields = [Field("source_id", .text)] + data.labelNames.map { Field($0, .double) }
        let splits = data.splits.filter { data.count($0) > 0 }
        let labels = try data.labelNames.map { name in
            try splits.flatMap { try data.labels(name, split: $0).map { $0.isFinite ? "\($0)" : "" } }
        }
        texts = [try splits.flatMap { try data.sourceIDs($0) }] + labels
        count = texts[0].count
    }

    /// Columns of a table in memory.
    /// - Parameter url: what messages call it.
    init(_ table: Table, _ url: URL) {
        self.url = url
        let columns = table.columns.compactMap { column -> (field: Field, texts: [String])? in
            switch column.values {
            case .text(let values): (Field(column.name, .text, unit: column.unit), values)
            case .integers(let values): (Field(column.name, .integer, unit: column.unit), values.map { "\($0)" })
            case .numbers(let values):
                (Field(column.name, .double, unit: column.unit), values.map { $0.isFinite ? "\($0)" : "" })
            case .vectors: nil
            }
        }
        (fields, texts) = (columns.map(\.field), columns.map(\.texts))
        (names, count) = (fields.map(\.name), table.rowCount)
    }

    init(_ url: URL) throws {
        self.url = url
        let table = try TableFileReader.open(url)
        fields = table.fields
        names = fields.map(\.name)
        var (texts, count) = (names.map { _ in [String]() }, 0)
        while case let rows = try table.next(4096), rows.count > 0 {
            for (place, field) in fields.enumerated() where field.isFact { texts[place] += try rows.texts(place) }
            count += rows.count
        }
        (self.texts, self.count) = (texts, count)
    }

    /// The column of a name, whatever its case; nil where there is none.
    func find(_ name: String) -> Int? {
        names.firstIndex(of: name) ?? names.firstIndex { $0.lowercased() == name.lowercased() }
    }

    /// - Throws: `Diagnostic` with the names that there are.
    func place(_ name: String) throws -> Int {
        guard let found = find(name) else {
            throw Diagnostic(
                url, field: name, problem: "no such column; " + suggestion(for: name, among: names))
        }
        guard fields[found].isFact else {
            throw Diagnostic(url, field: name, problem: "has several values a row", remedy: "choose another column")
        }
        return found
    }

    /// The first column of some names.
    func first(of known: [String]) -> Int? { all(of: known).first }

    /// The columns of some names, in the order of these.
    func all(of known: [String]) -> [Int] { known.compactMap { find($0) }.filter { fields[$0].isFact } }

    func unit(_ column: Int) -> String { fields[column].unit }

    func texts(_ column: Int) -> [String] { texts[column] }

    /// Texts that are not empty, with their rows from 0.
    func rows(_ column: Int) -> [(text: String, row: Int)] {
        texts[column].enumerated().filter { !$0.element.isEmpty }.map { ($0.element, $0.offset) }
    }

    /// The numbers of a column; NaN where there is none.
    func numbers(_ column: Int) -> [Double] { texts[column].map { Self.number($0) ?? .nan } }

    /// Whether what a column holds, where it holds anything, are numbers.
    func isNumeric(_ column: Int) -> Bool {
        guard fields[column].isFact else { return false }
        if fields[column].kind != .text { return fields[column].kind != .logical }
        let known = texts[column].filter { !Self.isNone($0) }
        return !known.isEmpty && known.allSatisfy { Self.number($0) != nil }
    }

    /// The column of the errors of another.
    func errors(of column: Int) -> Int? {
        let name = names[column]
        return [
            "e_\(name)", "\(name)_err", "\(name)_error", "err_\(name)", "\(name)err", "sigma_\(name)", "\(name)_unc",
        ]
        .lazy.compactMap { find($0) }.first { isNumeric($0) }
    }

    /// Whether a column holds the errors of another.
    func isErrors(_ column: Int) -> Bool { names.indices.contains { $0 != column && errors(of: $0) == column } }

    private static func number(_ text: String) -> Double? {
        isNone(text) ? .nan : Double(text.trimmingCharacters(in: .whitespaces))
    }

    private static func isNone(_ text: String) -> Bool {
        ["", "nan", "null", "none", "--", "-", "n/a", "masked", "inf", "-inf"]
            .contains(text.trimmingCharacters(in: .whitespaces).lowercased())
    }
}
