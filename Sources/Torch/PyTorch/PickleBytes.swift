/// The bytes of a pickle, taken from the front; nothing beyond the end is ever touched.
struct PickleBytes {
    private let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func byte() throws -> UInt8 {
        guard position < bytes.count else { throw Unpickler.Problem(text: "the pickle is cut short") }
        position += 1
        return bytes[position - 1]
    }

    mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count >= 0, count <= bytes.count - position else {
            throw Unpickler.Problem(text: "the pickle is cut short, or a length in it is wrong")
        }
        position += count
        return bytes[position - count..<position]
    }

    /// A little-endian number of `width` bytes.
    mutating func count(_ width: Int) throws -> Int {
        let value = try take(width).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let count = Int(exactly: value) else { throw Unpickler.Problem(text: "a length in it is impossible") }
        return count
    }

    /// Text up to the end of the line.
    mutating func line() throws -> String {
        guard let end = bytes[position...].firstIndex(of: 0x0A), end - position <= 4096 else {
            throw Unpickler.Problem(text: "a line in it has no end")
        }
        defer { position = end + 1 }
        return String(decoding: bytes[position..<end], as: UTF8.self)
    }
}
