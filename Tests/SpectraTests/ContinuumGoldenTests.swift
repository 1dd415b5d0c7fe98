import Foundation
import GoldenNumbers
import Testing
@testable import Instruments
@testable import Spectra
@testable import Statistics
@testable import Tables

/// Continuum and resampling of LAMOST spectra against the published pipeline's own numbers, step by step.
///
/// Coefficients of the polynomials are not compared: ours are of another basis. Their fits (`cfit…`) are.
@Suite(.enabled(if: Goldens.arePresent, "\(Goldens.absence)"))
struct ContinuumGoldenTests {
    /// A spectrum of a golden file with all that the published pipeline made of it.
    struct Case: CustomStringConvertible, Sendable {
        let file: String
        let name: String
        let recipe: ContinuumRecipe
        let isFloat32: Bool
        let arrays: NPZ

        var description: String { name }

        func array(_ name: String) -> [Double]? { arrays["\(self.name).\(name)"]?.doubles }
        func wavelength() throws -> [Double] { try #require(array("wave")) }
        func flux() throws -> [Double] { try #require(array("flux")) }

        /// The error of `values` in the table, and as a number.
        func error(_ quantity: String, _ values: [Double], _ truth: [Double]) -> Double {
            Goldens.error("prep/\(file).npz", "\(name).\(quantity)", values, truth)
        }

        func plan() throws -> ContinuumPlan { .shared(try wavelength(), recipe, truncates: isFloat32) }
    }

    private struct Facts: Decodable {
        var name: String
        var cfsnr: Double
        var wdtype: String
    }

    static func cases(_ file: String) throws -> [Case] {
        let facts = try JSONDecoder().decode([Facts].self, from: Data(contentsOf: Goldens.file("prep/\(file).json")))
        let arrays = try Goldens.arrays("prep/\(file).npz")
        return facts.map { fact in
            Case(
                file: file, name: fact.name, recipe: ContinuumRecipe(signalToNoise: fact.cfsnr),
                isFloat32: fact.wdtype.contains("f4") || fact.wdtype.contains("float32"), arrays: arrays)
        }
    }

    /// numpy's fit is itself good to 1e-11 typically and to 2e-6 where a noisy continuum nears zero.
    @Test(arguments: [("gaspp_synthetic", 22), ("gaspp_real", 22)])
    func continuumAndNormalisedFlux(file: String, count: Int) throws {
        let cases = try Self.cases(file)
        #expect(cases.count == count)
        for golden in cases {
            let (wavelength, flux) = (try golden.wavelength(), try golden.flux())
            let expected = try #require(golden.array("continuum"))
            let continuum = try Continuum.fit(
                wavelength: wavelength, flux: flux, recipe: golden.recipe, truncatesRank: golden.isFloat32)
            #expect(golden.error("continuum", continuum, expected) < 1e-9, "\(golden)")
            let floor = 1e-3 * median(expected.map(abs))
            let differences = zip(continuum, expected).map { abs($0 - $1) / max(abs($1), floor) }
            #expect(median(differences) < 1e-10, "\(golden)")
            #expect((differences.max() ?? 1) < 2e-6, "\(golden)")
            let norm = try #require(golden.array("norm"))
            #expect(golden.error("norm", zip(flux, continuum).map { $0 / $1 }, norm) < 2e-6, "\(golden)")
        }
    }

    /// The steps inside of a fit, for the spectra whose steps were kept.
    @Test func stepsOfTheFit() throws {
        let cases = try Self.cases("gaspp_synthetic").filter { $0.array("medfilt") != nil }
        #expect(cases.count == 15)
        for golden in cases {
            let (wavelength, flux, plan) = (try golden.wavelength(), try golden.flux(), try golden.plan())
            let smooth = runningMedian(flux, width: golden.recipe.medianWidth)
            #expect(golden.error("medfilt", smooth, try #require(golden.array("medfilt"))) == 0, "\(golden)")

            let isSmoothed = golden.recipe.signalToNoise < 50
            func arm(_ range: Range<Int>) -> [Double] {
                isSmoothed ? Continuum.smoothed(smooth[range], golden.recipe) : Array(smooth[range])
            }
            // scipy solves for the coefficients of a wide window to 1e-12 itself.
            #expect(golden.error("savgol1", arm(plan.blue), try #require(golden.array("savgol1"))) < 1e-11, "\(golden)")
            // Where there is no red arm the published code names the whole spectrum so, and does not use it.
            if let red = golden.array("savgol2"), plan.redFit != nil {
                #expect(golden.error("savgol2", arm(plan.red), red) < 1e-11, "\(golden)")
            }
            let fit = try #require(plan.blueFit)
            let first = fit.values(fit.fit(fit.blocks(arm(plan.blue)[...])))
            #expect(golden.error("cfit0", first, try #require(golden.array("cfit0"))) < 1e-9, "\(golden)")

            let edited = try #require(golden.array("fran1_edited"))
            let peak = first.indices.max { first[$0] < first[$1] } ?? 0
            let isHot = wavelength[plan.blue.lowerBound + peak] < golden.recipe.hotStarPeak
            let blue = Array(smooth[plan.blue])
            let bridged = isHot ? Continuum.bridged(blue, wavelength: wavelength, plan: plan) : blue
            #expect(golden.error("fran1_edited", bridged, edited) < 1e-14, "\(golden)")
        }
    }

    /// The polynomials that the continuum takes over, where they are positive.
    @Test func polynomialsOfBothArms() throws {
        for golden in try Self.cases("gaspp_synthetic") {
            guard let blue = golden.array("cfit1") else { continue }
            let plan = try golden.plan()
            let continuum = try Continuum.fit(
                wavelength: try golden.wavelength(), flux: try golden.flux(), recipe: golden.recipe,
                truncatesRank: golden.isFloat32)
            for (name, arm, truth) in [("cfit1", plan.blue, blue), ("cfit2", plan.red, golden.array("cfit2") ?? [])]
            where !truth.isEmpty {
                let kept = truth.indices.filter { truth[$0] > 0 }
                let own = kept.map { continuum[arm.lowerBound + $0] }
                #expect(golden.error(name, own, kept.map { truth[$0] }) < 1e-9, "\(golden)")
            }
        }
    }

    /// The whole way of a LAMOST spectrum to the model's input.
    @Test(arguments: ["gaspp_synthetic", "gaspp_real"])
    func preparedFlux(file: String) throws {
        for golden in try Self.cases(file) {
            var instrument = Instrument.lamostLRS
            instrument.normalisation = .continuum(golden.recipe)
            let spectrum = Spectrum(
                wavelength: try golden.wavelength(), flux: try golden.flux(), origin: golden.name,
                wavelengthIsFloat32: golden.isFloat32)
            let prepared = try instrument.prepare(spectrum, options: PrepareOptions(referenceRounding: true))
            let expected = try #require(golden.array("interp"))
            let scale = expected.map(abs).max() ?? 1
            let error = golden.error("prepared", prepared.flux.map { Double($0) }, expected)
            #expect(error < 2e-6 + (try Self.rounding(golden)) / scale, "\(golden)")
        }
    }

    /// Interpolation of the published pipeline's own normalised flux: equal to the bit for 64-bit wavelengths.
    @Test(arguments: ["gaspp_synthetic", "gaspp_real"])
    func interpolation(file: String) throws {
        for golden in try Self.cases(file) {
            let resample = Resampling.shared(
                try golden.wavelength(), Instrument.lamostLRS.grid, roundsTo32Bits: golden.isFloat32)
            let (norm, expected) = (try #require(golden.array("norm")), try #require(golden.array("interp")))
            let error = golden.error("interp", resample(norm), expected)
            #expect(error * (expected.map(abs).max() ?? 1) <= (try Self.rounding(golden)), "\(golden)")
        }
    }

    /// log10 in 32 bits differs between builds of numpy by a unit in the last place, 0.24 % of a pixel at either
    /// neighbour: that share of the steepest step cannot be reproduced. 64-bit wavelengths have no such freedom.
    static func rounding(_ golden: Case) throws -> Double {
        guard golden.isFloat32 else { return 0 }
        let norm = try #require(golden.array("norm"))
        return 0.005 * (zip(norm, norm.dropFirst()).map { abs($0 - $1) }.max() ?? 0)
    }
}
