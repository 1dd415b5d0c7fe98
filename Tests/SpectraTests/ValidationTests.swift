import Foundation
import Testing
@testable import Instruments
@testable import Spectra

/// Every spectrum that cannot be used is refused by an error that says what is wrong and what to do.
struct ValidationTests {
    static func message(_ change: (inout Spectrum) -> Void, _ instrument: Instrument = .lamostLRS) -> String {
        var spectrum = PreparationTests.example
        change(&spectrum)
        do {
            _ = try instrument.prepare(spectrum)
            return "no error"
        } catch {
            return String(describing: error)
        }
    }

    static let cases: [(String, @Sendable (inout Spectrum) -> Void)] = [
        ("is NaN at every pixel", { $0.flux = $0.flux.map { _ in .nan } }),
        ("is NaN at 1362 of 1462 pixels of the instrument", { s in for i in 0..<1700 { s.flux[i] = .nan } }),
        ("zero variance", { $0.flux = $0.flux.map { _ in 2 } }),
        ("looks like nm; multiply by 10", { $0.wavelength = $0.wavelength.map { $0 / 10 } }),
        ("looks like log10 of Å; give 10^x", { $0.wavelength = $0.wavelength.map { log10($0) } }),
        ("looks like the natural logarithm", { $0.wavelength = $0.wavelength.map { log($0) } }),
        ("looks like µm", { $0.wavelength = $0.wavelength.map { $0 / 1e4 } }),
        ("reverse the pixel order", { $0.wavelength.reverse() }),
        ("does not increase at pixel 10 ", { $0.wavelength[10] = $0.wavelength[9] }),
        ("is nan at pixel 3", { $0.wavelength[3] = .nan }),
        ("has 3908 values but there are 3909 wavelengths", { $0.flux.removeLast() }),
        ("the spectrum has 0 pixels", { ($0.flux, $0.wavelength) = ([], []) }),
        ("ivar: has 1 values but the flux has 3909", { $0.ivar = [1] }),
        ("signal-to-noise ratio: is -9999, not positive", { $0.snr = -9999 }),
        ("flux: is not above 0 at 1462 of 1462 pixels", { $0.flux = $0.flux.map { -abs($0) - 1e-3 } }),
        ("ivar: is above 0 at no pixel", { $0.ivar = $0.flux.map { _ in 0 } }),
        ("ivar: is above 0 at no pixel", { $0.ivar = $0.flux.map { _ in -1 } }),
        ("signal-to-noise ratio: is 0, not positive", { $0.snr = 0 }),
    ]

    @Test(arguments: cases.indices) func refusals(index: Int) {
        let (expected, change) = Self.cases[index]
        let message = Self.message(change)
        #expect(message.contains(expected), "\(message)")
        #expect(message.hasPrefix("example: ") && !message.contains("\n") && message.contains("; "))
    }

    @Test func missingCoverageIsMeasured() {
        let message = Self.message { spectrum in
            spectrum.wavelength.removeFirst(500)
            spectrum.flux.removeFirst(500)
        }
        #expect(message.contains("152.0 Å at the blue end is missing"), "\(message)")
        let both = Self.message { spectrum in
            spectrum.wavelength = (0..<500).map { 4100 + 2 * Double($0) }
            spectrum.flux = Array(spectrum.flux.prefix(500))
        }
        #expect(both.contains("100.6 Å at the blue end and 500.9 Å at the red end are missing"), "\(both)")
    }

    @Test func weakXPSpectrum() {
        let message = Self.message(
            { spectrum in
                spectrum.wavelength = (0..<343).map { 3360 + 20 * Double($0) }
                spectrum.flux = (0..<343).map { $0 == 107 ? -1 : Double($0) }
            }, .gaiaXP)
        #expect(message.contains("is -1 at 5500 Å, where Gaia XP is normalised"), "\(message)")
    }
}
