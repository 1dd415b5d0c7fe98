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
