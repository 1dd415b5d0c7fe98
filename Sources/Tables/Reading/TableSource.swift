import Foundation
import Support

/// A column of a table that is read, as its file describes it.
package struct Field: Sendable, Hashable {
    /// What its values are.
    package enum Kind: Sendable { case text, integer, single, double, logical, other }

    package var name: String
    package var kind: Kind
    /// Several values per row.
    package var isArray: Bool
    /// As the file states it, may be empty.
    package var unit: String
    /// What the file says the column is, in IVOA's words (https://www.ivoa.net/documents/UCD1+/), may be empty.
    package var ucd: String
    /// In the author's words, may be empty.
    package var meaning: String

    package init(
        _ name: String, _ kind: Kind, isArray: Bool = false, unit: String = "", ucd: String = "", meaning: String = ""
    ) {
        (self.name, self.kind, self.isArray, self.unit, self.ucd) = (name, kind, isArray, unit, ucd)
        self.meaning = meaning
    }

    /// Holds numbers, or in text what may be some.
    package var isNumeric: Bool { kind != .other }

    /// One value per row that can be told as text.
    package var isFact: Bool { !isArray && kind != .other }
}

/// A table of any container, read once from its beginning, some rows at a time. Not for use by several threads at once.
package protocol TableSource: AnyObject {
    /// The columns, from left to right.
    var fields: [Field] { get }
    /// Number of rows; nil where the container does not say.
    var rowCount: Int? { get }
    /// The next rows.
    /// - Parameter count: the most that are read.
    /// - Returns: none at the end of the table.
    /// - Throws: `Diagnostic` for damaged files.
    func next(_ count: Int) throws -> any TableRows
    /// Leaves out rows, as many as there are.
    func skip(_ count: Int) throws
}

extension TableSource {
    package func skip(_ count: Int) throws {
        var left = count
        while left > 0 {
            let rows = try next(min(left, 4096))
            if rows.count == 0 { return }
            left -= rows.count
        }
    }
}

extension Field {
    /// A number of the column as text, of as many digits as it has; empty where there is none.
    func text(_ value: Double) -> String {
        if value.isNaN { return "" }
        return switch kind {
        case .single: "\(Float(value))"
        case .logical: value == 0 ? "false" : "true"
        case .text, .integer, .double, .other: "\(value)"
        }
    }

    /// The number that a text of the column is; NaN where it says none.
    /// - Throws: `Diagnostic` naming the column for what is no number.
    func number(_ text: String, in url: URL) throws -> Double {
        guard let number = TextNumber(text) else {
            throw Diagnostic(
                url, field: name, problem: "is \"\(text.prefix(40))\", not a number", remedy: "choose another column")
        }
        return number.value
    }
}

/// Some rows of a table.
package protocol TableRows {
    var count: Int { get }
    /// One number a row; NaN where there is none.
    /// - Throws: `Diagnostic` naming the place of what is no number.
    func scalars(_ column: Int) throws -> [Double]
    /// The numbers of each row; none where the row has no value.
    func arrays(_ column: Int) throws -> [[Double]]
    /// The same rounded to 32 bits, at a fraction of the cost where there are thousands.
    func singles(_ column: Int) throws -> RowNumbers
    /// One text a row; empty where there is none.
    func texts(_ column: Int) throws -> [String]
}

extension TableRows {
    package func singles(_ column: Int) throws -> RowNumbers {
        try RowNumbers(joining: arrays(column).map { $0.map { Float($0) } })
    }
}

/// Numbers of rows, some each, one row after the other.
package struct RowNumbers: Sendable {
    private var values: [Float] = []
    private var ends: [Int] = []

    package init() {}

    package init(joining rows: [[Float]]) {
        values.reserveCapacity(rows.reduce(0) { $0 + $1.count })
        rows.forEach { append($0) }
    }

    package mutating func append(_ row: some Collection<Float>) {
        values += row
        ends.append(values.count)
    }

    /// Those of a row.
    package subscript(row: Int) -> ArraySlice<Float> { values[(row > 0 ? ends[row - 1] : 0)..<ends[row]] }
}

/// A file taken apart: what it holds, whatever the container.
package struct FileParts {
    /// The file, as messages name it.
    package var url: URL
    /// `FITS`, `text`, `ECSV`, ….
    package var container: String
    /// In the order of the file.
    package var parts: [FilePart]

    package init(url: URL, container: String, parts: [FilePart]) {
        (self.url, self.container, self.parts) = (url, container, parts)
    }

    /// The facts of the file as a whole: in FITS the primary header.
    package var facts: [String: String] { parts.first?.facts ?? [:] }

    /// Says that a part is left out, with the way to get it.
    /// - Parameter what: what it has, ` has 3 pixels and`; may be empty.
    package func leftOut(_ part: FilePart, _ what: String = "") -> String {
        "\(part.title)\(what) is left out (name it to read it: \(url.lastPathComponent)[\(part.number)])"
    }
}

/// A table, an image, or a header alone.
package struct FilePart {
    package enum Content {
        case nothing
        case table(any TableSource)
        case image(any ImageSource)
    }

    /// From 0, the primary HDU of a FITS file.
    package var number: Int
    /// May be empty.
    package var name: String
    /// Keywords of its header, upper case.
    package var facts: [String: String]
    package var content: Content

    package init(_ content: Content, number: Int = 0, name: String = "", facts: [String: String] = [:]) {
        (self.number, self.name, self.facts, self.content) = (number, name, facts, content)
    }

    /// As messages name it.
    package var title: String { name.isEmpty ? "HDU \(number)" : "HDU \(number) \(name)" }

    package var table: (any TableSource)? { if case .table(let table) = content { table } else { nil } }
    package var image: (any ImageSource)? { if case .image(let image) = content { image } else { nil } }
}

/// An image of any number of axes.
package protocol ImageSource: AnyObject {
    /// Lengths of the axes, fastest first.
    var axes: [Int] { get }
    /// A row along the first axis, counted along all others.
    func row(_ index: Int) throws -> [Double]
    /// Of an image of three axes, what stands at a place along the second: [third × first].
    func line(_ index: Int) throws -> [Double]
}

extension ImageSource {
    /// Number of rows.
    package var rowCount: Int { axes.dropFirst().reduce(1, *) }
}
