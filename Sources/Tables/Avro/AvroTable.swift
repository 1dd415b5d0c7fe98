import CAvro
import Foundation
import Support

/// An Avro object container file (https://avro.apache.org/docs/1.11.1/specification/), read through avro-c record by record.
///
/// Fields of records within records are named `outer.inner`. What may be null is missing where it is. Maps, bytes and fixed are
/// listed, not read.
package final class AvroTable: TableSource {
    package private(set) var fields: [Field] = []
    package var rowCount: Int? { nil }

    private let bytes: AvroBytes
    private let stream = UnsafeMutablePointer<CAvroStream>.allocate(capacity: 1)
    private var reader: avro_file_reader_t?
    private var kind: UnsafeMutablePointer<avro_value_iface_t>?
    private var value = avro_value_t()
    private var plan = Plan.left
    private var size = 0
    private var isAtEnd = false

    /// Whether these are the first bytes of an Avro file.
    package static func recognises(_ head: Data) -> Bool { head.starts(with: [0x4f, 0x62, 0x6a, 0x01]) }

    /// - Throws: `Diagnostic` for damaged files, and codecs that avro-c was built without.
    package init(_ file: InputFile) throws {
        bytes = AvroBytes(file)
        stream.initialize(
            to: CAvroStream(
                read: { source, buffer, size in
                    guard let source, let buffer else { return 0 }
                    return Unmanaged<AvroBytes>.fromOpaque(source).takeUnretainedValue().copy(to: buffer, size)
                }, source: Unmanaged.passUnretained(bytes).toOpaque()))
        guard let handle = c_avro_file(stream) else { throw damaged("no memory") }
        // It closes the file in any case.
        guard avro_file_reader_fp(handle, file.url.path, 1, &reader) == 0, let reader else { throw damaged() }
        guard let schema = avro_file_reader_get_writer_schema(reader) else { throw damaged() }
        defer { avro_schema_decref(schema) }
        plan = planned(schema, "", 0)
        guard case .record = plan, let made = avro_generic_class_from_schema(schema) else {
            throw Diagnostic(file.url, problem: "is Avro, but its schema is no record", remedy: "give a table")
        }
        kind = made
        guard avro_generic_value_new(made, &value) == 0 else { throw damaged() }
    }

    deinit {
        if let kind, value.iface != nil { c_avro_release(kind, &value) }
        if let reader { avro_file_reader_close(reader) }
        stream.deallocate()
    }

    // MARK: - Schema

    /// What becomes of the values of a schema.
    private indirect enum Plan {
        case left
        case column(Int)
        case numbers(Int)
        case record([Plan])
        case union([Plan])
    }

    /// Schemas that are deeper or larger, as those that hold themselves, are those of no table.
    private static let (deepest, largest) = (12, 20_000)

    private func planned(_ schema: avro_schema_t, _ name: String, _ depth: Int) -> Plan {
        size += 1
        guard depth < Self.deepest, size < Self.largest else { return .left }
        switch c_avro_schema_type(schema) {
        case AVRO_STRING, AVRO_ENUM: return .column(column(name, .text))
        case AVRO_INT32, AVRO_INT64: return .column(column(name, .integer))
        case AVRO_FLOAT: return .column(column(name, .single))
        case AVRO_DOUBLE: return .column(column(name, .double))
        case AVRO_BOOLEAN: return .column(column(name, .logical))
        case AVRO_RECORD:
            return .record(
                (0..<Int(avro_schema_record_size(schema))).map { index in
                    guard let field = avro_schema_record_field_get_by_index(schema, Int32(index)),
                        let own = avro_schema_record_field_name(schema, Int32(index))
                    else { return .left }
                    let text = String(cString: own)
                    return planned(field, name.isEmpty ? text : name + "." + text, depth + 1)
                })
        case AVRO_UNION:
            // A value is of one branch: those of one name share a column.
            return .union(
                (0..<Int(avro_schema_union_size(schema))).map { index in
                    avro_schema_union_branch(schema, Int32(index)).map { planned($0, name, depth + 1) } ?? .left
                })
        case AVRO_ARRAY:
            guard let items = avro_schema_array_items(schema), let kind = numbers(items) else {
                _ = column(name, .other)
                return .left
            }
            return .numbers(column(name, kind, isArray: true))
        case AVRO_LINK:
            // A type that was defined before, by its name.
            return avro_schema_link_target(schema).map { planned($0, name, depth + 1) } ?? .left
        case AVRO_NULL: return .left
        default:
            _ = column(name, .other)
            return .left
        }
    }

    /// The kind of an array's items, where they are numbers that may be null.
    private func numbers(_ items: avro_schema_t) -> Field.Kind? {
        switch c_avro_schema_type(items) {
        case AVRO_INT32, AVRO_INT64: return .integer
        case AVRO_FLOAT: return .single
        case AVRO_DOUBLE: return .double
        case AVRO_BOOLEAN: return .logical
        case AVRO_UNION:
            let branches = (0..<Int(avro_schema_union_size(items))).compactMap {
                avro_schema_union_branch(items, Int32($0))
            }
            .filter { c_avro_schema_type($0) != AVRO_NULL && c_avro_schema_type($0) != AVRO_UNION }
            let kinds = branches.map(numbers)
            return kinds.allSatisfy { $0 != nil } ? kinds.first ?? nil : nil
        default: return nil
        }
    }

    private func column(_ name: String, _ kind: Field.Kind, isArray: Bool = false) -> Int {
        if let index = fields.firstIndex(where: { $0.name == name && $0.isArray == isArray }) { return index }
        fields.append(Field(name, kind, isArray: isArray))
        return fields.count - 1
    }

    // MARK: - Rows

    package func next(_ count: Int) throws -> any TableRows {
        var rows: [[AvroCell]] = []
        while rows.count < count, !isAtEnd, let reader {
            let code = avro_file_reader_read_value(reader, &value)
            if let error = bytes.error { throw error }
            isAtEnd = code == EOF
            if isAtEnd { break }
            guard code == 0 else { throw damaged() }
            var cells = [AvroCell](repeating: .none, count: fields.count)
            try fill(&cells, plan, &value)
            rows.append(cells)
        }
        return AvroRows(url: bytes.file.url, fields: fields, rows: rows)
    }

    private func fill(_ cells: inout [AvroCell], _ plan: Plan, _ value: inout avro_value_t) throws {
        var child = avro_value_t()
        switch plan {
        case .left: return
        case .column(let column): cells[column] = try cell(&value)
        case .record(let plans):
            for (index, plan) in plans.enumerated() {
                if case .left = plan { continue }
                guard c_avro_item(&value, index, &child) == 0 else { throw damaged() }
                try fill(&cells, plan, &child)
            }
        case .union(let plans):
            var which: Int32 = 0
            guard c_avro_branch(&value, &which, &child) == 0, plans.indices.contains(Int(which)) else {
                throw damaged()
            }
            try fill(&cells, plans[Int(which)], &child)
        case .numbers(let column):
            var count = 0
            guard c_avro_size(&value, &count) == 0 else { throw damaged() }
            var numbers: [Double] = []
            numbers.reserveCapacity(count)
            for index in 0..<count {
                guard c_avro_item(&value, index, &child) == 0 else { throw damaged() }
                if case .number(let number) = try cell(&child) {
                    numbers.append(number)
                } else if case .whole(let number) = try cell(&child) {
                    numbers.append(Double(number))
                } else {
                    numbers.append(.nan)
                }
            }
            cells[column] = .numbers(numbers)
        }
    }

    private func cell(_ value: inout avro_value_t) throws -> AvroCell {
        var (whole, long, single, double, flag) = (Int32(0), Int64(0), Float(0), 0.0, Int32(0))
        switch c_avro_type(&value) {
        case AVRO_INT32 where c_avro_int(&value, &whole) == 0: return .whole(Int64(whole))
        case AVRO_INT64 where c_avro_long(&value, &long) == 0: return .whole(long)
        case AVRO_FLOAT where c_avro_float(&value, &single) == 0: return .number(Double(single))
        case AVRO_DOUBLE where c_avro_double(&value, &double) == 0: return .number(double)
        case AVRO_BOOLEAN where c_avro_boolean(&value, &flag) == 0: return .number(flag == 0 ? 0 : 1)
        case AVRO_STRING:
            var (text, size): (UnsafePointer<CChar>?, Int) = (nil, 0)
            guard c_avro_string(&value, &text, &size) == 0, let text else { throw damaged() }
            return .text(String(cString: text))
        case AVRO_ENUM where c_avro_enum(&value, &whole) == 0:
            let name = c_avro_enum_name(&value, whole)
            return .text(name.map { String(cString: $0) } ?? "")
        case AVRO_UNION:
            var branch = avro_value_t()
            guard c_avro_branch(&value, &whole, &branch) == 0 else { throw damaged() }
            return c_avro_type(&branch) == AVRO_UNION ? .none : try cell(&branch)
        case AVRO_NULL: return .none
        default: throw damaged()
        }
    }

    private func damaged(_ words: String? = nil) -> any Error {
        if let error = bytes.error { return error }
        let text = words ?? String(cString: avro_strerror())
        return Diagnostic(
            bytes.file.url, problem: "is damaged Avro, or of a kind that is not read (\(text.prefix(120)))",
            remedy: "download it again")
    }
}

/// The bytes of a file, as a C library asks for them.
private final class AvroBytes {
    let file: InputFile
    /// What stopped the reading.
    private(set) var error: (any Error)?
    private var piece: [UInt8] = []
    private var place = 0

    init(_ file: InputFile) { self.file = file }

    func copy(to buffer: UnsafeMutablePointer<CChar>, _ size: Int) -> Int {
        if place == piece.count {
            do { (piece, place) = (try file.next(), 0) } catch { self.error = error }
        }
        let count = min(size, piece.count - place)
        piece.withUnsafeBytes { bytes in
            guard count > 0, let base = bytes.baseAddress else { return }
            UnsafeMutableRawPointer(buffer).copyMemory(from: base + place, byteCount: count)
        }
        place += count
        return count
    }
}

private enum AvroCell {
    case none
    case whole(Int64)
    case number(Double)
    case text(String)
    case numbers([Double])
}

private struct AvroRows: TableRows {
    let url: URL
    let fields: [Field]
    let rows: [[AvroCell]]

    var count: Int { rows.count }

    func scalars(_ column: Int) throws -> [Double] {
        try rows.map { row in
            switch row[column] {
            case .none: return .nan
            case .whole(let value): return Double(value)
            case .number(let value): return value
            case .text(let text): return try fields[column].number(text, in: url)
            case .numbers(let values): return values.first ?? .nan
            }
        }
    }

    func arrays(_ column: Int) throws -> [[Double]] {
        rows.map { row in
            switch row[column] {
            case .numbers(let values): values
            case .number(let value): [value]
            case .whole(let value): [Double(value)]
            case .text, .none: []
            }
        }
    }

    func texts(_ column: Int) throws -> [String] {
        rows.map { row in
            switch row[column] {
            case .none: ""
            case .whole(let value): "\(value)"
            case .number(let value): fields[column].text(value)
            case .text(let text): text
            case .numbers(let values): values.map { "\($0)" }.joined(separator: " ")
            }
        }
    }
}
