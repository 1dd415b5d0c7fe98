import CCFITSIO
import Foundation

/// cfitsio as a whole: serialised unless it was built for use by several threads.
enum FITSLibrary {
    private static let isReentrant = fits_is_reentrant() != 0
    private static let lock = NSRecursiveLock()

    /// Runs `body` alone, if the library needs that.
    static func serialised<Result>(_ body: () throws -> Result) rethrows -> Result {
        if isReentrant { return try body() }
        lock.lock()
        defer { lock.unlock() }
        return try body()
    }

    /// A zero-terminated C string; bytes that are not UTF-8 are taken as Latin-1.
    static func string(_ characters: some Collection<CChar>) -> String {
        text(characters.lazy.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) })
    }

    /// The library's words for a status; what else it has to say of it is dropped.
    static func message(_ status: Int32) -> String {
        var text = [CChar](repeating: 0, count: 64)
        ffgerr(status, &text)
        ffcmsg()
        return string(text)
    }

    /// A header value, zero-terminated, without its quotes and padding; a quote within is written twice.
    static func unquoted(_ value: some Collection<CChar>) -> String {
        let (blank, quote) = (UInt8(ascii: " "), UInt8(ascii: "'"))
        var bytes = value.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }[...]
        guard bytes.first == quote else { return text(trimmed(bytes, blank)) }
        bytes = bytes.dropFirst()
        if bytes.last == quote { bytes.removeLast() }
        var wasQuote = false
        let plain = bytes.filter { byte in
            wasQuote = byte == quote && !wasQuote
            return byte != quote || wasQuote
        }
        return text(trimmed(plain[...], blank))
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>, _ blank: UInt8) -> ArraySlice<UInt8> {
        var bytes = bytes.drop { $0 == blank }
        while bytes.last == blank { bytes.removeLast() }
        return bytes
    }

    private static func text(_ bytes: some Collection<UInt8>) -> String {
        String(validating: bytes, as: UTF8.self) ?? String(bytes.map { Character(Unicode.Scalar($0)) })
    }
}

/// A column of a FITS table.
package struct FITSColumn: Equatable {
    /// What its values are.
    package enum Kind { case text, integer, single, double, logical, bit, other }

    /// Number in cfitsio's count, from 1.
    package var number: Int32
    package var name: String
    package var kind: Kind
    /// Values per row; for variable-length columns not known before the row is read.
    package var count: Int
    /// Bytes of a text value.
    package var width: Int
    /// Arrays of varying length, stored apart.
    package var isVariable: Bool
    /// Unit as the file states it, may be empty.
    package var unit: String
    /// What the file says that it is (`TUCDn`), may be empty.
    package var ucd: String
    /// The comment beside its name, may be empty.
    package var comment: String

    /// One number per row, or one text.
    package var isScalar: Bool { !isVariable && (kind == .text || count == 1) }
    /// Numbers, several per row.
    package var isVector: Bool { kind != .text && kind != .other && (isVariable || count > 1) }
    /// Holds numbers.
    package var isNumeric: Bool { kind == .integer || kind == .single || kind == .double }
}
