import Foundation

/// Where a data set comes from, as kept in its `provenance` attribute. Holds no time and no path: files made twice are
/// equal.
struct PairProvenance: Encodable {
    struct Library: Encodable {
        var name: String
        var version: String
        var sha256: String
        var credit: String
    }

    var tier: String
    var summary: String
    var libraries: [Library]
    var options: PairOptions
    var notes: [String]
    var rows: [String: Int]
    var skipped: [String: Int]

    init(tier: PairTier, options: PairOptions, notes: [String], rows: [String: Int], skipped: [String: Int]) {
        self.tier = tier.rawValue
        summary = tier.summary
        libraries = tier.packages.map {
            Library(name: $0.name, version: $0.version, sha256: $0.sha256, credit: $0.credit)
        }
        self.options = options
        self.notes = notes
        self.rows = rows
        self.skipped = skipped
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
