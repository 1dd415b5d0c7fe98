import Foundation
import Support

/// What a column is, without its rows: kept beside a table whose format does not say.
public struct ColumnDescription: Codable, Sendable, Hashable {
    /// What its values are.
    public enum Kind: String, Codable, Sendable { case text, integers, numbers, vectors }

    /// Its name.
    public var name: String
    /// What its values are.
    public var kind: Kind
    /// Numbers of a vector.
    public var width: Int?
    /// As people read it.
    public var unit: String?
    /// What it means.
    public var meaning: String?
    /// Digits after the decimal point in text.
    public var digits: Int?

    /// Describes a column.
    public init(_ column: Column) {
        (name, digits) = (column.name, column.digits)
        unit = column.unit.isEmpty ? nil : column.unit
        meaning = column.meaning.isEmpty ? nil : column.meaning
        switch column.values {
        case .text: kind = .text
        case .integers: kind = .integers
        case .numbers: kind = .numbers
        case .vectors(_, let own): (kind, width) = (.vectors, own)
        }
    }

    /// The column, without rows.
    public var column: Column {
        let values: Column.Values =
            switch kind {
            case .text: .text([])
            case .integers: .integers([])
            case .numbers: .numbers([])
            case .vectors: .vectors([], width: width ?? 0)
            }
        return Column(name, unit: unit ?? "", meaning: meaning ?? "", values, digits: digits)
    }
}

extension TableSource {
    /// The columns of one value a row, without rows.
    package var plainColumns: Table {
        Table(
            fields.filter(\.isFact).map { field in
                let values: Column.Values =
                    switch field.kind {
                    case .text, .other: .text([])
                    case .integer: .integers([])
                    case .single, .double, .logical: .numbers([])
                    }
                return Column(field.name, unit: field.unit, meaning: field.meaning, values)
            })
    }

    /// Where the columns of a table stand; vectors may be apart, as `flux_0`, `flux_1`, ….
    /// - Throws: `Diagnostic` for a column that is missing.
    package func places(of columns: Table, in url: URL) throws -> [[Int]] {
        let numbers = Dictionary(fields.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        return try columns.columns.map { column in
            if let place = numbers[column.name] { return [place] }
            if case .vectors(_, let width) = column.values {
                let apart = (0..<width).compactMap { numbers["\(column.name)_\($0)"] }
                if apart.count == width { return apart }
            }
            throw Diagnostic(
                url, field: column.name,
                problem: "no such column; there are " + fields.prefix(12).map(\.name).joined(separator: ", "),
                remedy: "write the file again")
        }
    }
}

extension TableRows {
    /// These rows as a table.
    /// - Parameters:
    ///   - places: of its columns, as ``TableSource/places(of:in:)`` finds them.
    ///   - columns: what they are, without rows.
    ///   - url: for the error line.
    /// - Throws: `Diagnostic` for a vector of another length, and what is no number.
    package func table(_ places: [[Int]], like columns: Table, in url: URL) throws -> Table {
        var table = columns
        for (index, (column, places)) in zip(columns.columns, places).enumerated() {
            switch column.values {
            case .text: table.columns[index].values = .text(try texts(places[0]))
            case .integers: table.columns[index].values = .integers(try texts(places[0]).map { Int($0) ?? -1 })
            case .numbers: table.columns[index].values = .numbers(try scalars(places[0]))
            case .vectors(_, let width):
                table.columns[index].values = .vectors(try vectors(places, width, column.name, url), width: width)
            }
        }
        return table
    }

    private func vectors(_ places: [Int], _ width: Int, _ name: String, _ url: URL) throws -> [Float] {
        var values: [Float] = []
        values.reserveCapacity(count * width)
        guard places.count == 1 else {
            let apart = try places.map { try scalars($0) }
            for row in 0..<count { values += apart.map { Float($0[row]) } }
            return values
        }
        let rows = try singles(places[0])
        for row in 0..<count {
            guard rows[row].count == width else {
                throw Diagnostic(
                    url, field: name, problem: "has \(rows[row].count) values in row \(row + 1), not \(width)",
                    remedy: "write the file again")
            }
            values += rows[row]
        }
        return values
    }
}
