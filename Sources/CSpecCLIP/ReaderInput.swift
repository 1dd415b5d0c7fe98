import Foundation
import Instruments
import Spectra
import StarReading
import Support
import Tables

/// Spectra of the caller as observations, with what was noted of them and what failed.
struct ReaderInput {
    /// Spectra that can be read, in their order; `position.row` is their number among those given.
    var observations: [Observation] = []
    private var notes: [(star: Int, text: String)] = []
    private var failures: [(star: Int, text: String)] = []

    /// Arguments that tell of spectra.
    private static let known = [
        "wavelength", "flux", "ivar", "error", "mask", "source_id", "snr", "ra", "dec", "resolution",
    ]

    /// - Parameters:
    ///   - options: those of all questions about spectra; others are left to be asked for.
    ///   - arguments: arrays of spectra.
    ///   - known: instruments that are read.
    ///   - drawn: instruments of which a missing band is drawn.
    /// - Throws: `Diagnostic` for what concerns all spectra, and, if `strict` is asked for, for the first that is of no use.
    init(
        _ options: Options, _ arguments: Arguments, among known: [Instrument], drawingBandsOf drawn: [Instrument] = []
    ) throws {
        try arguments.check(known: Self.known)
        let instrument = try options.text("instrument").map { try StarReader.instrument(named: $0, among: known) }
        var reading = ReadingOptions(as: instrument)
        reading.medium = try options.flag("air") ? .air : .vacuum
        let unit = try options.text("wavelength_unit").map {
            try WavelengthUnit(stated: $0, as: "--wavelength-unit \($0)")
        }
        let fluxUnit = try options.text("flux_unit") ?? ""
        let velocity = try options.number("rv") ?? 0
        guard abs(velocity) < 10_000 else {
            throw Diagnostic("--rv \(velocity)", problem: "must lie between -10000 and 10000 km/s")
        }
        let preparation = PrepareOptions(
            continuumIsDivided: try options.flag("normalised"), radialVelocity: velocity)
        let isStrict = try options.flag("strict")
        let first = try options.integer("first", in: 0...Int.max) ?? 0

        let statements = reading
        let results = concurrentMap(try Self.arrays(arguments, unit ?? .angstrom, fluxUnit, first)) { arrays in
            Result { () throws -> Observation in
                try Observation(
                    arrays.spectrum(statements), of: instrument, among: known, options: preparation,
                    drawingBandsOf: drawn)
            }
        }
        for (star, result) in results.enumerated() {
            switch result {
            case .success(var observation):
                observation.position = RowPosition(part: 0, row: star)
                notes += observation.prepared.notes.map { (star, $0) }
                observations.append(observation)
            case .failure(let error):
                if isStrict { throw error }
                failures.append((star, "\(error)"))
            }
        }
    }

    /// The arrays of each star.
    /// - Parameter first: the number that messages give to the first.
    private static func arrays(
        _ arguments: Arguments, _ unit: WavelengthUnit, _ fluxUnit: String, _ first: Int
    ) throws -> [SpectrumArrays] {
        guard let stars = arguments.count("flux"), let axes = arguments.count("wavelength") else {
            throw Diagnostic("wavelength, flux", problem: "are not both given", remedy: "give one array a star")
        }
        for name in ["wavelength", "ivar", "error", "mask"] {
            let count = name == "wavelength" && axes == 1 ? stars : arguments.count(name)
            guard let count, count != stars else { continue }
            throw Diagnostic(
                name, problem: "has \(count) arrays but there are \(stars) stars", remedy: "give one a star")
        }
        func each<Value>(_ name: String, _ values: [Value]?) throws -> [Value]? {
            guard let values, values.count != stars else { return values }
            throw Diagnostic(
                name, problem: "has \(values.count) values but there are \(stars) stars", remedy: "give one a star")
        }
        let ids = try each("source_id", arguments.texts("source_id"))
        let (snr, ra) = (try each("snr", arguments.numbers("snr")), try each("ra", arguments.numbers("ra")))
        let (dec, power) = (
            try each("dec", arguments.numbers("dec")), try each("resolution", arguments.numbers("resolution"))
        )
        func finite(_ values: [Double]?, _ star: Int) -> Double? {
            values.map { $0[star] }.flatMap { $0.isFinite ? $0 : nil }
        }
        let axis = axes == 1 ? try arguments.numbers("wavelength") : nil
        return try (0..<stars).map { star in
            var own = SpectrumArrays(
                wavelength: try axis ?? arguments.numbers("wavelength", star) ?? [],
                flux: try arguments.numbers("flux", star) ?? [],
                name: stars == 1 && first == 0 ? "spectrum" : "spectrum \(first + star)")
            (own.unit, own.fluxUnit) = (unit, fluxUnit)
            own.ivar = try arguments.numbers("ivar", star)
            own.error = try arguments.numbers("error", star)
            own.mask = try arguments.flags("mask", star)
            own.sourceID = ids.map { $0[star] }.flatMap { $0.isEmpty ? nil : $0 }
            (own.snr, own.ra, own.dec) = (finite(snr, star), finite(ra, star), finite(dec, star))
            own.resolution = finite(power, star)
            return own
        }
    }

    /// What was noted, and what failed.
    var tables: [(name: String, table: Table)] {
        [("notes", "note", notes), ("failures", "message", failures)].map { name, column, rows in
            (
                name,
                Table([
                    Column("star", .integers(rows.map(\.star))), Column(column, .text(rows.map(\.text))),
                ])
            )
        }
    }

    /// The answer to a question: rows with the number of their star, and what was noted and failed.
    /// - Parameters:
    ///   - rows: of the answer.
    ///   - stars: the number of each row's star; those of the observations by default.
    func answer(_ rows: Table, stars: [Int]? = nil) -> [(name: String, table: Table)] {
        let numbers = Column("star", .integers(stars ?? observations.map(\.position.row)))
        // What messages call a spectrum in memory tells nobody a file.
        return [("rows", Table([numbers] + rows.without("file").columns))] + tables
    }
}
