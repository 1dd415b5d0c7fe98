import Spectra

/// One spectrum on its way through a command, prepared for its instrument.
struct Star: Sendable {
    /// Where it came from: `file`, `file#row` for tables, `pairs.h5#row` for data sets.
    var name: String
    /// Identifier of the source; empty if unknown.
    var sourceID: String
    var instrument: Instrument
    /// Flux on the instrument's grid, with mask, continuum and signal-to-noise where the input has them.
    var prepared: PreparedSpectrum
    /// The spectrum as the file has it; absent for rows of a data set, which are stored prepared.
    var raw: Spectrum?
    /// Where it stands in the input.
    var position = InputPosition(part: 0, row: 0)
}

/// The place of a spectrum in a command's input, by which an interrupted command finds where to go on.
struct InputPosition: Comparable, Hashable, Sendable {
    /// The file among those given; in a data set, the instrument.
    var part: Int
    /// The spectrum within it.
    var row: Int

    static func < (a: InputPosition, b: InputPosition) -> Bool { (a.part, a.row) < (b.part, b.row) }
}
