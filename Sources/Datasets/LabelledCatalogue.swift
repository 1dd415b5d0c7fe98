import Foundation
import Spectra
import Support
import Tables

/// A table of stars with labels, and which spectrum is of which: the way from "my stars" to a data set.
public struct LabelledCatalogue: Sendable {
    /// A star of the catalogue.
    public struct Star: Sendable {
        /// The file of its spectrum, as the catalogue names it.
        public var file: String
        /// What it is called: as the catalogue names it, or its file.
        public var identifier: String
        /// Its row in the catalogue, from 1.
        public var row: Int
        /// Labels by name; one that is missing is left out.
        public var labels: [String: Double]
        /// Wavelength as observed over that at rest; nil where nothing was asked of its motion.
        public var stretch: Double?
        /// Stars of one group share a plate or a star, and belong into the same split.
        public var group: String
    }

    /// A column that tells how fast stars recede.
    public enum Motion: Sendable {
        /// Redshifts z.
        case redshift(String)
        /// Radial velocities, km/s.
        case velocity(String)

        var column: String {
            switch self {
            case .redshift(let column), .velocity(let column): column
            }
        }

        /// Wavelength as observed over that at rest; NaN where the value is none of a star.
        func stretch(_ value: Double) -> Double {
            let factor =
                switch self {
                case .redshift: 1 + value
                case .velocity: RadialVelocity.factor(value)
                }
            // No star of the Galaxy is faster than 3,000 km/s.
            return abs(factor - 1) < 0.01 ? factor : .nan
        }
    }

    /// The rows that have a file and a label.
    public let stars: [Star]
    /// What was left out, each a clause.
    public let notes: [String]

    /// Reads a catalogue.
    /// - Parameters:
    ///   - url: a table of any container, with a column `file`.
    ///   - labels: columns by the names of the labels that they are.
    ///   - identifier: a column of what stars are called by; the file where there is none.
    ///   - group: a column of what stars share beside themselves: a plate, a field, a night. Stars within 3″ of each other (columns
    ///     `ra` and `dec`, degrees) are one, and join the groups that they are in.
    ///   - motion: a column by which spectra can be brought to rest; stars without a value are left out.
    /// - Throws: `Diagnostic` for columns that are missing, or hold no numbers.
    public init(
        _ url: URL, labels: [(name: String, column: String)], identifier: String? = nil, group: String?,
        motion: Motion? = nil
    ) throws {
        let table = try TableFileReader.open(url)
        let names = table.fields.map(\.name)
        func column(_ name: String) throws -> Int {
            if let found = names.firstIndex(of: name)
                ?? names.firstIndex(where: { $0.lowercased() == name.lowercased() })
            {
                return found
            }
            throw Diagnostic(
                url, field: name, problem: "no such column",
                remedy: "there are " + names.prefix(30).joined(separator: ", "))
        }
        let file = try column("file")
        let wanted = try labels.map { (name: $0.name, column: try column($0.column)) }
        let named = try identifier.map { try column($0) }
        let shared = try group.map { try column($0) }
        let moving = try motion.map { (motion: $0, column: try column($0.column)) }
        let place = names.contains("ra") && names.contains("dec") ? (try column("ra"), try column("dec")) : nil
        var (found, places, notes): ([Star], [SkyPlace], [String]) = ([], [], [])
        var (row, empty, restless) = (0, 0, 0)
        while case let rows = try table.next(4096), rows.count > 0 {
            let files = try rows.texts(file)
            let identifiers = try named.map { try rows.texts($0) }
            let groups = try shared.map { try rows.texts($0) }
            let values = try wanted.map { ($0.name, try rows.scalars($0.column)) }
            let stretches = try moving.map { moving in
                try rows.scalars(moving.column).map(moving.motion.stretch)
            }
            let sky = try place.map { (try rows.scalars($0.0), try rows.scalars($0.1)) }
            for i in 0..<rows.count {
                row += 1
                let own = values.reduce(into: [String: Double]()) { if $1.1[i].isFinite { $0[$1.0] = $1.1[i] } }
                guard !files[i].isEmpty, !own.isEmpty else {
                    empty += 1
                    continue
                }
                let stretch = stretches?[i]
                guard stretch?.isFinite ?? true else {
                    restless += 1
                    continue
                }
                found.append(
                    Star(
                        file: files[i], identifier: identifiers?[i] ?? files[i], row: row, labels: own,
                        stretch: stretch, group: groups?[i] ?? "row \(row)"))
                places.append(SkyPlace(ra: sky?.0[i] ?? .nan, dec: sky?.1[i] ?? .nan))
            }
        }
        if empty > 0 { notes.append("\(empty) rows have no file or none of the labels, and are left out") }
        if restless > 0, let motion {
            notes.append("\(restless) rows have no \(motion.column) of a star, and are left out")
        }
        guard !found.isEmpty else {
            if restless > 0, let motion {
                throw Diagnostic(
                    url, field: motion.column, problem: "no row has one of a star",
                    remedy: "give z by --redshift, km/s by --velocity")
            }
            throw Diagnostic(
                url, problem: "no row has a file and a label", remedy: "name the columns: --labels teff=TEFF")
        }
        let joined = SkyPlace.joined(found.map(\.group), at: places)
        for i in found.indices { found[i].group = joined[i] }
        (stars, self.notes) = (found, notes)
    }

    /// Name of the label of a data set that says which fold a star is in.
    public static let foldLabel = "fold"

    /// How the groups are parted.
    public struct Folds: Sendable {
        /// Number of folds.
        public var count: Int
        /// The fold that is the test split, from 1; 0 for none.
        public var test: Int
        /// Share of the stars of the other folds that is the validation split.
        public var validation: Double
        /// Share of the stars of the other folds that is the calibration split.
        public var calibration: Double
        /// Share of the groups that are in no fold.
        public var apart: Double
        /// Seed of the parting.
        public var seed: UInt64

        /// Folds of groups.
        public init(
            count: Int, test: Int, validation: Double = 0.1, calibration: Double = 0, apart: Double = 0,
            seed: UInt64 = 0
        ) {
            (self.count, self.test, self.validation, self.calibration) = (count, test, validation, calibration)
            (self.apart, self.seed) = (apart, seed)
        }
    }

    /// The split of each star and its fold, from 1; nil where it is kept apart. A group is never parted, and folds have about as
    /// many stars as each other.
    public func places(_ folds: Folds) -> [(split: Split, fold: Int)?] {
        let groups = StarGroups(stars.map(\.group), seed: folds.seed)
        let apart = Int((Double(groups.sizes.count) * folds.apart).rounded())
        var places = groups.folds(folds.count, leavingOut: apart).mapValues { fold in
            (split: fold == folds.test ? Split.test : .train, fold: fold)
        }
        // Groups decide when to stop, and tell how far off answers are, that are as foreign to those trained on as the test's are.
        let others = Double(places.reduce(0) { $0 + ($1.value.split == .train ? groups.size($1.key) : 0) })
        for (split, share) in [(Split.validation, folds.validation), (.calibration, folds.calibration)] {
            var wanted = others * share
            for group in groups.order.reversed() where places[group]?.split == .train && wanted > 0 {
                places[group]?.split = split
                wanted -= Double(groups.size(group))
            }
        }
        return stars.map { places[$0.group] }
    }
}
