import Foundation
import TestFiles
import Testing
@testable import Instruments
@testable import Spectra
@testable import Support
@testable import Tables

/// Coefficients of Gaia XP spectra become what GaiaXPy's `calibrate` makes of them.
@Suite struct XPCoefficientTests {
    /// Arrays of a column of GaiaXPy's own answers.
    private static func answers(_ name: String, _ column: String) throws -> [[Double]] {
        let table = try DelimitedTable(
            try FileBytes.read(SharedFiles.url("data/gaia_xp/\(name)")), url: SharedFiles.root)
        let index = try #require(table.fields.firstIndex { $0.name == column })
        return try table.next(100).arrays(index)
    }

    private static func compare(_ spectra: [Spectrum], with answer: String) throws {
        let (flux, errors) = (try answers(answer, "flux"), try answers(answer, "flux_error"))
        try #require(spectra.count == flux.count)
        for (spectrum, (theirs, theirError)) in zip(spectra, zip(flux, errors)) {
            let largest = theirs.filter(\.isFinite).map(abs).max() ?? .nan
            for pixel in theirs.indices {
                guard theirs[pixel].isFinite else {
                    #expect(spectrum.flux[pixel].isNaN && spectrum.ivar?[pixel] == 0)
                    continue
                }
                #expect(abs(spectrum.flux[pixel] - theirs[pixel]) < 1e-6 * largest)
                let error = 1 / (spectrum.ivar?[pixel] ?? .nan).squareRoot()
                #expect(abs(error - theirError[pixel]) < 1e-6 * largest)
            }
        }
    }

    @Test(
        .enabled(if: SharedFiles.hasData, "\(SharedFiles.absent)"),
        arguments: [
            "XP_CONTINUOUS_RAW.csv", "XP_CONTINUOUS_RAW.ecsv", "XP_CONTINUOUS_RAW.fits", "XP_CONTINUOUS_RAW.xml",
            "XP_CONTINUOUS_RAW_plain.xml",
        ])
    func everyContainerGivesGaiaXPysAnswer(file: String) throws {
        let url = SharedFiles.url("data/gaia_xp/\(file)")
        let spectra = try SpectrumReader.read(url)
        try Self.compare(spectra, with: "calibrator_solution_default.csv")
        #expect(spectra.map(\.sourceID) == ["5853498713190525696", "5762406957886626816"])
        var options = ReadingOptions()
        options.truncatesXP = true
        try Self.compare(
            SpectrumReader.read(url, options: options), with: "calibrator_solution_truncation_default.csv")
    }

    /// Where a band is missing the other tells what it can; a model that is normalised in the gap refuses the star by name.
    @Test(
        .enabled(if: SharedFiles.hasData, "\(SharedFiles.absent)"),
        arguments: ["XP_CONTINUOUS_RAW_with_missing_BP.csv", "XP_CONTINUOUS_RAW_with_missing_BP.fits"])
    func aBandMayBeMissing(file: String) throws {
        let spectra = try SpectrumReader.read(SharedFiles.url("data/gaia_xp/\(file)"))
        try Self.compare(spectra, with: "with_missing_calibrator_solution.csv")
        #expect { try Instrument.gaiaXP.prepare(spectra[1]) } throws: { "\($0)".contains("missing around 5500 Å") }
    }

    /// The instrument's model on Gaia's own sampling: the table of the default sampling to what the model's tables are worth.
    @Test func samplingsAgree() throws {
        let release = try #require(XPRelease.known.first)
        #expect(release.title == "Gaia DR3" && release.bands.map(\.coefficients) == [55, 55])
        let (table, model) = (XPSampler(release), XPSampler(release, sampling: try XPSampling(parsing: "400:1000:2nm")))
        var generator = SeededGenerator(seed: 3)
        var bands: [String: XPCoefficients] = [:]
        for name in ["bp", "rp"] {
            bands[name] = XPCoefficients((0..<55).map { 1e4 * generator.gaussian() / Double(1 + $0 * $0) })
            bands[name]?.errors = ArraySlice((0..<55).map { _ in Float(1 + generator.uniform()) })
            bands[name]?.correlations = ArraySlice((0..<1485).map { _ in Float(0.02 * generator.gaussian()) })
        }
        let (all, part) = (table.sample(bands), model.sample(bands))
        let largest = all.flux.map(abs).max() ?? .nan
        for (place, wavelength) in model.sampling.enumerated() {
            let pixel = Int(((wavelength - 336) / 2).rounded())
            #expect(abs(part.flux[place] - all.flux[pixel]) < 1e-3 * largest)
        }
        // The error of any sum of samples, by their errors and correlations, is that of the same sum of coefficients, as the
        // map is linear.
        let sampled = model.sample(bands, correlates: true)
        let (errors, correlations) = (try #require(sampled.error), try #require(sampled.correlation))
        #expect(errors == part.error && correlations.allSatisfy { abs($0) <= 1.000_01 })
        for _ in 0..<3 {
            let factors = errors.map { generator.gaussian() / $0 }
            var bySamples = 0.0
            for j in errors.indices {
                for i in 0...j {
                    let correlation = i == j ? 1 : 2 * Double(correlations[j * (j - 1) / 2 + i])
                    bySamples += factors[i] * errors[i] * factors[j] * errors[j] * correlation
                }
            }
            var byCoefficients = 0.0
            for (name, band) in bands {
                let parts = (0..<55).map { a in
                    var unit = bands.mapValues { _ in XPCoefficients([Double](repeating: 0, count: 55)) }
                    unit[name]?.values[a] = Double(band.errors[a])
                    return zip(model.sample(unit).flux, factors).reduce(0) { $0 + $1.0 * $1.1 }
                }
                for b in 0..<55 {
                    for a in 0...b {
                        let correlation = a == b ? 1 : 2 * Double(band.correlations[b * (b - 1) / 2 + a])
                        byCoefficients += parts[a] * parts[b] * correlation
                    }
                }
            }
            #expect(abs(bySamples / byCoefficients - 1) < 1e-4)
        }
    }

    /// A spline through a cubic is that cubic, between the points and beyond them.
    @Test func splinesAreNotAKnot() {
        let x = [0.0, 1, 2.5, 3, 4.7, 6]
        func cubic(_ x: Double) -> Double { 1 - 2 * x + 0.3 * x * x + 0.1 * x * x * x }
        let spline = CubicSpline(x, x.map(cubic))
        for place in stride(from: -0.5, through: 6.5, by: 0.1) { #expect(abs(spline(place) - cubic(place)) < 1e-12) }
    }

    /// Coefficients that no known release can be asked about are refused by name.
    @Test(arguments: [
        (
            "bp_coefficients,rp_coefficients\n\"[1,2,3]\",\"[1,2,3]\"\n",
            "3 coefficients are of no release that is known"
        ),
        ("bp_basis_function_id,bp_coefficients\n99,\"\(Self.array(55))\"\n", "55 coefficients of basis 99"),
        ("bp_coefficients,bp_coefficient_errors\n\"\(Self.array(55))\",\"[1,2]\"\n", "2 errors for 55 coefficients"),
        (
            "source_id,rp_coefficients,rp_coefficient_errors,rp_coefficient_correlations\n"
                + "7,\"\(Self.array(55))\",\"\(Self.array(55))\",\"[0.5]\"\n",
            "source 7: 1 correlations for 55 coefficients"
        ),
        ("bp_coefficients\n\"\(Self.array(54)),NaN\"\n", "is not finite"),
    ])
    func whatIsOfNoReleaseIsNamed(text: String, words: String) throws {
        let folder = try TemporaryFolder()
        let url = folder.file("xp.csv")
        try Data(text.replacing("],NaN", with: ",NaN]").utf8).write(to: url)
        #expect { try SpectrumReader.read(url) } throws: { error in
            let line = "\(error)"
            return line.contains(words) && !line.contains("\n")
        }
    }

    private static func array(_ count: Int) -> String {
        "[" + (0..<count).map { "\($0)" }.joined(separator: ",") + "]"
    }

    @Test(arguments: ["", "400:900", "900:400:1", "300:500:1nm", "400:1100:1", "a:b:c", "400:500:0"])
    func noSampling(text: String) { #expect(throws: Diagnostic.self) { try XPSampling(parsing: text) } }
}
