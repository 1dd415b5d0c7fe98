import Foundation
import Support

/// Takes `multipart/form-data` (RFC 7578, RFC 2046) apart as it comes, in pieces of any size: nothing of a part is kept but its
/// headers and the few bytes that may begin a boundary.
struct MultipartParser {
    /// What was met, in the order of the body.
    enum Event: Equatable {
        /// A part begins.
        case part(MultipartHeader)
        /// Bytes of the part that began last.
        case bytes(ArraySlice<UInt8>)
        /// It is whole.
        case end
    }

    private enum State { case preamble, delimiter, header, body, epilogue }

    /// Bytes of the headers of one part.
    private static let mostHeader = 16 << 10
    /// Blanks that may follow a boundary.
    private static let mostPadding = 256

    /// A line's end before the boundary belongs to it: a body begins as if one had gone before.
    private let delimiter: [UInt8]
    private var state = State.preamble
    private var waiting: [UInt8]

    /// - Parameter boundary: as the request's content type names it.
    /// - Throws: `Refusal` for what is no boundary.
    init(boundary: String) throws {
        // RFC 2046, 5.1.1; a blank may not end it.
        let others = Set("'()+_,-./:=? ".utf8)
        let bytes = Array(boundary.utf8)
        guard (1...70).contains(bytes.count), bytes.last != UInt8(ascii: " "),
            bytes.allSatisfy({ Character(UnicodeScalar($0)).isASCIIWordPart || others.contains($0) })
        else {
            throw Refusal.bad("Content-Type", "its boundary is no such", "give 1 to 70 letters and digits")
        }
        delimiter = Array("\r\n--".utf8) + bytes
        waiting = Array("\r\n".utf8)
    }

    /// Takes the next bytes in.
    /// - Parameter body: told what was met.
    /// - Throws: `Refusal` for what is no such body, and what `body` throws.
    mutating func take(_ bytes: some Collection<UInt8>, _ body: (Event) throws -> Void) throws {
        if state == .epilogue { return }
        waiting += bytes
        var place = 0
        defer { waiting.removeFirst(place) }
        while true {
            switch state {
            case .preamble, .body:
                let (end, isWhole) = nextDelimiter(from: place)
                if state == .body, end > place { try body(.bytes(waiting[place..<end])) }
                place = end
                guard isWhole else { return }
                place += delimiter.count
                if state == .body { try body(.end) }
                state = .delimiter
            case .delimiter:
                guard try closeDelimiter(&place) else { return }
                if state == .epilogue {
                    place = waiting.count
                    return
                }
            case .header:
                guard let header = try header(&place) else { return }
                state = .body
                try body(.part(header))
            case .epilogue: return
            }
        }
    }

    /// Says that nothing follows.
    /// - Throws: `Refusal` where the last boundary has not come.
    func finish() throws {
        guard state == .epilogue else {
            throw Refusal.bad(
                "body", state == .preamble ? "holds no part of a form" : "ends within a part",
                "send it whole, with the boundary that Content-Type names")
        }
    }

    /// - Returns: where a boundary begins, or may begin with the last bytes that came.
    private func nextDelimiter(from start: Int) -> (place: Int, isWhole: Bool) {
        waiting.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return (start, false) }
            var place = start
            while place < bytes.count, let found = memchr(base + place, 0x0d, bytes.count - place) {
                place = found - UnsafeMutableRawPointer(mutating: base)
                let count = min(delimiter.count, bytes.count - place)
                if memcmp(base + place, delimiter, count) == 0 { return (place, count == delimiter.count) }
                place += 1
            }
            return (bytes.count, false)
        }
    }

    /// What follows a boundary: two dashes after the last, else a line's end.
    /// - Returns: whether it has come whole.
    private mutating func closeDelimiter(_ place: inout Int) throws -> Bool {
        let rest = waiting[place...]
        guard rest.count >= 2 else { return false }
        if rest.starts(with: "--".utf8) {
            state = .epilogue
            return true
        }
        let padding = rest.prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        guard padding.count <= Self.mostPadding else { throw Self.malformed("a boundary is followed by other bytes") }
        let after = rest.dropFirst(padding.count)
        guard after.count >= 2 else { return false }
        guard after.starts(with: "\r\n".utf8) else { throw Self.malformed("a boundary is followed by other bytes") }
        // The line's end stays: that of the headers is an empty line, also where there are none.
        place += padding.count
        state = .header
        return true
    }

    private func header(_ place: inout Int) throws -> MultipartHeader? {
        let end = Array("\r\n\r\n".utf8)
        let rest = waiting[place...].prefix(Self.mostHeader)
        guard let found = rest.firstRange(of: end) else {
            if rest.count == Self.mostHeader {
                throw Self.malformed("the headers of a part are longer than \(Self.mostHeader) bytes")
            }
            return nil
        }
        let header = try MultipartHeader(rest[rest.startIndex..<found.lowerBound])
        place = found.upperBound
        return header
    }

    private static func malformed(_ problem: String) -> Refusal {
        Refusal.bad("body", "is no form: " + problem, "send multipart/form-data")
    }
}

extension Character {
    fileprivate var isASCIIWordPart: Bool { isASCII && (isLetter || isNumber) }
}

/// What the headers of a part of a form say.
struct MultipartHeader: Equatable {
    /// Of the field.
    var name: String
    /// What the client calls the file; nil of a field that is none.
    var fileName: String?

    /// Names that are longer are cut: they are only shown.
    private static let longest = 255

    init(name: String, fileName: String? = nil) { (self.name, self.fileName) = (name, fileName) }

    /// - Parameter bytes: lines of headers.
    /// - Throws: `Refusal` for a part without a name.
    init(_ bytes: ArraySlice<UInt8>) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        var parameters: [String: String] = [:]
        for line in text.split(separator: "\r\n") {
            let sides = line.split(separator: ":", maxSplits: 1)
            guard sides.count == 2, sides[0].lowercased() == "content-disposition" else { continue }
            parameters = Self.parameters(sides[1])
        }
        guard let name = parameters["name"] else {
            throw Refusal.bad("body", "a part of the form has no name", "name it as Content-Disposition does")
        }
        self.name = name
        fileName = parameters["filename"].map(Self.shown)
    }

    /// `form-data; name="file"; filename="a;b.fits"`, by their names.
    static func parameters(_ text: Substring) -> [String: String] {
        var found: [String: String] = [:]
        var rest = text.drop { $0 != ";" }
        while rest.popFirst() != nil {
            rest = rest.drop(while: \.isWhitespace)
            let key = rest.prefix { $0 != "=" && $0 != ";" }
            rest = rest.dropFirst(key.count)
            guard rest.first == "=" else { continue }
            rest.removeFirst()
            var value = ""
            if rest.first == "\"" {
                rest.removeFirst()
                while let character = rest.popFirst(), character != "\"" {
                    // A backslash stands before a quote; elsewhere it is one of a path on Windows.
                    if character == "\\", rest.first == "\"" || rest.first == "\\" {
                        if let escaped = rest.popFirst() { value.append(escaped) }
                    } else {
                        value.append(character)
                    }
                }
                rest = rest.drop { $0 != ";" }
            } else {
                value = String(rest.prefix { $0 != ";" })
                rest = rest.dropFirst(value.count)
            }
            found[key.trimmingCharacters(in: .whitespaces).lowercased()] = value.trimmingCharacters(in: .whitespaces)
        }
        return found
    }

    /// A file's name without folders and without what would spoil a line.
    static func shown(_ name: String) -> String {
        let last = name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
        let plain = String(
            String.UnicodeScalarView(
                last.unicodeScalars.filter { $0.properties.generalCategory != .control && $0 != "\u{202e}" }))
        return plain.isEmpty ? "unnamed" : String(plain.prefix(longest))
    }
}
