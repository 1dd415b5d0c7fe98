import Foundation
import Spectra
import Support

/// Tells the instrument of a spectrum from its sampling: pixels of 1 Å and of 20 Å cannot be mistaken for each other,
/// while the wavelength ranges of instruments overlap.
enum InstrumentGuess {
    /// The instrument whose pixels are most like the spectrum's where both have any.
    static func instrument(of spectrum: Spectrum, among known: [Instrument]) -> Instrument? {
        guard known.count > 1 else { return known.first }
        let step = medianStep(spectrum.wavelength)
        return known.min { distance(step, $0.grid.medianStep) < distance(step, $1.grid.medianStep) }
    }

    /// How many times two steps differ, as a logarithm.
    private static func distance(_ step: Double, _ other: Double) -> Double {
        step > 0 && other > 0 ? abs(log(step / other)) : .infinity
    }

    /// The median step of some pixels, evenly spread: all of them would tell no more.
    private static func medianStep(_ wavelength: [Double]) -> Double {
        let steps = Array(1..<max(1, wavelength.count)).evenlySampled(255).map { wavelength[$0] - wavelength[$0 - 1] }
        let sorted = steps.filter(\.isFinite).sorted()
        return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    }
}
