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
    private let data: Data
    /// Where the next value begins.
    private var place = 0

    init(_ data: Data) { self.data = data }

    mutating func values<Value: BitwiseCopyable>(_ count: Int, _: Value.Type) -> [Value]? {
        let (size, isTooLarge) = count.multipliedReportingOverflow(by: MemoryLayout<Value>.stride)
        guard count >= 0, !isTooLarge, size <= data.count - place else { return nil }
        defer { place += size }
        return [Value](unsafeUninitializedCapacity: count) { [data, place] buffer, filled in
            data.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: .init(rebasing: $0[place..<place + size]))
            }
            filled = count
        }
    }

    mutating func texts(_ count: Int) -> [String]? {
        // In one go: to be lent the bytes for each anew takes longer than to read them.
        let (found, end) = data.withUnsafeBytes { [place] bytes -> ([String]?, Int) in
            let (head, start) = (MemoryLayout<Int>.size, place)
            var (texts, place) = ([String](), start)
            guard count >= 0 else { return (nil, start) }
            texts.reserveCapacity(min(count, (bytes.count - place) / head))
            for _ in 0..<count {
                guard head <= bytes.count - place else { return (nil, start) }
                let length = bytes.loadUnaligned(fromByteOffset: place, as: Int.self)
                place += head
                guard length >= 0, length <= bytes.count - place else { return (nil, start) }
                texts.append(String(decoding: bytes[place..<place + length], as: UTF8.self))
                place += length
            }
            return (texts, place)
        }
        place = end
        return found
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
}
