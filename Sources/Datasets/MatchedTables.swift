import Foundation
import Support

/// Two tables of the same stars, row beside row: what one says of a star, and what the other says of it.
///
/// Rows find each other as spectra find rows of a ``LabelTable``: by file names, identifiers or places in the sky.
public struct MatchedTables: Sendable {
    /// What one of the tables says of a label.
    public struct Side: Sendable {
        /// One a pair; NaN where missing.
        public var values: [Double]
        /// 1 σ errors; nil where the table states none, NaN where a row has none.
        public var errors: [Double]?
    }

    /// A label that both have.
    public struct Label: Sendable {
        /// What it is called.
        public var name: String
        /// As one of the tables states it; may be empty.
        public var unit: String
        /// Of the first and the second table.
        public var first: Side, second: Side
    }

    /// What offsets may depend on.
    public struct Parameter: Sendable {
        /// `teff`, `logg` or `fe_h`.
        public var name: String
        /// As the table states it; may be empty.
        public var unit: String
        /// One a pair; NaN where missing.
        public var values: [Double]
        /// Whether the first table says it.
        public var isOfFirst: Bool
    }

    /// A label as it is asked for.
    public struct Wanted: Sendable, Hashable {
        /// What it is called.
        public var name: String
        /// Columns of each table that it may be, the first that there is.
        var first: [String], second: [String]

        /// A label, and what one of the tables calls it; the other calls it the same, or by its name.
        public init(name: String, column: String? = nil) {
            self.name = name
            (first, second) = ([name] + [column].compactMap { $0 }, [column].compactMap { $0 } + [name])
        }

        /// A label, and what each of the tables calls it.
        public init(name: String, first: String, second: String) {
            (self.name, self.first, self.second) = (name, [first], [second])
        }
    }

    /// What can be chosen.
    public struct Options: Sendable {
        /// The labels; none takes those known ones that both tables have.
        public var labels: [Wanted] = []
        /// What rows are matched by; nil tries all that both tables have.
        public var key: LabelTable.Key?
        /// Within which places are one star, arcsec.
        public var radius = 3.0
        /// Column, of either table, of what stars share beside themselves, such as a plate.
        public var group: String?
        /// Column, of either table, of the signal to noise; nil takes what is mostly called so.
        public var snr: String?
        /// What numbers of either table have to be.
        public var conditions: [LabelCondition] = []
        /// The instrument whose rows of the first table are compared; nil takes all.
        public var instrument: String?

        /// The defaults.
        public init() {}
    }

    /// The labels, in the order in which they were asked for.
    public private(set) var labels: [Label] = []
    /// Teff, log g and [Fe/H] as the first table says, or where it does not the second; those that any says.
    public private(set) var parameters: [Parameter] = []
    /// What stars share; rows of one star are of one group in any case.
    public private(set) var groups: [String] = []
    /// Signal to noise; nil where neither table says.
    public let snr: [Double]?
    /// The instruments that the first table names, sorted; none where it names none.
    public let instruments: [String]
    /// Number of pairs.
    public var count: Int { groups.count }
    /// How rows found each other, and what was assumed or left out, each a clause.
    public private(set) var notes: [String] = []

    /// Reads and matches two tables, or data sets by their labels.
    /// - Throws: `Diagnostic` for columns that are missing or hold text, and where no row finds another.
    public init(_ first: URL, _ second: URL, options: Options = Options()) throws {
        let (a, b) = (try Self.open(first), try Self.open(second))
        for (columns, url) in [(a, first), (b, second)] where columns.count == 0 {
            throw Diagnostic(url, problem: "has no rows", remedy: "give a table with a row for each star")
        }
        let (columns, left) = try Self.columns(options.labels, a, b, first, second)
        notes += left
        let (one, other) = (
            try columns.map { try LabelTable.label($0.name, $0.first, a, first) },
            try columns.map { try LabelTable.label($0.name, $0.second, b, second) }
        )
        let table = try LabelTable(
            b, second, labels: columns.map { ($0.name, $0.second) }, group: nil, key: options.key,
            radius: options.radius)
        let instrument = a.find("instrument").map(a.texts)
        var matches = MatchCounts(of: "rows")
        var rows: [(first: Int, second: Int)] = []
        let conditions = try options.conditions.map { try Self.side($0.label, a, b, first, second, "--where") }
        var unlike = 0
        for (row, facts) in try LabelTable.facts(a, key: options.key).enumerated() {
            if let wanted = options.instrument, let own = instrument?[row], own != wanted { continue }
            let match = table.match(facts)
            matches.add(match, of: facts.name.isEmpty ? "row \(row + 1)" : facts.name)
            guard case .row(let found, _) = match else { continue }
            guard zip(options.conditions, conditions).allSatisfy({ $0.holds(for: $1(row, found)) }) else {
                unlike += 1
                continue
            }
            guard zip(one, other).contains(where: { $0.values[row].isFinite && $1.values[found].isFinite }) else {
                matches.addUnlabelled()
                continue
            }
            rows.append((row, found))
        }
        notes += matches.notes(rows: b.count)
        if unlike > 0 { notes.append("\(unlike) pairs do not meet --where") }
        guard !rows.isEmpty else {
            throw Diagnostic(
                first, problem: "no row is of a star of \(second.lastPathComponent)",
                remedy: (notes + ["that is matched by \(table.keys): see --match"]).joined(separator: "; "))
        }
        labels = zip(one, other).map { one, other in
            Label(
                name: one.name, unit: one.unit.isEmpty ? other.unit : one.unit,
                first: Self.side(one, rows.map(\.first)), second: Self.side(other, rows.map(\.second)))
        }
        let group = try options.group.map { try Self.texts($0, a, b, first, second, "--group") }
        groups = rows.map { row in
            let own = group?(row.first, row.second) ?? ""
            return own.isEmpty ? "row \(row.second)" : own
        }
        let noise = try options.snr.map { try Self.side($0, a, b, first, second, "--snr") } ?? Self.usualNoise(a, b)
        snr = noise.map { noise in rows.map { noise($0.first, $0.second) } }
        instruments = Set(rows.compactMap { instrument?[$0.first] }.filter { !$0.isEmpty }).sorted()
        parameters = Self.parameters(labels, a, b, rows)
    }

    private static func side(_ label: LabelTable.Label, _ rows: [Int]) -> Side {
        Side(values: rows.map { label.values[$0] }, errors: label.errors.map { own in rows.map { own[$0] } })
    }
}

// MARK: - Columns

extension MatchedTables {
    /// A table, or the labels of a data set.
    private static func open(_ url: URL) throws -> TableColumns {
        let isDataSet = ["h5", "hdf5"].contains(url.pathExtension.lowercased()) && PairedDataSet.mayBe(at: url)
        return isDataSet ? try TableColumns(dataSet: url) : try TableColumns(url)
    }

    /// The columns of each label.
    private static func columns(
        _ wanted: [Wanted], _ a: TableColumns, _ b: TableColumns, _ first: URL, _ second: URL
    ) throws -> (found: [(name: String, first: String, second: String)], notes: [String]) {
        guard wanted.isEmpty else {
            return (
                wanted.map { ($0.name, Self.column($0.first, a), Self.column($0.second, b)) }, []
            )
        }
        let others = Dictionary(b.names.map { (KnownColumns.plain($0), $0) }) { first, _ in first }
        var (found, notes): ([(name: String, first: String, second: String)], [String]) = ([], [])
        for name in a.names where KnownColumns.isLabel(name) {
            guard let other = others[KnownColumns.plain(name)] else { continue }
            do {
                _ = try LabelTable.label(name, name, a, first)
                _ = try LabelTable.label(name, other, b, second)
                found.append((name, name, other))
            } catch let error as Diagnostic {
                notes.append("\(error.field): \(error.problem), and is left out")
            }
        }
        guard !found.isEmpty else {
            throw Diagnostic(
                first,
                problem: "has no label that \(second.lastPathComponent) has too"
                    + (notes.first.map { " (\($0))" } ?? ""),
                remedy: "name them: --labels teff,fe_h=feh; there are "
                    + a.names.prefix(15).joined(separator: ", ") + " and " + b.names.prefix(15).joined(separator: ", "))
        }
        return (found, notes + ["labels are \(found.map(\.name).joined(separator: ", ")) (others: --labels)"])
    }

    /// The first column of some names that there is, spelled so or alike; the first name where there is none, for the message.
    private static func column(_ names: [String], _ columns: TableColumns) -> String {
        for name in names where columns.find(name) != nil { return name }
        // The difference of two columns is none that is found.
        if let difference = names.first(where: { $0.contains("-") }) { return difference }
        let plain = names.map(KnownColumns.plain)
        return columns.names.first { plain.contains(KnownColumns.plain($0)) } ?? names[0]
    }

    /// Numbers of a pair from a column of either table, the first's where both have it.
    private static func side(
        _ name: String, _ a: TableColumns, _ b: TableColumns, _ first: URL, _ second: URL, _ option: String
    ) throws -> (Int, Int) -> Double {
        if let own = a.find(name), a.isNumeric(own) {
            let values = a.numbers(own)
            return { row, _ in values[row] }
        }
        if let own = b.find(name), b.isNumeric(own) {
            let values = b.numbers(own)
            return { _, row in values[row] }
        }
        throw missing("column of numbers", name, a, b, first, second, option)
    }

    private static func texts(
        _ name: String, _ a: TableColumns, _ b: TableColumns, _ first: URL, _ second: URL, _ option: String
    ) throws -> (Int, Int) -> String {
        if a.find(name) != nil {
            let values = a.texts(try a.place(name))
            return { row, _ in values[row] }
        }
        if b.find(name) != nil {
            let values = b.texts(try b.place(name))
            return { _, row in values[row] }
        }
        throw missing("column", name, a, b, first, second, option)
    }

    private static func missing(
        _ what: String, _ name: String, _ a: TableColumns, _ b: TableColumns, _ first: URL, _ second: URL,
        _ option: String
    ) -> Diagnostic {
        Diagnostic(
            "\(option) \(name)",
            problem: "neither \(first.lastPathComponent) nor \(second.lastPathComponent) has such a \(what)",
            remedy: suggestion(for: name, among: a.names + b.names))
    }

    private static let noiseNames = ["snr", "snrg", "snr_g", "sn", "s_n", "snr_med", "snrev"]

    private static func usualNoise(_ a: TableColumns, _ b: TableColumns) -> ((Int, Int) -> Double)? {
        for name in noiseNames {
            if let own = a.find(name), a.isNumeric(own) {
                let values = a.numbers(own)
                // A catalogue of several instruments together states none.
                if values.contains(where: \.isFinite) { return { row, _ in values[row] } }
            }
            if let own = b.find(name), b.isNumeric(own) {
                let values = b.numbers(own)
                if values.contains(where: \.isFinite) { return { _, row in values[row] } }
            }
        }
        return nil
    }

    /// What offsets may depend on, from the labels or from columns that only one table has.
    private static func parameters(
        _ labels: [Label], _ a: TableColumns, _ b: TableColumns, _ rows: [(first: Int, second: Int)]
    ) -> [Parameter] {
        [("teff", "teff"), ("logg", "logg"), ("feh", "fe_h")].compactMap { plain, name in
            if let own = labels.first(where: { KnownColumns.plain($0.name) == plain }) {
                return Parameter(name: name, unit: own.unit, values: own.first.values, isOfFirst: true)
            }
            for (columns, isFirst) in [(a, true), (b, false)] {
                guard let place = columns.names.firstIndex(where: { KnownColumns.plain($0) == plain }),
                    columns.isNumeric(place)
                else { continue }
                let values = columns.numbers(place)
                return Parameter(
                    name: name, unit: columns.unit(place),
                    values: rows.map { values[isFirst ? $0.first : $0.second] }, isOfFirst: isFirst)
            }
            return nil
        }
    }
}
