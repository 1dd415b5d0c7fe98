import Foundation
import Support

/// The lines of a text, one after the other, as UTF-8: ended by LF, CR LF or, in old files, CR.
package final class TextLines {
    /// What is longer is no record of a table.
    static let largest = 1 << 28

    /// The comment lines met so far, without `#`; no more than a header can have.
    package private(set) var comments: [String] = []

    private let url: URL
    private let read: () throws -> [UInt8]
    private var buffer: [UInt8]
    private var start = 0
    private var number = 0
    private var isAtEnd = false
    private let end: UInt8
    private let decodes: ([UInt8]) -> [UInt8]

    /// - Parameters:
    ///   - url: the file, for messages.
    ///   - read: the next bytes; none at the end.
    /// - Throws: `Diagnostic` for what is no text.
    package init(url: URL, read: @escaping () throws -> [UInt8]) throws {
        (self.url, self.read) = (url, read)
        var head = try read()
        if head.starts(with: [0xef, 0xbb, 0xbf]) { head.removeFirst(3) }
        if head.starts(with: [0xff, 0xfe]) || head.starts(with: [0xfe, 0xff]) {
            // Windows calls it Unicode. Such files are small: all of it is decoded at once.
            while case let more = try read(), !more.isEmpty { head += more }
            guard let text = String(bytes: head, encoding: .utf16) else { throw Self.isNoText(url) }
            head = Array(text.utf8)
        }
        guard !Self.hasZero(head) else { throw Self.isNoText(url) }
        end = head.contains(UInt8(ascii: "\n")) ? UInt8(ascii: "\n") : UInt8(ascii: "\r")
        // Each line by itself: one that is no UTF-8 is Latin-1, as old programs write names and comments.
        decodes = { line in
            if Self.isASCII(line) || String(validating: line, as: UTF8.self) != nil { return line }
            return Array(String(String.UnicodeScalarView(line.map { Unicode.Scalar($0) })).utf8)
        }
        buffer = head
    }

    /// A text in memory.
    package convenience init(_ data: Data, url: URL) throws {
        var isRead = false
        try self.init(url: url) {
            defer { isRead = true }
            return isRead ? [] : [UInt8](data)
        }
    }

    private static func isASCII(_ line: [UInt8]) -> Bool {
        line.withUnsafeBytes { bytes in
            var (place, marks) = (0, UInt64(0))
            while place + 8 <= bytes.count {
                marks |= bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                place += 8
            }
            while place < bytes.count {
                marks |= UInt64(bytes[place])
                place += 1
            }
            return marks & 0x8080_8080_8080_8080 == 0
        }
    }

    private static func hasZero(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in bytes.baseAddress.map { memchr($0, 0, bytes.count) != nil } ?? false }
    }

    private static func isNoText(_ url: URL) -> Diagnostic {
        Diagnostic(
            url, problem: "is neither FITS nor text", remedy: "give a FITS, CSV or text file, or download it again")
    }

    /// The next line that holds something.
    /// - Parameter skipsComments: leaves out lines that begin with `#`, and keeps the first of them in ``comments``.
    func next(skipsComments: Bool = true) throws -> TextRecord? {
        while let line = try nextLine() {
            guard skipsComments else { return line }
            if line.bytes.first == UInt8(ascii: "#") {
                if comments.count < 100_000 { comments.append(String(decoding: line.bytes.dropFirst(), as: UTF8.self)) }
            } else if line.bytes.contains(where: { $0 > 0x20 }) {
                return line
            }
        }
        return nil
    }

    private func nextLine() throws -> TextRecord? {
        var searched = start
        while true {
            if let place = buffer.withUnsafeBufferPointer({ bytes -> Int? in
                guard searched < bytes.count, let base = bytes.baseAddress,
                    let found = memchr(base + searched, Int32(end), bytes.count - searched)
                else { return nil }
                return UnsafeRawPointer(base).distance(to: found)
            }) {
                defer { start = place + 1 }
                return record(start..<place)
            }
            searched = buffer.count
            if isAtEnd { break }
            let more = try read()
            isAtEnd = more.isEmpty
            guard !Self.hasZero(more) else { throw Self.isNoText(url) }
            if start > 0 {
                buffer.removeFirst(start)
                searched -= start
                start = 0
            }
            buffer += more
            guard buffer.count - start < Self.largest else {
                throw Diagnostic(
                    url, field: "line \(number + 1)", problem: "is longer than \(Self.largest >> 20) MiB",
                    remedy: "that is no table")
            }
        }
        guard start < buffer.count else { return nil }
        defer { start = buffer.count }
        return record(start..<buffer.count)
    }

    private func record(_ range: Range<Int>) -> TextRecord {
        number += 1
        var range = range
        if let last = range.last, buffer[last] == UInt8(ascii: "\r") { range = range.dropLast() }
        return TextRecord(line: number, bytes: decodes(Array(buffer[range])))
    }
}
