import Datasets
import Foundation
import Support
import Tables

/// By what spectra are known to be of one star.
public enum StarGrouping: Sendable, Hashable {
    /// The source's identifier in each file; two spectra of two instruments are of one star when they are all there are.
    case sourceID
    /// What each file says of a column of its table or a keyword of its header, whatever the case.
    case column(String)
    /// The place on the sky, within so many arcseconds.
    case position(radius: Double)

    /// What an observation says of its star: little enough to be kept of all that are read.
    public struct Clue: Sendable {
        /// What those of one star have in common; nil where the file does not tell.
        let key: String?
        let place: SkyPlace?
        let instrument: String
        let isRow: Bool
        let hasLostIdentity: Bool
        /// Names of what the file says, for the error line; few files' are kept.
        let names: [String]

        /// Where the observation stands in the input.
        public let position: RowPosition
        /// Of what the file tells of the star, or of the observation's name where it does not: by this workers share stars.
        let hash: UInt64

        /// What an observation says, for a grouping.
        public init(_ observation: Observation, for grouping: StarGrouping) {
            let raw = observation.raw
            instrument = observation.instrument.name
            position = observation.position
            isRow = raw == nil
            hasLostIdentity = raw?.hasLostIdentity == true
            var (key, place, names) = (String?.none, SkyPlace?.none, [String]())
            switch grouping {
            case _ where raw == nil: key = observation.name
            case .sourceID: key = observation.sourceID
            case .column(let name):
                let text = raw?.header[name.uppercased()]?.trimmingCharacters(in: .whitespaces) ?? ""
                key = Self.standingForNone.contains(text.lowercased()) ? nil : text
                if raw?.header[name.uppercased()] == nil { names = raw.map { Array($0.header.keys) } ?? [] }
            case .position:
                if let ra = raw?.ra, let dec = raw?.dec { place = SkyPlace(ra: ra, dec: dec) }
            }
            key = key.flatMap { $0.isEmpty ? nil : $0 }
            (self.key, self.place, self.names) = (key, place, names)
            hash = StableHash.hash(key ?? observation.name, seed: 0)
        }

        /// Whether the file tells which star it is of.
        var isTold: Bool { key != nil || place != nil }

        private static let standingForNone: Set = ["", "null", "nan", "none", "--", "-9999", "-999", "-1", "0"]
    }

    /// Which observations are of one star.
    public struct Groups: Sendable {
        /// The number of each observation's star, in the order in which stars come first.
        public let stars: [Int]
        /// Observations of which nothing says which star they are of: each is read alone.
        public let untold: Int
    }

    /// Puts observations together that are of the same star. Rows of the same number in a data set are of one star, whatever
    /// the grouping.
    /// - Throws: `Diagnostic` for a column that no file has.
    public func groups(_ clues: [Clue]) throws -> Groups {
        if case .column(let name) = self, !clues.isEmpty, clues.allSatisfy({ !$0.isTold }) {
            let known = Set(clues.prefix(100).flatMap(\.names))
            if let first = clues.first, !first.isRow, !known.isEmpty { throw Self.unknown(name, known.sorted()) }
        }
        if self == .sourceID, clues.count == 2, Self.mayBeOne(clues[0], clues[1]) {
            return Groups(stars: [0, 0], untold: 0)
        }
        var names = clues.enumerated().map { $1.key ?? "\u{0}\($0)" }
        if case .position(let radius) = self {
            names = SkyPlace.joined(
                names, at: clues.map { $0.place ?? SkyPlace(ra: .nan, dec: .nan) }, within: radius / 3600)
        }
        var numbers: [String: Int] = [:]
        let stars = names.map { name in
            let number = numbers[name] ?? numbers.count
            numbers[name] = number
            return number
        }
        return Groups(stars: stars, untold: clues.count { !$0.isTold })
    }

    private static func unknown(_ name: String, _ known: [String]) -> Diagnostic {
        Diagnostic(
            "--group-by \(name)", problem: "no file has such a column or keyword",
            remedy: nearest(to: name.uppercased(), among: known).map { "did you mean '\($0)'?" }
                ?? "there are " + known.prefix(12).joined(separator: ", ") + (known.count > 12 ? ", …" : ""))
    }

    /// Whether the two spectra that are all there are may be of one star: of two instruments, and nothing that the files say
    /// of their sources speaks against it. Identifiers of other catalogues differ for the same star; two of Gaia's do not.
    private static func mayBeOne(_ a: Clue, _ b: Clue) -> Bool {
        if a.instrument == b.instrument || a.hasLostIdentity || b.hasLostIdentity { return false }
        let gaia = [a.key, b.key].compactMap { $0 }.filter { $0.count >= 15 && $0.allSatisfy(\.isNumber) }
        return gaia.count < 2 || gaia[0] == gaia[1]
    }
}

extension ObservedStar {
    /// Puts observations together that are of the same star, in the order in which stars come first.
    /// - Parameters:
    ///   - observations: of any stars.
    ///   - grouping: by what they are known to be of one star.
    /// - Throws: `Diagnostic` for a column that no file has.
    public static func together(
        _ observations: [Observation], by grouping: StarGrouping = .sourceID
    ) throws -> [ObservedStar] {
        together(observations, try grouping.groups(observations.map { StarGrouping.Clue($0, for: grouping) }))
    }

    /// As ``together(_:by:)``, where it is known already which are of one star.
    public static func together(_ observations: [Observation], _ groups: StarGrouping.Groups) -> [ObservedStar] {
        var found = [[Observation]](repeating: [], count: (groups.stars.max() ?? -1) + 1)
        for (observation, star) in zip(observations, groups.stars) { found[star].append(observation) }
        return found.compactMap(ObservedStar.init)
    }
}
