import Foundation
import Support

/// A text table, read line by line: CSV (RFC 4180; fields may be quoted and go over lines), separated by semicolons, tabs or
/// blanks, with or without a header, as ECSV, as VizieR writes it, with decimal commas or Fortran's exponents. Lines that
/// start with `#` and empty ones are no rows.
package final class DelimitedTable: TableSource {
    package private(set) var fields: [Field] = []
    /// Facts of an ECSV header, upper case.
    package private(set) var facts: [String: String] = [:]
    /// `ECSV` or `text`.
    package private(set) var container = "text"
    /// Whether the columns have names, or numbers from 1.
    package private(set) var hasNames = false
    package var rowCount: Int? { nil }

    private let url: URL
    private let lines: TextLines
    private var dialect = TextDialect(separator: .loose)
    /// The first record, where it was read to find out what the columns are.
    private var waiting: [TextRecord] = []

    /// - Throws: `Diagnostic` where nothing of a table is found.
    package init(_ lines: TextLines, url: URL) throws {
        (self.url, self.lines) = (url, lines)
        try readHeader()
    }

    /// A file in memory.
    package convenience init(_ data: Data, url: URL) throws { try self.init(TextLines(data, url: url), url: url) }

    // MARK: - Header

    private func readHeader() throws {
        guard let first = try nextLine() else {
            throw Diagnostic(url, problem: "holds no data", remedy: "check that it was saved completely")
        }
        let header = ECSVHeader(lines.comments)
        let second = try nextLine()
        dialect = header?.dialect ?? TextDialect(first.bytes, second?.bytes)
        var records = try [first, second].compactMap(\.self).map(completed)
        let names = records[0].texts(dialect)
        if let header {
            container = "ECSV"
            facts = header.facts
            (fields, hasNames) = (header.fields, true)
            guard names == header.fields.map(\.name) else {
                throw Diagnostic(
                    url, field: "line \(records[0].line)", problem: "the columns are not those of the ECSV header",
                    remedy: "correct the names, or remove the header")
            }
            records.removeFirst()
        } else if records[0].isOfNumbers(dialect) {
            fields = names.indices.map { Field("\($0 + 1)", .text) }
            if let told = lastComment(names.count) {
                hasNames = true
                for (index, name) in told.enumerated() { fields[index].name = name }
            }
        } else {
            hasNames = true
            fields = names.map { Field($0, .text) }
            records.removeFirst()
            try readVizieR(&records)
            takeUnits()
        }
        if records.isEmpty, let next = try nextLine() { records = [try completed(next)] }
        if let record = records.first, header == nil {
            // Later rows may differ, as where the first has no value: what is asked for decides then.
            for index in fields.indices where index < record.fields(dialect).count {
                let field = record.fields(dialect)[index]
                fields[index].isArray = !field.isEmpty && TextDialect.opens(record.bytes[field.lowerBound])
            }
        }
        waiting = records
        // What people write above their tables: "# wavelengths in air".
        if let comment = lines.comments.first(where: { Self.tellsMedium($0) }) { facts["WAVELENGTH COMMENT"] = comment }
    }

    private static func tellsMedium(_ comment: String) -> Bool {
        comment.count < 100
            && comment.lowercased().contains(
                /\b(wave|lambda|λ)\w*.*\b(air|vac|vacuum)\b|\b(air|vac|vacuum)\b.*\b(wave|lambda|λ)/)
    }

    /// VizieR writes units below the names, and below them a line of dashes.
    private func readVizieR(_ records: inout [TextRecord]) throws {
        func areDashes(_ record: TextRecord?) -> Bool {
            guard let texts = record?.texts(dialect), !texts.isEmpty else { return false }
            return texts.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0 == "-" } }
        }
        if areDashes(records.first) {
            records.removeFirst()
        } else if !records.isEmpty, !records[0].isOfNumbers(dialect), let third = try nextLine() {
            let third = try completed(third)
            // Some write units without the dashes: a line without any number before one of numbers.
            let areUnits = records[0].texts(dialect).allSatisfy { !$0.isEmpty && TextNumber($0) == nil }
            guard areDashes(third) || (areUnits && third.isOfNumbers(dialect)) else { return records.append(third) }
            for (index, unit) in records[0].texts(dialect).enumerated() where index < fields.count {
                fields[index].unit = unit
            }
            records.removeFirst()
            if !areDashes(third) { records.append(third) }
        }
    }

    /// `wavelength [nm]` and `flux (mJy)` are names with units.
    private func takeUnits() {
        for index in fields.indices where fields[index].unit.isEmpty {
            let name = fields[index].name
            guard let open = name.firstIndex(where: "[(".contains), open > name.startIndex,
                let close = name.lastIndex(where: "])".contains), close > open
            else { continue }
            fields[index].unit = name[name.index(after: open)..<close].trimmingCharacters(in: .whitespaces)
        }
    }

    /// The names that stand in the last comment before numbers, as numpy and astropy write them.
    private func lastComment(_ count: Int) -> [String]? {
        guard let comment = lines.comments.last else { return nil }
        let bytes = Array(comment.utf8)
        for dialect in [
            dialect, TextDialect(separator: .blanks), TextDialect(separator: .character(UInt8(ascii: ","))),
        ] {
            let names = dialect.texts(bytes)
            if names.count == count, names.allSatisfy({ TextNumber($0) == nil && !$0.isEmpty }) { return names }
        }
        return nil
    }

    // MARK: - Rows

    package func next(_ count: Int) throws -> any TableRows {
        var rows: [TextRow] = []
        while rows.count < count {
            if !waiting.isEmpty {
                let record = waiting.removeFirst()
                rows.append(TextRow(record: record, fields: record.fields(dialect)))
            } else if let line = try nextLine() {
                rows.append(try row(from: line))
            } else {
                break
            }
        }
        return TextRows(
            url: url, names: fields.map(\.name), hasDecimalComma: dialect.hasDecimalComma,
            records: rows)
    }

    private func nextLine() throws -> TextRecord? { try lines.next() }

    /// A record with the lines that belong to it.
    private func completed(_ first: TextRecord) throws -> TextRecord {
        try row(from: first).record
    }

    private func row(from first: TextRecord) throws -> TextRow {
        var record = first
        while true {
            let (fields, isOpen) = dialect.cut(record.bytes)
            if !isOpen { return TextRow(record: record, fields: fields) }
            guard let line = try lines.next(skipsComments: false), record.bytes.count < TextLines.largest else {
                throw Diagnostic(
                    url, field: "line \(record.line)", problem: "begins a quote or an array that nothing closes",
                    remedy: "close it")
            }
            record.bytes += [UInt8(ascii: "\n")] + line.bytes
        }
    }
}

/// A line, or several that belong together.
package struct TextRecord: Sendable {
    /// Number of its first line in the file, from 1.
    package var line: Int
    package var bytes: [UInt8]

    func fields(_ dialect: TextDialect) -> [Range<Int>] { dialect.fields(bytes) }

    func texts(_ dialect: TextDialect) -> [String] { dialect.texts(bytes) }

    /// Numbers, and at least one of them.
    func isOfNumbers(_ dialect: TextDialect) -> Bool {
        let texts = texts(dialect)
        guard texts.allSatisfy({ TextNumber($0, hasDecimalComma: dialect.hasDecimalComma) != nil }) else {
            return false
        }
        return texts.contains {
            TextNumber($0, hasDecimalComma: dialect.hasDecimalComma).map { !$0.value.isNaN } ?? false
        }
    }
}

/// A record and where its fields stand.
private struct TextRow: Sendable {
    let record: TextRecord
    let fields: [Range<Int>]
}

/// Rows of a text table.
private struct TextRows: TableRows, Sendable {
    let url: URL
    let names: [String]
    let hasDecimalComma: Bool
    let records: [TextRow]

    var count: Int { records.count }

    func scalars(_ column: Int) throws -> [Double] {
        try records.map { row in
            let record = row.record
            let field = try place(column, record, row.fields)
            return try record.bytes.withUnsafeBufferPointer { bytes in
                guard let value = TextNumber.value(.init(rebasing: bytes[field]), hasDecimalComma: hasDecimalComma)
                else {
                    throw notANumber(record, column, bytes[field], "is")
                }
                return value
            }
        }
    }

    func arrays(_ column: Int) throws -> [[Double]] { try lists(column) { $0 } }

    func singles(_ column: Int) throws -> RowNumbers {
        try RowNumbers(joining: lists(column, fast: TextNumber.approximate) { Float($0) })
    }

    /// Arrays hold hundreds of numbers each: reading them is most of the work, and done on all cores.
    @inline(__always)
    private func lists<Number: Sendable>(
        _ column: Int, fast: @Sendable (UnsafeBufferPointer<UInt8>, inout Int) -> Double? = { _, _ in nil },
        _ number: @Sendable (Double) -> Number
    ) throws -> [[Number]] {
        try concurrentMap(records) { row in
            Result {
                let field = try place(column, row.record, row.fields)
                return try row.record.bytes.withUnsafeBufferPointer {
                    try numbers($0, field, row.record, column, fast: fast, number)
                }
            }
        }.map { try $0.get() }
    }

    /// The numbers of an array, whatever stands between them.
    /// - Parameter fast: reads most of them.
    @inline(__always)
    private func numbers<Number>(
        _ bytes: UnsafeBufferPointer<UInt8>, _ field: Range<Int>, _ record: TextRecord, _ column: Int,
        fast: (UnsafeBufferPointer<UInt8>, inout Int) -> Double?, _ number: (Double) -> Number
    ) throws -> [Number] {
        var values: [Number] = []
        var place = field.lowerBound
        // "null" in place of an array is none.
        if field.count < 8, TextNumber.value(.init(rebasing: bytes[field])).map(\.isNaN) == true { return [] }
        values.reserveCapacity(field.count / 12)
        let own = UnsafeBufferPointer(rebasing: bytes[..<field.upperBound])
        while place < field.upperBound {
            while place < field.upperBound, Self.isMark(bytes[place]) { place += 1 }
            let start = place
            if let value = fast(own, &place), place == field.upperBound || Self.isMark(bytes[place]) {
                values.append(number(value))
                continue
            }
            place = start
            while place < field.upperBound, !Self.isMark(bytes[place]) { place += 1 }
            if start == place { break }
            guard let value = TextNumber.value(.init(rebasing: bytes[start..<place])) else {
                throw notANumber(record, column, bytes[start..<place], "holds")
            }
            values.append(number(value))
        }
        return values
    }

    private static func isMark(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x09...0x0d, UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "\""), UInt8(ascii: "'"):
            true
        default: false
        }
    }

    func texts(_ column: Int) throws -> [String] {
        records.map { row in
            guard column < row.fields.count else { return "" }
            let text = String(decoding: row.record.bytes[row.fields[column]], as: UTF8.self)
            return text.contains("\"\"") ? text.replacing("\"\"", with: "\"") : text
        }
    }

    private func place(_ column: Int, _ record: TextRecord, _ fields: [Range<Int>]) throws -> Range<Int> {
        guard column < fields.count else {
            throw Diagnostic(
                url, field: "line \(record.line)", problem: "ends before column \(names[column])",
                remedy: "complete the line")
        }
        return fields[column]
    }

    private func notANumber(
        _ record: TextRecord, _ column: Int, _ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ verb: String
    ) -> Diagnostic {
        let text = String(decoding: bytes.prefix(160), as: UTF8.self).prefix(40)
        return Diagnostic(
            url, field: "line \(record.line)", problem: "\(names[column]) \(verb) \"\(text)\", not a number",
            remedy: "correct the line")
    }
}
