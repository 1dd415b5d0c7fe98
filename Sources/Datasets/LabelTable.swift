import Foundation
import Spectra
import Support
import Tables

/// A table of stars with labels of somebody's own, and which of its rows a spectrum is of.
///
/// Any table that is read will do. A spectrum finds its row by the name of its file, by an identifier of its source, or by its
/// place in the sky, in this order: what the table has columns for.
public struct LabelTable: Sendable {
    /// A column of labels.
    public struct Label: Sendable {
        /// As the table calls it, or as the user does.
        public var name: String
        /// As the table states it, may be empty.
        public var unit: String
        /// Per row; NaN where missing.
        public var values: [Double]
        /// 1 σ errors of the values; nil where the table has no such column, NaN where a row has none.
        public var errors: [Double]?
    }

    /// What spectra and rows are matched by.
    public enum Key: Sendable, Hashable {
        /// The name of the file.
        case file
        /// Any column that identifies sources.
        case identifier
        /// A column, whatever its name.
        case column(String)
        /// Right ascension and declination.
        case position
    }

    /// What a spectrum says of the star it is of.
    public struct Facts: Sendable {
        /// Path of its file, with `#row` in a table of many.
        var file: String
        /// Identifiers of its source.
        var identifiers: [String]
        /// Keywords of its header, upper case.
        var header: [String: String]
        var place: SkyPlace

        init(file: String, identifiers: [String], place: SkyPlace) {
            (self.file, self.identifiers, self.place) = (file, identifiers, place)
            header = [:]
        }

        /// What it is called in messages.
        var name: String { file.isEmpty ? identifiers.first ?? "" : file }

        /// - Parameters:
        ///   - name: path of the file, with `#row` in a table of many.
        ///   - sourceID: identifier of the source; may be empty.
        ///   - spectrum: as its file has it; nil for a row of a data set.
        public init(name: String, sourceID: String, _ spectrum: Spectrum?) {
            file = name
            identifiers = sourceID.isEmpty ? [] : [sourceID]
            header = spectrum?.header ?? [:]
            place = SkyPlace(ra: spectrum?.ra ?? .nan, dec: spectrum?.dec ?? .nan)
        }
    }

    /// How a spectrum found its row.
    public enum Match: Sendable, Hashable {
        /// The row, from 0, and by what.
        case row(Int, by: String)
        /// Several rows fit: by what, and how many.
        case several(Int, by: String)
        case none
    }

    /// The labels, in the order in which they were asked for.
    public private(set) var labels: [Label]
    /// Number of rows.
    public let count: Int
    /// What stars share beside themselves, per row; nil where no column was named.
    public let groups: [String]?
    /// What was assumed or left out, each a clause.
    public private(set) var notes: [String] = []

    private var files: [String: [Int]] = [:]
    /// Rows by identifier, by the name of the column.
    private var identifiers: [(column: String, rows: [String: [Int]])] = []
    private var sky: SkyIndex?
    /// Degrees.
    private let radius: Double

    /// Reads a table.
    /// - Parameters:
    ///   - url: a table of any container.
    ///   - wanted: names of labels, each with the column that it is, or two columns `A-B` whose difference it is; empty takes the
    ///     columns that are known labels, and where there are none all that hold numbers and are nothing else.
    ///   - group: a column of what stars share beside themselves, such as a plate.
    ///   - key: what spectra are matched by; nil tries all that the table has.
    ///   - radius: within which places are one star, arcsec.
    /// - Throws: `Diagnostic` for columns that are missing, hold text, or the same number in all rows, and for tables by which
    ///   no spectrum can be matched.
    public init(
        _ url: URL, labels wanted: [(name: String, column: String)] = [], group: String? = nil, key: Key? = nil,
        radius: Double = 3
    ) throws {
        try self.init(TableColumns(url), url, labels: wanted, group: group, key: key, radius: radius)
    }

    /// As ``init(_:labels:group:key:radius:)``, of a table in memory.
    /// - Parameters:
    ///   - table: columns of one value a row.
    ///   - name: what messages call the table.
    ///   - wanted: names of labels, each with its column.
    ///   - group: a column of what stars share beside themselves.
    ///   - key: what spectra are matched by.
    public init(
        _ table: Table, name: String, labels wanted: [(name: String, column: String)], group: String? = nil,
        key: Key? = nil
    ) throws {
        let url = URL(fileURLWithPath: name)
        do {
            try self.init(TableColumns(table, url), url, labels: wanted, group: group, key: key, radius: 3)
        } catch var error as Diagnostic where error.subject == url.path {
            error.subject = name
            throw error
        }
    }

    /// As ``init(_:labels:group:key:radius:)``, of columns that were read already.
    init(
        _ columns: TableColumns, _ url: URL, labels wanted: [(name: String, column: String)], group: String?, key: Key?,
        radius: Double
    ) throws {
        self.radius = radius / 3600
        count = columns.count
        guard count > 0 else {
            throw Diagnostic(url, problem: "has no rows", remedy: "give a table with a row for each star")
        }
        if let twice = Dictionary(grouping: wanted, by: \.name).first(where: { $0.value.count > 1 }) {
            throw Diagnostic(url, field: twice.key, problem: "is asked for twice", remedy: "give each label one name")
        }
        labels = []
        groups = try group.map { columns.texts(try columns.place($0)) }
        try matchBy(key, columns, url)
        let chosen = wanted.isEmpty ? try Self.guessed(columns, group: group, url) : wanted
        for (name, column) in chosen {
            do { labels.append(try Self.label(name, column, columns, url)) } catch let error as Diagnostic {
                // What nobody asked for is left out; what was asked for is an error.
                guard wanted.isEmpty else { throw error }
                notes.append("\(error.field): \(error.problem), and is left out")
            }
        }
        guard !labels.isEmpty else {
            throw Diagnostic(
                url, problem: "has no column of labels" + (notes.first.map { " (\($0))" } ?? ""),
                remedy: "name them by --labels; there are " + columns.names.prefix(30).joined(separator: ", "))
        }
        if wanted.isEmpty {
            notes.append("labels are \(labels.map(\.name).joined(separator: ", ")) (others: --labels)")
        }
        let stated = labels.filter { $0.errors != nil }.map(\.name)
        if !stated.isEmpty { notes.append("errors are stated for \(stated.joined(separator: ", "))") }
        markDuplicates()
    }

    /// The row of a spectrum.
    public func match(_ facts: Facts) -> Match {
        if let found = found(files[Self.stem(facts.file)], by: "file name") { return found }
        for (column, rows) in identifiers {
            let own = facts.identifiers + [facts.header[column.uppercased()]].compactMap { $0 }
            for name in own {
                if let found = found(rows[Self.identifier(name)], by: column) { return found }
            }
        }
        // Of several within the radius the nearest is meant.
        return sky?.near(facts.place, within: radius).first.map { .row($0, by: "position") } ?? .none
    }

    /// What the rows of another table say of the stars that they are of, so that they can be matched as spectra are.
    /// - Throws: `Diagnostic` where the other table lacks the chosen column.
    static func facts(_ columns: TableColumns, key: Key?) throws -> [Facts] {
        func texts(_ places: [Int]) -> [[String]] { places.map(columns.texts) }
        let files = columns.first(of: fileNames).map(columns.texts)
        let places: [Int] =
            if case .column(let name) = key { [try columns.place(name)] } else { columns.all(of: identifierNames) }
        let identifiers = texts(places)
        let sky = columns.first(of: raNames).flatMap { ra in
            columns.first(of: decNames).map { (columns.numbers(ra), columns.numbers($0)) }
        }
        return (0..<columns.count).map { row in
            Facts(
                file: files?[row] ?? "", identifiers: identifiers.map { $0[row] }.filter { !$0.isEmpty },
                place: SkyPlace(ra: sky?.0[row] ?? .nan, dec: sky?.1[row] ?? .nan))
        }
    }

    /// What spectra are matched by, for messages.
    public var keys: String {
        let all = (files.isEmpty ? [] : ["file name"]) + identifiers.map(\.column) + (sky == nil ? [] : ["position"])
        return all.joined(separator: ", ")
    }

    private func found(_ rows: [Int]?, by what: String) -> Match? {
        guard let rows else { return nil }
        return rows.count == 1 ? .row(rows[0], by: what) : .several(rows.count, by: what)
    }
}

// MARK: - Keys

extension LabelTable {
    private mutating func matchBy(_ key: Key?, _ columns: TableColumns, _ url: URL) throws {
        func missing(_ what: String, _ remedy: String) -> Diagnostic {
            Diagnostic(
                url, problem: "has no \(what)",
                remedy: "\(remedy); there are " + columns.names.prefix(30).joined(separator: ", "))
        }
        if key == nil || key == .file, let column = columns.first(of: Self.fileNames) {
            files = Dictionary(grouping: columns.rows(column), by: \.text).mapValues { $0.map(\.row) }
                .reduce(into: [:]) { $0[Self.stem($1.key), default: []] += $1.value }
        }
        switch key {
        case .column(let name):
            let column = try columns.place(name)
            identifiers = [(columns.names[column], Self.byIdentifier(columns.rows(column)))]
        case nil, .identifier:
            identifiers = columns.all(of: Self.identifierNames).map { column in
                (columns.names[column], Self.byIdentifier(columns.rows(column)))
            }
        case .file, .position: break
        }
        if key == nil || key == .position, let ra = columns.first(of: Self.raNames),
            let dec = columns.first(of: Self.decNames)
        {
            let places = zip(columns.numbers(ra), columns.numbers(dec)).map { SkyPlace(ra: $0, dec: $1) }
            sky = SkyIndex(places)
        }
        switch key {
        case .file where files.isEmpty: throw missing("column of file names", "call it file")
        case .identifier where identifiers.isEmpty: throw missing("column of identifiers", "name it: --match COLUMN")
        case .position where sky == nil: throw missing("columns of places", "call them ra and dec")
        case nil where keys.isEmpty:
            throw missing("column that tells which spectrum is of which star", "name it: --match COLUMN")
        default: break
        }
    }

    private static func byIdentifier(_ rows: [(text: String, row: Int)]) -> [String: [Int]] {
        Dictionary(grouping: rows) { identifier($0.text) }.mapValues { $0.map(\.row) }
    }

    /// An identifier without what tables add to whole numbers.
    private static func identifier(_ text: String) -> String {
        let trimmed = text.trimmingCharacters(in: .whitespaces)
        return trimmed.hasSuffix(".0") ? String(trimmed.dropLast(2)) : trimmed
    }

    /// A file's name without its folder and endings of compression, so that `a/b.fits.gz` is `b.fits`; the row stays.
    private static func stem(_ path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let parts = name.split(separator: "#", maxSplits: 1).map(String.init)
        guard var file = parts.first else { return name }
        for ending in [".gz", ".bz2", ".xz", ".fz", ".zst", ".Z"] where file.hasSuffix(ending) {
            file = String(file.dropLast(ending.count))
        }
        return ([file] + parts.dropFirst()).joined(separator: "#")
    }

    private static let fileNames = ["file", "filename", "file_name", "path", "spectrum", "spec", "specfile"]
    private static let identifierNames = [
        "source_id", "gaia_source_id", "gaiadr3_source_id", "gaia_dr3_source_id", "dr3_source_id", "gaia_id",
        "sourceid",
        "obsid", "specobjid", "targetid", "sdss_id", "apogee_id", "object_id", "objid", "desig", "designation",
        "star_id",
        "star", "object", "name", "identifier", "id",
    ]
    private static let raNames = ["ra", "raj2000", "ra_icrs", "_raj2000", "ra_deg", "radeg", "alpha_j2000"]
    private static let decNames = [
        "dec", "dej2000", "de_icrs", "_dej2000", "dec_deg", "dedeg", "decdeg", "delta_j2000",
    ]
}

// MARK: - Labels

extension LabelTable {
    /// Values at and below it stand for "none" in surveys' tables: −999, −9999, −99999.
    private static let none = -999.0
    /// Rows that a label needs to be worth a word.
    private static let fewest = 3

    static func label(
        _ name: String, _ column: String, _ columns: TableColumns, _ url: URL
    ) throws -> Label {
        let (values, errors, unit) = try values(column, columns, url)
        let known = values.filter(\.isFinite)
        func refuse(_ problem: String, _ remedy: String) -> Diagnostic {
            Diagnostic(url, field: column, problem: problem, remedy: remedy)
        }
        guard !known.isEmpty else { throw refuse("has no value in any row", "leave it out of --labels") }
        guard known.count >= fewest else {
            throw refuse("has a value in \(known.count) rows alone", "leave it out of --labels")
        }
        guard let least = known.min(), let most = known.max(), most > least else {
            throw refuse("is \(known[0]) in all rows: there is nothing to learn", "leave it out of --labels")
        }
        return Label(name: name, unit: unit, values: values, errors: errors)
    }

    /// The numbers of a column, or of the difference `A-B` of two where no column is called so.
    private static func values(
        _ text: String, _ columns: TableColumns, _ url: URL
    ) throws -> (values: [Double], errors: [Double]?, unit: String) {
        func column(_ place: Int) throws -> (values: [Double], errors: [Double]?, unit: String) {
            guard columns.isNumeric(place) else {
                throw Diagnostic(
                    url, field: columns.names[place], problem: "holds text, not numbers",
                    remedy: "leave it out of --labels")
            }
            let values = columns.numbers(place).map { $0 > none ? $0 : .nan }
            let errors = columns.errors(of: place).map { columns.numbers($0).map { $0 > 0 ? $0 : .nan } }
            return (values, errors, columns.unit(place))
        }
        let sides = text.split(separator: "-", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
        if columns.find(text) == nil, sides.count == 2, let first = columns.find(sides[0]),
            let second = columns.find(sides[1])
        {
            let (a, b) = (try column(first), try column(second))
            let errors = a.errors.flatMap { own in
                b.errors.map { other in zip(own, other).map { ($0 * $0 + $1 * $1).squareRoot() } }
            }
            return (zip(a.values, b.values).map(-), errors, a.unit)
        }
        return try column(columns.place(text))
    }

    /// The columns that are known labels; where there are none, all numbers that are nothing else.
    private static func guessed(
        _ columns: TableColumns, group: String?, _ url: URL
    ) throws -> [(name: String, column: String)] {
        let known = columns.names.filter { KnownColumns.isLabel($0) }
        if !known.isEmpty { return known.map { ($0, $0) } }
        let keys = Set(fileNames + identifierNames + raNames + decNames + [group?.lowercased() ?? ""])
        let others = columns.names.indices.filter { place in
            columns.isNumeric(place) && !columns.isErrors(place) && !keys.contains(columns.names[place].lowercased())
                && !KnownColumns.isCircumstance(columns.names[place])
        }
        return others.map { (columns.names[$0], columns.names[$0]) }
    }

    /// Two columns of the same numbers are one label, whatever they are called.
    private mutating func markDuplicates() {
        var kept: [Label] = []
        for label in labels {
            if let same = kept.first(where: { Self.areSame($0.values, label.values) }) {
                notes.append("\(label.name): holds the same numbers as \(same.name), and is left out")
            } else {
                kept.append(label)
            }
        }
        labels = kept
    }

    private static func areSame(_ a: [Double], _ b: [Double]) -> Bool {
        zip(a, b).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
    }
}

/// What columns of catalogues of stars mostly hold, by their names.
enum KnownColumns {
    private static let labels: Set<String> = [
        "teff", "logg", "feh", "mh", "alpham", "alphafe", "afe", "am", "metallicity", "rv", "vsini", "mass", "age",
        "ak",
        "av", "ebv", "vmic", "cfe", "nfe", "ofe", "mgfe", "alfe", "sife", "cafe", "tife", "crfe", "mnfe", "nife",
        "nafe",
        "kfe", "sfe", "vfe", "cofe", "cefe", "bafe", "lafe", "ndfe", "yfe", "zrfe", "scfe", "cufe", "znfe", "ali",
        "cnfe",
    ]
    private static let circumstances: Set<String> = [
        "z", "redshift", "mjd", "lmjd", "jd", "bjd", "plate", "planid", "spid", "fiberid", "fiber", "fibre", "l", "b",
        "glon", "glat", "parallax", "pmra", "pmdec", "row", "index", "recno", "seq", "exptime", "airmass", "seeing",
    ]

    /// Letters and digits alone: `[Fe/H]`, `FE_H` and `feh` are one.
    static func plain(_ name: String) -> String { name.lowercased().filter { $0.isLetter || $0.isNumber } }

    static func isLabel(_ name: String) -> Bool { labels.contains(plain(name)) }

    static func isCircumstance(_ name: String) -> Bool {
        let plain = plain(name)
        return circumstances.contains(plain) || plain.hasPrefix("snr") || plain.hasPrefix("sn") && plain.count == 3
            || plain.hasSuffix("id") || plain.hasSuffix("flag") || plain.hasSuffix("mag")
    }
}
