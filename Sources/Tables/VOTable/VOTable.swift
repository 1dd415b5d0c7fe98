import CExpat
import Foundation
import Support

/// The tables of a VOTable (https://www.ivoa.net/documents/VOTable, versions 1.1 to 1.5): rows as XML, BINARY or BINARY2.
package enum VOTable {
    /// Whether bytes begin a VOTable.
    package static func recognises(_ head: some Sequence<UInt8>) -> Bool {
        String(decoding: Array(head.prefix(4096)), as: UTF8.self).contains("<VOTABLE")
    }

    /// - Throws: `Diagnostic` for XML that is damaged, and tables that are elsewhere or of a kind that is not read.
    package static func read(_ data: Data, url: URL) throws -> FileParts {
        let reader = VOTableReader(url)
        try reader.parse(data)
        let parts = reader.tables.enumerated().map { number, table in
            FilePart(.table(table), number: number, name: table.name, facts: reader.facts.merging(table.facts) { $1 })
        }
        guard !parts.isEmpty else {
            throw Diagnostic(url, problem: "is a VOTable without a table", remedy: "give another file")
        }
        return FileParts(url: url, container: "VOTable", parts: parts)
    }
}

/// A column with what it takes to read its values.
private struct VOField {
    enum Kind: String {
        case boolean, bit, unsignedByte, short, int, long, char, unicodeChar, float, double, floatComplex, doubleComplex

        /// Bytes of one value; bits come in eights.
        var size: Int {
            switch self {
            case .boolean, .unsignedByte, .char, .bit: 1
            case .short, .unicodeChar: 2
            case .int, .float: 4
            case .long, .double, .floatComplex: 8
            case .doubleComplex: 16
            }
        }

        var isText: Bool { self == .char || self == .unicodeChar }
    }

    var field: Field
    var kind: Kind
    /// Values of a row; nil where each row tells.
    var count: Int?
    /// What stands for none among whole numbers.
    var null: String?

    init(_ attributes: [String: String], number: Int) {
        kind = Kind(rawValue: attributes["datatype"] ?? "") ?? .char
        let size = (attributes["arraysize"] ?? "1").trimmingCharacters(in: .whitespaces)
        count =
            size.hasSuffix("*")
            ? nil
            : size.split(separator: "x").reduce(1) { product, text in
                let (value, overflow) = product.multipliedReportingOverflow(by: Int(text) ?? 0)
                return overflow || value < 0 ? 0 : value
            }
        let isArray = attributes["arraysize"] != nil && !kind.isText && size != "1"
        let type: Field.Kind =
            switch kind {
            case .char, .unicodeChar: .text
            case .boolean: .logical
            case .float: .single
            case .double: .double
            case .floatComplex, .doubleComplex: .other
            default: .integer
            }
        field = Field(
            attributes["name"] ?? attributes["ID"] ?? "\(number + 1)", type, isArray: isArray,
            unit: attributes["unit"] ?? "", ucd: attributes["ucd"] ?? "")
    }
}

/// One cell: the text of XML, or what binary rows hold.
private enum VOCell {
    case text(String)
    case numbers([Double])
    case integer(Int64)
    case none

    var numbers: [Double] {
        switch self {
        case .text(let text):
            text.split { $0.isWhitespace }.map { part in
                TextNumber(part)?.value ?? Self.hexadecimal(part) ?? .nan
            }
        case .numbers(let values): values
        case .integer(let value): [Double(value)]
        case .none: []
        }
    }

    private static func hexadecimal(_ text: Substring) -> Double? {
        text.lowercased().hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16).map(Double.init) : nil
    }
}

/// Rows of a table in memory.
private final class VOTableSource: TableSource {
    fileprivate var columns: [VOField] = []
    fileprivate var rows: [[VOCell]] = []
    fileprivate var name = ""
    fileprivate var facts: [String: String] = [:]
    private var position = 0

    var fields: [Field] { columns.map(\.field) }
    var rowCount: Int? { rows.count }

    func next(_ count: Int) -> any TableRows {
        let range = position..<min(rows.count, position + max(0, count))
        position = range.upperBound
        return VORows(rows: rows[range], columns: columns)
    }

    func skip(_ count: Int) { position = min(rows.count, position + max(0, count)) }
}

private struct VORows: TableRows {
    let rows: ArraySlice<[VOCell]>
    let columns: [VOField]

    var count: Int { rows.count }

    private func isNull(_ cell: VOCell, _ column: Int) -> Bool {
        guard let null = columns[column].null else { return false }
        switch cell {
        case .text(let text): return text.trimmingCharacters(in: .whitespaces) == null
        case .integer(let value): return "\(value)" == null
        case .numbers, .none: return false
        }
    }

    func scalars(_ column: Int) -> [Double] {
        rows.map { isNull($0[column], column) ? .nan : $0[column].numbers.first ?? .nan }
    }

    func arrays(_ column: Int) -> [[Double]] { rows.map { isNull($0[column], column) ? [] : $0[column].numbers } }

    func texts(_ column: Int) -> [String] {
        rows.map { row in
            if isNull(row[column], column) { return "" }
            switch row[column] {
            case .text(let text): return text
            case .integer(let value): return "\(value)"
            case .numbers(let values):
                if columns[column].field.kind == .logical {
                    return values.first.map { $0 == 0 ? "false" : "true" } ?? ""
                }
                let isSingle = columns[column].field.kind == .single
                return values.map { $0.isNaN ? "" : isSingle ? "\(Float($0))" : "\($0)" }.joined(separator: " ")
            case .none: return ""
            }
        }
    }
}

/// Walks through the XML.
private final class VOTableReader {
    private(set) var tables: [VOTableSource] = []
    private(set) var facts: [String: String] = [:]
    private let url: URL
    private var table: VOTableSource?
    private var text = ""
    private var collects = false
    private var cells: [VOCell] = []
    /// `BINARY` or `BINARY2`.
    private var binary: String?
    private var failure: Diagnostic?

    init(_ url: URL) { self.url = url }

    func parse(_ data: Data) throws {
        guard let parser = XML_ParserCreate(nil) else { throw Diagnostic(url, problem: "cannot be parsed: no memory") }
        defer { XML_ParserFree(parser) }
        XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
        XML_SetElementHandler(
            parser,
            { user, name, attributes in
                guard let user, let name else { return }
                Unmanaged<VOTableReader>.fromOpaque(user).takeUnretainedValue().begin(
                    VOTableReader.local(name), VOTableReader.dictionary(attributes))
            },
            { user, name in
                guard let user, let name else { return }
                Unmanaged<VOTableReader>.fromOpaque(user).takeUnretainedValue().end(VOTableReader.local(name))
            })
        XML_SetCharacterDataHandler(parser) { user, characters, count in
            guard let user, let characters else { return }
            let reader = Unmanaged<VOTableReader>.fromOpaque(user).takeUnretainedValue()
            guard reader.collects else { return }
            characters.withMemoryRebound(to: UInt8.self, capacity: Int(count)) {
                reader.text += String(decoding: UnsafeBufferPointer(start: $0, count: Int(count)), as: UTF8.self)
            }
        }
        let piece = 1 << 24
        for start in stride(from: 0, to: max(1, data.count), by: piece) {
            let end = min(data.count, start + piece)
            let status = data[data.startIndex + start..<data.startIndex + end].withUnsafeBytes { bytes in
                XML_Parse(
                    parser, bytes.bindMemory(to: CChar.self).baseAddress, Int32(bytes.count), end == data.count ? 1 : 0)
            }
            if let failure { throw failure }
            guard status == XML_STATUS_OK else {
                let line = XML_GetCurrentLineNumber(parser)
                let words = XML_ErrorString(XML_GetErrorCode(parser)).map { String(cString: $0) } ?? "damaged"
                throw Diagnostic(
                    url, field: "line \(line)", problem: "its XML is damaged (\(words))", remedy: "download it again")
            }
        }
    }

    /// Without the namespace's prefix.
    private static func local(_ name: UnsafePointer<CChar>) -> String {
        let name = String(cString: name)
        return name.lastIndex(of: ":").map { String(name[name.index(after: $0)...]) } ?? name
    }

    private static func dictionary(_ list: UnsafeMutablePointer<UnsafePointer<CChar>?>?) -> [String: String] {
        var (found, place): ([String: String], Int) = ([:], 0)
        while let name = list?[place], let value = list?[place + 1] {
            found[String(cString: name)] = String(cString: value)
            place += 2
        }
        return found
    }

    private func refuse(_ what: String, _ remedy: String) {
        if failure == nil { failure = Diagnostic(url, problem: what, remedy: remedy) }
    }

    private func begin(_ name: String, _ attributes: [String: String]) {
        switch name {
        case "TABLE":
            table = VOTableSource()
            table?.name = attributes["name"] ?? attributes["ID"] ?? ""
        case "FIELD":
            if let table { table.columns.append(VOField(attributes, number: table.columns.count)) }
        case "VALUES":
            if let table, !table.columns.isEmpty { table.columns[table.columns.count - 1].null = attributes["null"] }
        case "PARAM", "INFO":
            guard let name = attributes["name"], let value = attributes["value"] else { break }
            if table == nil { facts[name.uppercased()] = value } else { table?.facts[name.uppercased()] = value }
        case "DESCRIPTION", "TD": (text, collects) = ("", true)
        case "TR": cells = []
        case "BINARY", "BINARY2": binary = name
        case "STREAM":
            if attributes["href"] != nil { refuse("keeps its rows in another file", "save it as one file") }
            if let encoding = attributes["encoding"], encoding.lowercased() != "base64" {
                refuse("has a stream encoded as \(encoding)", "save it as TABLEDATA or base64")
            }
            (text, collects) = ("", true)
        case "FITS": refuse("holds a FITS file", "save it as FITS")
        default: break
        }
    }

    private func end(_ name: String) {
        switch name {
        case "DESCRIPTION":
            collects = false
            if let table, !table.columns.isEmpty, table.columns[table.columns.count - 1].field.meaning.isEmpty {
                table.columns[table.columns.count - 1].field.meaning = text.trimmingCharacters(
                    in: .whitespacesAndNewlines)
            }
        case "TD":
            collects = false
            let trimmed = text.trimmingCharacters(in: .whitespacesAndNewlines)
            cells.append(trimmed.isEmpty ? .none : .text(trimmed))
        case "TR":
            guard let table, !table.columns.isEmpty else { break }
            // Cells that are left out at the end of a row are none.
            while cells.count < table.columns.count { cells.append(.none) }
            table.rows.append(Array(cells.prefix(table.columns.count)))
        case "STREAM":
            collects = false
            if let table, let binary {
                do { try VOBinary(text, table.columns, hasNulls: binary == "BINARY2", url).read(into: table) } catch {
                    failure = failure ?? error as? Diagnostic
                }
            }
            text = ""
        case "BINARY", "BINARY2": binary = nil
        case "TABLE":
            if let table { tables.append(table) }
            table = nil
        default: break
        }
    }
}

/// Rows of BINARY (VOTable 1.5, section 6.3) and BINARY2 (section 6.4).
private struct VOBinary {
    private let bytes: Data
    private let columns: [VOField]
    private let hasNulls: Bool
    private let url: URL

    init(_ text: String, _ columns: [VOField], hasNulls: Bool, _ url: URL) throws {
        guard let bytes = Data(base64Encoded: text, options: .ignoreUnknownCharacters) else {
            throw Diagnostic(url, field: "STREAM", problem: "is no base64", remedy: "download it again")
        }
        (self.bytes, self.columns, self.hasNulls, self.url) = (bytes, columns, hasNulls, url)
    }

    func read(into table: VOTableSource) throws {
        guard !columns.isEmpty else { return }
        var place = 0
        try bytes.withUnsafeBytes { bytes in
            while place < bytes.count {
                let start = place
                let nulls = place
                if hasNulls { place += (columns.count + 7) / 8 }
                var row: [VOCell] = []
                for (index, column) in columns.enumerated() {
                    let isNull =
                        hasNulls && bytes.count > nulls + index / 8
                        && bytes[nulls + index / 8] & (0x80 >> UInt8(index % 8)) != 0
                    let cell = try self.cell(bytes, &place, column)
                    row.append(isNull ? .none : cell)
                }
                // Rows without a byte would never end.
                guard place > start else { return }
                table.rows.append(row)
            }
        }
    }

    private func cell(_ bytes: UnsafeRawBufferPointer, _ place: inout Int, _ column: VOField) throws -> VOCell {
        var count = column.count ?? 0
        if column.count == nil {
            guard place + 4 <= bytes.count else { throw cutShort }
            count = Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
            place += 4
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: column.kind.size)
        let size = column.kind == .bit ? (count + 7) / 8 : product
        guard !overflow, size >= 0, size <= bytes.count - place else { throw cutShort }
        defer { place += size }
        let start = place
        func values<Value>(_ type: Value.Type, _ number: (Value) -> Double) -> VOCell {
            .numbers(
                (0..<count).map {
                    number(bytes.loadUnaligned(fromByteOffset: start + $0 * MemoryLayout<Value>.size, as: type))
                })
        }
        // One whole number keeps all of its digits.
        func integers<Value: FixedWidthInteger>(_ type: Value.Type) -> VOCell {
            guard count == 1 else { return values(type) { Double(Value(bigEndian: $0)) } }
            return .integer(Int64(Value(bigEndian: bytes.loadUnaligned(fromByteOffset: start, as: type))))
        }
        switch column.kind {
        case .char:
            let text = String(decoding: bytes[start..<start + size].prefix { $0 != 0 }, as: UTF8.self)
            return text.isEmpty ? .none : .text(text.trimmingCharacters(in: .whitespaces))
        case .unicodeChar:
            let units = (0..<count).map {
                UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: start + 2 * $0, as: UInt16.self))
            }
            let text = String(decoding: units.prefix { $0 != 0 }, as: UTF16.self)
            return text.isEmpty ? .none : .text(text.trimmingCharacters(in: .whitespaces))
        case .boolean:
            return .numbers(
                bytes[start..<start + size].map { byte in
                    switch byte {
                    case UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: "1"): 1
                    case UInt8(ascii: "F"), UInt8(ascii: "f"), UInt8(ascii: "0"): 0
                    default: .nan
                    }
                })
        // A single bit is the first of its byte; astropy puts it elsewhere.
        case .bit where count == 1: return .numbers([bytes[start] != 0 ? 1 : 0])
        case .bit: return .numbers((0..<count).map { bytes[start + $0 / 8] & (0x80 >> UInt8($0 % 8)) != 0 ? 1 : 0 })
        case .unsignedByte: return integers(UInt8.self)
        case .short: return integers(Int16.self)
        case .int: return integers(Int32.self)
        case .long: return integers(Int64.self)
        case .float: return values(UInt32.self) { Double(Float(bitPattern: UInt32(bigEndian: $0))) }
        case .double: return values(UInt64.self) { Double(bitPattern: UInt64(bigEndian: $0)) }
        case .floatComplex, .doubleComplex: return .none
        }
    }

    private var cutShort: Diagnostic {
        Diagnostic(url, field: "STREAM", problem: "ends within a row", remedy: "download it again")
    }
}
