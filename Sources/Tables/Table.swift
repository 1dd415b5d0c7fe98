import Foundation
import Support

/// Named columns of equal length: what is read from tables, printed and written in any format.
public struct Table: Sendable, Equatable {
    /// The columns, from left to right.
    public var columns: [Column]

    /// A table; columns of different lengths are refused when they are written.
    public init(_ columns: [Column] = []) { self.columns = columns }

    /// Number of rows.
    public var rowCount: Int { columns.first?.rowCount ?? 0 }

    /// The same columns without rows.
    public var emptied: Table { Table(columns.map(\.emptied)) }

    /// Adds the rows of a table with the same columns.
    public mutating func append(_ other: Table) {
        for i in columns.indices where i < other.columns.count { columns[i].append(other.columns[i]) }
    }

    /// Some of the rows.
    public func rows(_ range: Range<Int>) -> Table { rows(Array(range)) }

    /// Some of the rows, in this order.
    public func rows(_ chosen: [Int]) -> Table {
        var table = self
        for i in table.columns.indices {
            table.columns[i].values =
                switch columns[i].values {
                case .text(let values): .text(chosen.map { values[$0] })
                case .integers(let values): .integers(chosen.map { values[$0] })
                case .numbers(let values): .numbers(chosen.map { values[$0] })
                case .vectors(let values, let width):
                    .vectors(chosen.flatMap { values[$0 * width..<($0 + 1) * width] }, width: width)
                }
        }
        return table
    }

    /// The columns but those of some names.
    package func without(_ names: String...) -> Table { Table(columns.filter { !names.contains($0.name) }) }

    /// The column of a name.
    public subscript(name: String) -> Column? { columns.first { $0.name == name } }

    /// - Throws: `Diagnostic` naming a column that is shorter or longer than the first.
    package func check(_ url: URL) throws {
        for column in columns where column.rowCount != rowCount {
            throw Diagnostic(
                url, field: column.name,
                problem: "has \(column.rowCount) rows but \(columns[0].name) has \(rowCount)",
                remedy: "give one value per row")
        }
    }
}

/// A column: its values, with the unit and digits that people should see.
public struct Column: Sendable, Equatable {
    /// The values of a column; NaN and empty text stand for "none".
    public enum Values: Sendable, Equatable {
        /// Text.
        case text([String])
        /// Whole numbers, such as source identifiers.
        case integers([Int])
        /// 64-bit numbers.
        case numbers([Double])
        /// `width` 32-bit numbers a row, row after row: spectra, embeddings.
        case vectors([Float], width: Int)
    }

    /// Name: letters, digits and underscores open everywhere.
    public var name: String
    /// Unit as people read it (`K`, `dex`, `Å`), may be empty.
    public var unit: String
    /// What it means, may be empty; goes into FITS comments.
    public var meaning: String
    /// The values.
    public var values: Values
    /// Digits after the decimal point in text formats; nil writes as many as tell the number exactly.
    public var digits: Int?
    /// Whether people can do without it where the line gets too long.
    public var canYield: Bool

    /// A column.
    public init(
        _ name: String, unit: String = "", meaning: String = "", _ values: Values, digits: Int? = nil,
        canYield: Bool = false
    ) {
        self.name = name
        self.unit = unit
        self.meaning = meaning
        self.values = values
        self.digits = digits
        self.canYield = canYield
    }

    /// The unit as other programs read it.
    package var asciiUnit: String { unit == "Å" ? "Angstrom" : unit }

    /// Number of rows.
    public var rowCount: Int {
        switch values {
        case .text(let values): values.count
        case .integers(let values): values.count
        case .numbers(let values): values.count
        case .vectors(let values, let width): width > 0 ? values.count / width : 0
        }
    }

    var emptied: Column {
        var column = self
        column.values =
            switch values {
            case .text: .text([])
            case .integers: .integers([])
            case .numbers: .numbers([])
            case .vectors(_, let width): .vectors([], width: width)
            }
        return column
    }

    mutating func append(_ other: Column) {
        switch (values, other.values) {
        case (.text(var own), .text(let more)):
            values = .text([])
            own += more
            values = .text(own)
        case (.integers(var own), .integers(let more)):
            values = .integers([])
            own += more
            values = .integers(own)
        case (.numbers(var own), .numbers(let more)):
            values = .numbers([])
            own += more
            values = .numbers(own)
        case (.vectors(var own, let width), .vectors(let more, _)):
            values = .vectors([], width: width)
            own += more
            values = .vectors(own, width: width)
        default: assertionFailure("columns of different kinds")
        }
    }
}

/// A number to three digits, such as a probability that may be any power of ten; NaN if it is not finite.
package func threeDigits(_ value: Double) -> Double {
    value.isFinite ? Double(String(format: "%.2e", value)) ?? value : .nan
}

/// A number with a fixed number of digits; empty if it is not finite.
package func fixed(_ value: Double, _ digits: Int) -> String {
    value.isFinite ? String(format: "%.\(digits)f", value) : ""
}
