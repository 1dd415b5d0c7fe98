/// Reads the little JSON that a safetensors header may hold: objects, strings, lists of whole numbers.
///
/// Foundation's parser cannot be used: it drops repeated names, which the format forbids. Nothing here recurses, so no input
/// can exhaust the stack.
struct JSONScanner {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private func problem(_ expected: String) -> SafetensorsHeader.Problem {
        .init("its header is not valid: \(expected) expected at byte \(position)")
    }

    private mutating func next() -> UInt8? {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
        return position < bytes.count ? bytes[position] : nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func require(_ character: Unicode.Scalar) throws {
        guard take(character) else { throw problem("'\(character)'") }
    }

    /// Only spaces may follow.
    mutating func end() throws {
        guard next() == nil else { throw problem("the end") }
    }

    /// An object; `body` reads the value of each key.
    mutating func object(_ body: (inout JSONScanner, String) throws -> Void) throws {
        try require("{")
        if take("}") { return }
        repeat {
            let key = try string()
            try require(":")
            try body(&self, key)
        } while take(",")
        try require("}")
    }

    /// A list of whole numbers that are not negative and fit an `Int`.
    mutating func integers() throws -> [Int] {
        try require("[")
        if take("]") { return [] }
        var result: [Int] = []
        repeat { result.append(try integer()) } while take(",")
        try require("]")
        return result
    }

    private mutating func integer() throws -> Int {
        let first = next()
        let start = position
        while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
            position += 1
        }
        let digits = String(decoding: bytes[start..<position], as: UTF8.self)
        let hasLeadingZero = first == UInt8(ascii: "0") && digits.count > 1
        guard !hasLeadingZero, let value = Int(digits) else {
            position = start
            throw problem("a whole number")
        }
        return value
    }

    /// A string, escapes resolved.
    mutating func string() throws -> String {
        try require("\"")
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let result = String(validating: text, as: UTF8.self) else { throw problem("UTF-8") }
                return result
            case UInt8(ascii: "\\"): text += String(try escape()).utf8
            case 0..<0x20: throw problem("a string without control characters")
            default: text.append(byte)
            }
        }
        throw problem("the end of a string")
    }

    /// What follows a backslash.
    private mutating func escape() throws -> Unicode.Scalar {
        guard position < bytes.count else { throw problem("an escape") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw problem("an escape")
        }
    }

    /// `XXXX`, or `XXXX\uXXXX` for a surrogate pair.
    private mutating func unicodeEscape() throws -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xD800..<0xDC00).contains(first), position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        else { throw problem("a surrogate pair") }
        position += 2
        let second = try hexadecimal()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        else { throw problem("a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws -> UInt32 {
        guard position + 4 <= bytes.count else { throw problem("four hexadecimal digits") }
        let digits = bytes[position..<position + 4]
        guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 }),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw problem("four hexadecimal digits") }
        position += 4
        return value
    }
}
