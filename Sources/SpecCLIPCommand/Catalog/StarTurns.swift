import Foundation

/// The stars of a shard in the order of its rows: the number of each among all stars, and its rows. Two bytes a star as a rule:
/// LEB128 of the steps between numbers, and of the rows; base64 in JSON.
struct StarTurns: Codable, Sequence {
    private var bytes = Data()
    private var last = -1

    init() {}

    /// Adds a star, behind the last one.
    mutating func append(_ number: Int, rows: Int) {
        put(number - last)
        put(rows)
        last = number
    }

    private mutating func put(_ value: Int) {
        var rest = UInt64(Swift.max(0, value))
        while rest > 0x7f {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    struct Iterator: IteratorProtocol {
        fileprivate var bytes: Data.Iterator
        private var last = -1

        fileprivate init(_ bytes: Data) { self.bytes = bytes.makeIterator() }

        mutating func next() -> (number: Int, rows: Int)? {
            guard let step = value(), let rows = value() else { return nil }
            last += step
            return (last, rows)
        }

        /// Nil at the end, and where the bytes are none of ours.
        private mutating func value() -> Int? {
            var (value, shift) = (0, 0)
            while shift < 56, let byte = bytes.next() {
                value |= Int(byte & 0x7f) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            return nil
        }
    }

    func makeIterator() -> Iterator { Iterator(bytes) }

    init(from decoder: any Decoder) throws { bytes = try decoder.singleValueContainer().decode(Data.self) }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(bytes)
    }
}
