import Foundation

/// Numbers as this machine has them, and texts with their lengths: a journal is read where it was written.
struct ByteWriter {
    var data = Data()

    mutating func put<Value: BitwiseCopyable>(_ values: [Value]) {
        values.withUnsafeBytes { data.append(contentsOf: $0) }
    }

    mutating func put(_ text: String) {
        put([text.utf8.count])
        data.append(contentsOf: text.utf8)
    }

    /// The values of a table, column by column.
    mutating func put(_ table: Table) {
        for column in table.columns {
            switch column.values {
            case .text(let values): for value in values { put(value) }
            case .integers(let values): put(values)
            case .numbers(let values): put(values)
            case .vectors(let values, _): put(values)
            }
        }
    }
}

struct ByteReader {
    private var rest: Data

    init(_ data: Data) { rest = data }

    mutating func values<Value: BitwiseCopyable>(_ count: Int, _: Value.Type) -> [Value]? {
        let size = count * MemoryLayout<Value>.stride
        guard count >= 0, let bytes = take(size) else { return nil }
        return [Value](unsafeUninitializedCapacity: count) { buffer, filled in
            bytes.copyBytes(to: UnsafeMutableRawBufferPointer(buffer), count: size)
            filled = count
        }
    }

    mutating func texts(_ count: Int) -> [String]? {
        var texts: [String] = []
        for _ in 0..<count {
            guard let length = values(1, Int.self)?.first, let bytes = take(length) else { return nil }
            texts.append(String(decoding: bytes, as: UTF8.self))
        }
        return texts
    }

    /// Rows of a table with these columns.
    mutating func rows(_ count: Int, of columns: Table) -> Table? {
        var table = columns
        for (i, column) in table.columns.enumerated() {
            let read: Column.Values? =
                switch column.values {
                case .text: texts(count).map(Column.Values.text)
                case .integers: values(count, Int.self).map(Column.Values.integers)
                case .numbers: values(count, Double.self).map(Column.Values.numbers)
                case .vectors(_, let width): values(count * width, Float.self).map { .vectors($0, width: width) }
                }
            guard let read else { return nil }
            table.columns[i].values = read
        }
        return table
    }

    private mutating func take(_ count: Int) -> Data? {
        guard count >= 0, count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}
