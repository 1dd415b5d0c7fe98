import Testing
@testable import Instruments
@testable import Spectra
@testable import StarReading

/// Whose spectrum it is, where nobody says.
struct InstrumentChoiceTests {
    @Test(arguments: [
        (3700.0, 9100.0, 1.4, "lamost-lrs"), (4750, 9350, 1.25, "optical"), (4500, 9000, 1.3, "optical"),
        (3360, 10200, 20, "gaia-xp"), (3600, 9800, 0.8, "lamost-lrs"), (6000, 6600, 0.5, "optical"),
    ])
    func theNearestThatIsCovered(first: Double, last: Double, step: Double, name: String) {
        let wavelength = Array(stride(from: first, through: last, by: step))
        let spectrum = Spectrum(wavelength: wavelength, flux: wavelength.map { _ in 1 })
        #expect(Observation.instrument(of: spectrum, among: [.lamostLRS, .gaiaXP, .optical])?.name == name)
    }
}
