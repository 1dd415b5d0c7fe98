import Foundation
import Synchronization

/// The fields of one configuration section, read strictly: an unknown key is an error that names the nearest known one.
///
/// Configurations are `Codable` structs with a default for every value; a misspelt key would silently leave its
/// default in force, and a run of hours would answer another question than the one asked.
public struct StrictFields<Key: CodingKey & CaseIterable> {
    private let container: KeyedDecodingContainer<Key>
    /// For names that keys had before.
    private let formerContainer: KeyedDecodingContainer<AnyKey>?

    /// Reads the keys of a section.
    /// - Parameters:
    ///   - decoder: of the section.
    ///   - keyedBy: the keys of the section.
    ///   - former: names that keys had before, which are read as well.
    ///   - beside: keys of the section that somebody else reads, such as the kind that decided who reads the others.
    /// - Throws: `Diagnostic` for any other key.
    public init(_ decoder: any Decoder, keyedBy: Key.Type, former: [String] = [], beside: [String] = []) throws {
        let known = Key.allCases.map(\.stringValue) + beside
        formerContainer = former.isEmpty ? nil : try decoder.container(keyedBy: AnyKey.self)
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys
        where !known.contains(key.stringValue) && !former.contains(key.stringValue) {
            let path = (decoder.codingPath + [key]).map(\.stringValue).joined(separator: ".")
            throw Diagnostic.unknownKey(path: path, nearest: nearest(to: key.stringValue, among: known))
        }
        container = try decoder.container(keyedBy: Key.self)
    }

    /// The value of a key, or of the name that it had before, or the default where both are absent.
    ///
    /// A former name is read for one release, with a note (``FormerNames``).
    public func callAsFunction<Value: Decodable>(
        _ key: Key, default value: @autoclosure () -> Value, formerly former: String
    ) throws -> Value {
        if let own = try container.decodeIfPresent(Value.self, forKey: key) { return own }
        guard let formerly = formerContainer, let old = try formerly.decodeIfPresent(Value.self, forKey: AnyKey(former))
        else { return value() }
        FormerNames.note(former, now: key.stringValue)
        return old
    }

    /// The value of a key; where the key is absent, that of an empty section.
    public func orEmpty<Value: Decodable>(_ key: Key) throws -> Value {
        try container.contains(key)
            ? container.decode(Value.self, forKey: key) : JSONDecoder().decode(Value.self, from: Data("{}".utf8))
    }

    /// The value of a key, or the default where the key is absent.
    public func callAsFunction<Value: Decodable>(_ key: Key, default value: @autoclosure () -> Value) throws -> Value {
        try container.decodeIfPresent(Value.self, forKey: key) ?? value()
    }

    /// A section that changes another: what it leaves out is as in `base`.
    public func callAsFunction<Section: Decodable & DecodableWithConfiguration>(
        _ key: Key, over base: Section
    ) throws -> Section where Section.DecodingConfiguration == Section {
        try container.decodeIfPresent(Section.self, forKey: key, configuration: base) ?? base
    }

    /// The value of a key that has no default.
    public func required<Value: Decodable>(_ key: Key) throws -> Value {
        guard container.contains(key) else {
            let path = (container.codingPath + [key]).map(\.stringValue).joined(separator: ".")
            throw Diagnostic.missingKey(path: path)
        }
        return try container.decode(Value.self, forKey: key)
    }
}

extension Diagnostic.Reason {
    /// A key or value of a configuration cannot be used.
    public static let configuration = Self("configuration")
}

extension Diagnostic {
    static func unknownKey(path: String, nearest: String?) -> Diagnostic {
        Diagnostic(
            "configuration", problem: "unknown key '\(path)'",
            remedy: nearest.map { "did you mean '\($0)'?" } ?? "remove it", reason: .configuration)
    }

    static func missingKey(path: String) -> Diagnostic {
        Diagnostic("configuration", problem: "'\(path)' is missing", remedy: "give it a value", reason: .configuration)
    }

    /// A value of a configuration that cannot be used.
    /// - Parameters:
    ///   - path: the key with those above it, `align.loss.kind`.
    ///   - problem: what is wrong, with its remedy.
    public static func invalid(path: String, problem: String) -> Diagnostic {
        Diagnostic("configuration", field: path, problem: problem, reason: .configuration)
    }
}

/// The known word with the fewest edits to `word`, unless even that one is a different word altogether.
public func nearest(to word: String, among known: [String]) -> String? {
    let scored = known.map { ($0, editDistance(word.lowercased(), $0.lowercased())) }
    guard let best = scored.min(by: { $0.1 < $1.1 }), best.1 <= max(2, word.count / 2) else { return nil }
    return best.0
}

/// What to do about a name that is none of the known: the nearest, or all of them where none is near.
public func suggestion(for name: String, among known: [String]) -> String {
    nearest(to: name, among: known).map { "did you mean '\($0)'?" } ?? "known are " + known.joined(separator: ", ")
}

/// Levenshtein distance: insertions, deletions and substitutions that turn `a` into `b`. O(|a|·|b|).
func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var row = Array(0...b.count)
    for i in a.indices {
        var diagonal = row[0]
        row[0] = i + 1
        for j in b.indices {
            let substituted = diagonal + (a[i] == b[j] ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
        }
    }
    return row[b.count]
}

private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init(_ name: String) { stringValue = name }
    init?(intValue: Int) { return nil }
}

/// A configuration section as stable text, to compare and to store.
public func settingsText(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
}

/// Names that are still read but will not be for ever: collected while something is read, told by whoever asked for it.
public enum FormerNames {
    private static let met = Mutex<[String]>([])
    /// Whether what is read was written by a person: files that programs wrote before need no word.
    @TaskLocal private static var isTold = false

    /// Collects the old names that `body` meets.
    package static func collecting<R>(_ body: () throws -> R) rethrows -> R {
        try $isTold.withValue(true) { try body() }
    }

    /// Notes that an old name was met.
    package static func note(_ former: String, now name: String) {
        guard isTold else { return }
        let line = "'\(former)' is called '\(name)' now; the old name is read until version 0.3"
        met.withLock { if !$0.contains(line) { $0.append(line) } }
    }

    /// What was met since this was last asked, a line each.
    public static func take() -> [String] {
        met.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }
}
