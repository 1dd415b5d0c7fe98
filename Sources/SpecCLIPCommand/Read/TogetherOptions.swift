import ArgumentParser
import Foundation
import StarReading
import Support
import Tables

/// Which spectra are of one star.
struct GroupingOptions: ParsableArguments, CustomStringConvertible {
    @Flag(help: "Take all spectra of a star together: visits, instruments, mixtures of both.")
    var together = false

    @Option(
        help: ArgumentHelp(
            "What spectra of one star share: source-id, position, or a column or keyword such as DESIG (default: source-id).",
            valueName: "column"))
    var groupBy: String?

    @Option(help: ArgumentHelp("Spectra within so many arcseconds are of one star (default: 3).", valueName: "arcsec"))
    var radius: Double?

    func validate() throws {
        try Self.check([("--group-by", groupBy != nil), ("--radius", radius != nil)], belongTo: together)
        if let radius {
            guard groupBy == "position" else { throw ValidationError("--radius belongs to --group-by position") }
            guard radius > 0, radius <= 3600 else {
                throw ValidationError("--radius \(radius): must lie between 0 and 3600 arcseconds")
            }
        }
        if groupBy?.isEmpty == true { throw ValidationError("--group-by: must name a column") }
    }

    static func check(_ others: [(name: String, isGiven: Bool)], belongTo together: Bool) throws {
        if !together, let first = others.first(where: \.isGiven) {
            throw ValidationError("\(first.name) belongs to --together: give both")
        }
    }

    /// By what spectra are known to be of one star.
    var grouping: StarGrouping {
        switch groupBy {
        case nil, "source-id": .sourceID
        case "position": .position(radius: radius ?? 3)
        case .some(let name): .column(name)
        }
    }

    /// What decides the rows, for interrupted work.
    var description: String { "\(together) \(groupBy ?? "") \(radius ?? 3)" }
}

/// How the observations of one star are read together.
struct TogetherOptions: ParsableArguments, CustomStringConvertible {
    @OptionGroup var stars: GroupingOptions

    @Option(
        help: ArgumentHelp("Write each observation by itself, too, with its velocity.", valueName: "file"))
    var visits: String?

    @Option(
        name: .customLong("rv-floor"),
        help: ArgumentHelp(
            "By how much wavelength scales of visits differ, km/s (default: 4).", valueName: "km/s"))
    var velocityFloor: Double?

    func validate() throws {
        try GroupingOptions.check(
            [("--visits", visits != nil), ("--rv-floor", velocityFloor != nil)], belongTo: stars.together)
        if let velocityFloor, !(0...1000).contains(velocityFloor) {
            throw ValidationError("--rv-floor \(velocityFloor): must lie between 0 and 1000 km/s")
        }
    }

    /// By how much wavelength scales of visits differ, km/s.
    var floor: Double { velocityFloor ?? VisitVelocities.usualFloor }

    /// What decides the rows, for interrupted work and for shards, each of which has a file of visits of its own.
    var description: String { "\(stars) \(visits == nil ? "" : "visits") \(floor)" }
}
