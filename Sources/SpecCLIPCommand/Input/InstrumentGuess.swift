import Foundation
import Spectra

/// Tells the instrument of a spectrum from its sampling: pixels of 1 Å and of 20 Å cannot be mistaken for each other,
/// while the wavelength ranges of instruments overlap.
enum InstrumentGuess {
    /// The instrument whose pixels are most like the spectrum's where both have any.
    static func instrument(of spectrum: Spectrum, among known: [Instrument]) -> Instrument? {
        known.count == 1
            ? known[0] : known.min { distance(spectrum.wavelength, $0.grid) < distance(spectrum.wavelength, $1.grid) }
    }

    /// How many times the steps differ, as a logarithm.
    private static func distance(_ wavelength: [Double], _ grid: WavelengthGrid) -> Double {
        let own = medianStep(grid.wavelengths)
        let theirs = medianStep(wavelength)
        guard own > 0, theirs > 0 else { return .infinity }
        return abs(log(theirs / own))
    }

    private static func medianStep(_ wavelength: [Double]) -> Double {
        let steps = zip(wavelength.dropFirst(), wavelength).map { $0 - $1 }.filter(\.isFinite).sorted()
        return steps.isEmpty ? 0 : steps[steps.count / 2]
    }
}
