import CZlib
import Foundation
import Support

/// A text table cut into records and fields: CSV (RFC 4180, fields may be quoted), or separated by semicolons, tabs or
/// blanks. Lines that start with `#` (as in ECSV) and empty ones are skipped.
package struct TextTable {
    /// A line's number in the file, from 1, and its fields.
    package struct Record {
        package var line: Int
        package var fields: [Substring]
    }

    package private(set) var records: [Record] = []
    /// The comment lines, without `#`.
    package private(set) var comments: [Substring] = []

    package init(_ data: Data, url: URL) throws {
        let hasZero = data.withUnsafeBytes { bytes in
            bytes.baseAddress.map { memchr($0, 0, bytes.count) != nil } ?? false
        }
        guard !hasZero, let decoded = String(validating: data, as: UTF8.self) else {
            throw Diagnostic(
                url, problem: "is neither FITS nor text", remedy: "give a FITS, CSV or text file, or download it again")
        }
        let text = decoded.hasPrefix("\u{feff}") ? String(decoded.dropFirst()) : decoded
        let lines = Self.lines(text)
        let first = lines.first { !$0.isEmpty && !$0.hasPrefix("#") } ?? ""
        let cut = Self.separator(of: first)
        for (number, line) in lines.enumerated() {
            if line.hasPrefix("#") {
                comments.append(line.dropFirst())
            } else if line.utf8.contains(where: { $0 > 0x20 }) {
                records.append(Record(line: number + 1, fields: cut(line)))
            }
        }
        guard !records.isEmpty else {
            throw Diagnostic(url, problem: "holds no data", remedy: "check that it was saved completely")
        }
    }

    /// Lines ending in LF, CR LF or, in old files, CR. (By bytes: files are long and characters slow.)
    private static func lines(_ text: String) -> [Substring] {
        let (feed, carriage) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))
        let end = text.utf8.contains(feed) ? feed : carriage
        return text.utf8.split(separator: end, omittingEmptySubsequences: false).map { line in
            Substring(line.last == carriage ? line.dropLast() : line)
        }
    }

    /// How to cut the lines of a table that begins with `line`.
    private static func separator(of line: Substring) -> (Substring) -> [Substring] {
        let outside = removingQuoted(line)
        // Numbers separated by a mixture such as "3700.1, 1.02; " or "3700.1 1.02".
        let loose: (Substring) -> [Substring] = { $0.split { $0.isWhitespace || ",;'".contains($0) } }
        let isPlain = outside.count == line.count
        if isPlain, loose(line).allSatisfy({ Double($0) != nil }), !line.contains(",,") {
            let byComma = fields(line, ",")
            if byComma.allSatisfy({ Double($0) != nil }), byComma.count > 1 { return { fields($0, ",") } }
            return loose
        }
        for separator in [",", ";", "\t"] as [Character] where outside.contains(separator) {
            return { fields($0, separator) }
        }
        return loose
    }

    private static func removingQuoted(_ line: Substring) -> String {
        var isInside = false
        return String(
            line.filter {
                if $0 == "\"" { isInside.toggle() }
                return !isInside && $0 != "\""
            })
    }

    /// Fields of a line between separators that stand outside double quotes, without quotes and outer blanks.
    private static func fields(_ line: Substring, _ separator: Character) -> [Substring] {
        let (mark, quote) = (separator.asciiValue ?? 0x2c, UInt8(ascii: "\""))
        var result: [Substring] = []
        var isInside = false
        var start = line.startIndex
        let bytes = line.utf8
        var position = bytes.startIndex
        while position < bytes.endIndex {
            let byte = bytes[position]
            if byte == quote { isInside.toggle() }
            if byte == mark, !isInside {
                result.append(trimmed(line[start..<position]))
                start = bytes.index(after: position)
            }
            position = bytes.index(after: position)
        }
        result.append(trimmed(line[start...]))
        return result
    }

    private static func trimmed(_ field: Substring) -> Substring {
        var field = field.drop { $0.isWhitespace }
        while field.last?.isWhitespace == true { field.removeLast() }
        guard field.utf8.count >= 2, field.first == "\"", field.last == "\"" else { return field }
        return field.dropFirst().dropLast()
    }
}

/// Comma-separated values as RFC 4180 has them, with Unix line ends.
package enum CSV {
    /// One line, quoting the fields that need it.
    package static func line(_ fields: [String]) -> String { fields.map(quoted).joined(separator: ",") + "\n" }

    private static func quoted(_ field: String) -> String {
        guard field.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return field }
        return "\"" + field.replacing("\"", with: "\"\"") + "\""
    }
}

/// The bytes of a file, unpacked if it is gzip-compressed whatever its name.
package enum FileBytes {
    /// Reads the file at `url`.
    ///
    /// - Throws: `Diagnostic` if it is missing, empty, a folder, or its compressed data are damaged.
    package static func read(_ url: URL) throws -> Data {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            throw Diagnostic(url, problem: "does not exist", remedy: "check the path")
        }
        guard !isFolder.boolValue else {
            throw Diagnostic(url, problem: "is a folder", remedy: "name the files in it")
        }
        // zlib passes files that are not compressed through unchanged.
        guard let file = gzopen(url.path, "rb") else {
            throw Diagnostic(
                url, problem: "cannot be opened (\(String(cString: strerror(errno))))", remedy: "check permissions")
        }
        defer { gzclose(file) }
        gzbuffer(file, 1 << 17)
        var data = Data()
        let size = 1 << 17
        let chunk = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
        defer { chunk.deallocate() }
        while true {
            let got = gzread(file, chunk, UInt32(size))
            if got > 0 { data.append(chunk, count: Int(got)) }
            var code: Int32 = 0
            let message = gzerror(file, &code).map { String(cString: $0) } ?? ""
            guard got >= 0, code == Z_OK else {
                throw Diagnostic(
                    url, problem: "its compressed data are damaged or cut short (\(message))",
                    remedy: "download it again")
            }
            if got == 0 { break }
        }
        guard !data.isEmpty else { throw Diagnostic(url, problem: "is empty", remedy: "download it again") }
        return data
    }
}
