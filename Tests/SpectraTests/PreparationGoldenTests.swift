import Foundation
import GoldenNumbers
import Testing
@testable import Instruments
@testable import Spectra
@testable import Statistics

/// Gaia XP spectra and the robust scatter against the published code's own numbers.
@Suite(.enabled(if: Goldens.arePresent, "\(Goldens.absence)"))
struct PreparationGoldenTests {
    @Test func gaiaXP() throws {
        let golden = "prep/xp_interp.npz"
        let arrays = try Goldens.arrays(golden)
        #expect(arrays["grid"]?.doubles?.map { $0 * 10 } == Instrument.gaiaXP.grid.wavelengths)
        let cases = arrays.names.filter { $0.hasSuffix(".out") }.map { $0.dropLast(4) }
        #expect(cases.count == 12)
        for name in cases {
            let spectrum = Spectrum(
                wavelength: try #require(arrays[name + ".wave"]?.doubles).map { $0 * 10 },
                flux: try #require(arrays[name + ".flux"]?.doubles), wavelengthIsFloat32: name.hasSuffix("_f32"))
            let prepared = try Instrument.gaiaXP.prepare(spectrum, options: PrepareOptions(referenceRounding: true))
            let expected = try #require(arrays[name + ".out"]?.doubles)
            // The model's input has 32 bits: half a unit in the last place is the least error there can be.
            let error = Goldens.error(golden, String(name), prepared.flux.map { Double($0) }, expected)
            #expect(error <= 0.5 * Double(Float.ulpOfOne) * 1.001, "\(name)")
            #expect(prepared.flux == expected.map { Float($0) }, "\(name)")
        }
    }

    @Test func robustScatter() throws {
        let golden = "prep/robust_sigma.npz"
        let arrays = try Goldens.arrays(golden)
        for n in 0..<5 {
            let values = try #require(arrays["in\(n)"]?.doubles)
            let expected = try #require(arrays["out\(n)"]?.doubles)
            let aboutZero = try #require(arrays["out_zero\(n)"]?.doubles)
            #expect(Goldens.error(golden, "out\(n)", [robustSigma(values)], expected) <= 1e-14)
            #expect(
                Goldens.error(golden, "out_zero\(n)", [robustSigma(values, aboutZero: true)], aboutZero) <= 1e-14)
        }
    }
}
