import Testing
@testable import Spectra

@Suite struct UnitTests {
    /// As files of many surveys write them.
    @Test(arguments: [
        ("erg/s/cm2/A", FluxUnit.perWavelength), ("1E-17 erg/cm^2/s/Ang", .perWavelength),
        ("10**(-20)*erg/s/cm**2/Angstrom", .perWavelength), ("W.m**-2.nm**-1", .perWavelength),
        ("W / (nm m2)", .perWavelength), ("erg s^-1 cm^-2 Å^-1", .perWavelength), ("erg cm-2 s-1 AA-1", .perWavelength),
        ("Flux (10^-17 erg/s/cm^2/Ang)", .perWavelength), ("10**-17 erg/(s cm2 Angstrom)", .perWavelength),
        ("erg/s/cm**2/micron", .perWavelength), ("W m⁻² µm⁻¹", .perWavelength), ("flam", .perWavelength),
        ("mJy", .perFrequency), ("Jy", .perFrequency), ("nanomaggy", .perFrequency), ("erg/s/cm^2/Hz", .perFrequency),
        ("W m-2 Hz-1", .perFrequency), ("uJy", .perFrequency), ("ph/s/cm2/A", .photonsPerWavelength),
        ("photon / (s cm2 Angstrom)", .photonsPerWavelength), ("photon/s/cm2/Hz", .photonsPerFrequency),
        ("erg/s/cm2", .timesWavelength), ("10-16W/m2", .timesWavelength), ("counts", .uncalibrated),
        ("ADU", .uncalibrated),
        ("electron/s", .uncalibrated), ("", .uncalibrated), ("normalized flux", .uncalibrated),
        ("relative flux", .uncalibrated), ("e-/s", .uncalibrated),
        ("f-nu", .perFrequency),
    ])
    func fluxUnits(text: String, unit: FluxUnit) { #expect(FluxUnit(parsing: text) == unit) }

    @Test(arguments: ["mag", "ABmag", "K", "km/s", "Angstrom", "foo", "dex", "erg/s/cm2/A/A"])
    func noFlux(text: String) { #expect(FluxUnit(parsing: text) == nil) }

    /// F_ν of a flat F_λ, and photons of it, come back flat.
    @Test func conversions() {
        for wavelength in [3000.0, 5500, 9000] {
            let flux = [FluxUnit.perFrequency: wavelength * wavelength, .photonsPerWavelength: wavelength]
            for (unit, value) in flux { #expect(abs(value * unit.factor(at: wavelength) - 1) < 1e-12) }
        }
    }

    @Test(arguments: [
        ("Angstrom", WavelengthUnit.angstrom), ("0.1 nm", .angstrom), ("nm", .nanometre), ("micron", .micrometre),
        ("m", .metre),
        ("log10(Angstrom)", .log10Angstrom), ("Angstrom (air)", .angstrom), ("nm, vacuum", .nanometre), ("Hz", .hertz),
        ("1/cm", .perCentimetre), ("eV", .electronvolt), ("ln(AA)", .lnAngstrom),
    ])
    func wavelengthUnits(text: String, unit: WavelengthUnit) throws {
        #expect(WavelengthUnit(parsing: text) == unit)
        let light: [WavelengthUnit: Double] = [
            .angstrom: 5000, .nanometre: 500, .micrometre: 0.5, .metre: 5e-7, .log10Angstrom: 3.698_970_004_336_019,
            .hertz: 5.995_849_16e14, .perCentimetre: 20_000, .electronvolt: 2.479_683_968_664,
            .lnAngstrom: 8.517_193_191_416_238,
        ]
        #expect(abs(unit.angstrom([try #require(light[unit])])[0] - 5000) < 1e-6)
    }

    @Test func unitsAreGuessed() {
        #expect(WavelengthUnit.guessed(from: [3700, 5000, 9000]) == .angstrom)
        #expect(WavelengthUnit.guessed(from: [370, 500, 900]) == .nanometre)
        #expect(WavelengthUnit.guessed(from: [0.37, 0.5, 0.9]) == .micrometre)
        #expect(WavelengthUnit.guessed(from: [3.57, 3.7, 3.95]) == .log10Angstrom)
        #expect(WavelengthUnit.guessed(from: [3.7e-7, 9e-7]) == .metre)
        #expect(WavelengthUnit.guessed(from: [-1, .nan]) == nil)
    }
}
