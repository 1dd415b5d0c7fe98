import ArgumentParser
import Foundation
import StarReading
import Support
import Tables

/// How the observations of one star are put together.
struct TogetherOptions: ParsableArguments, CustomStringConvertible {
    @Flag(help: "Read all spectra of a star as one: visits, instruments, mixtures of both.")
    var together = false

    @Option(
        help: ArgumentHelp(
            "What spectra of one star share: source-id, position, or a column or keyword such as DESIG (default: source-id).",
            valueName: "column"))
    var groupBy: String?

    @Option(help: ArgumentHelp("Spectra within so many arcseconds are of one star (default: 3).", valueName: "arcsec"))
    var radius: Double?

    @Option(
        help: ArgumentHelp("Write each observation by itself, too, with its velocity.", valueName: "file"))
    var visits: String?

    @Option(
        name: .customLong("rv-floor"),
        help: ArgumentHelp(
            "By how much wavelength scales of visits differ, km/s (default: 4).", valueName: "km/s"))
    var velocityFloor: Double?

    func validate() throws {
        let others = [
            ("--group-by", groupBy != nil), ("--radius", radius != nil), ("--visits", visits != nil),
            ("--rv-floor", velocityFloor != nil),
        ]
        if !together, let first = others.first(where: \.1) {
            throw ValidationError("\(first.0) belongs to --together: give both")
        }
        if let radius {
            guard groupBy == "position" else { throw ValidationError("--radius belongs to --group-by position") }
            guard radius > 0, radius <= 3600 else {
                throw ValidationError("--radius \(radius): must lie between 0 and 3600 arcseconds")
            }
        }
        if let velocityFloor, !(0...1000).contains(velocityFloor) {
            throw ValidationError("--rv-floor \(velocityFloor): must lie between 0 and 1000 km/s")
        }
        if groupBy?.isEmpty == true { throw ValidationError("--group-by: must name a column") }
    }

    /// By what spectra are known to be of one star.
    var grouping: StarGrouping {
        switch groupBy {
        case nil, "source-id": .sourceID
        case "position": .position(radius: radius ?? 3)
        case .some(let name): .column(name)
        }
    }

    /// By how much wavelength scales of visits differ, km/s.
    var floor: Double { velocityFloor ?? VisitVelocities.usualFloor }

    /// What decides the rows, for interrupted work.
    var description: String { "\(together) \(groupBy ?? "") \(radius ?? 3) \(visits ?? "") \(floor)" }
}
