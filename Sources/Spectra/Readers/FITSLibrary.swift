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
    static func string(_ characters: [CChar]) -> String {
        let bytes = characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return String(validating: bytes, as: UTF8.self) ?? String(bytes.map { Character(Unicode.Scalar($0)) })
    }

    /// A header value without its quotes and padding.
    static func unquoted(_ value: String) -> String {
        guard value.hasPrefix("'") else { return value.trimmingCharacters(in: .whitespaces) }
        return value.dropFirst().reversed().drop { $0 == "'" }.reversed().map(String.init).joined()
            .replacingOccurrences(of: "''", with: "'").trimmingCharacters(in: .whitespaces)
    }
}
