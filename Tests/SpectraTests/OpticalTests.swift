import Foundation
import Testing
@testable import Instruments
@testable import Spectra
@testable import Support

/// Preparation for `optical`: parts of spectra, divided by their own surroundings, with masks.
struct OpticalTests {
    /// A star with lines every 40 Å on pixels of 1.1 Å, from `low` to `high`.
    private static func star(
        from low: Double = 3500, to high: Double = 9300, shape: (Double) -> Double = { _ in 1 }
    ) -> Spectrum {
        let wavelength = Array(stride(from: low, through: high, by: 1.1))
        var flux: [Double] = []
        for place in wavelength {
            let offset: Double = place.truncatingRemainder(dividingBy: 40) - 20
            let depth: Double = exp(-offset * offset / 8)
            flux.append(shape(place) * (1 - 0.4 * depth))
        }
        return Spectrum(wavelength: wavelength, flux: flux, ivar: wavelength.map { _ in 1e4 })
    }

    /// Pixels in the bands of the air, and with them those beside.
    private static func blind() throws -> (inner: [Bool], outer: [Bool]) {
        let inner = try #require(Instrument.optical.blind)
        return (inner, inner.indices.map { inner[max(0, $0 - 2)...min(inner.count - 1, $0 + 2)].contains(true) })
    }

    /// Boxcars, one after the other, against the Gaussian itself, with a line fitted under it.
    @Test func theLevelIsThatOfALineUnderAGaussian() {
        let (count, sigma) = (600, 30.0)
        var flux = (0..<count).map { (i: Int) -> Double in 2 + sin(Double(i) / 40) }
        for i in stride(from: 7, to: count, by: 50) { flux[i] += 3 }
        let isBad = (0..<count).map { (200..<230).contains($0) }
        let level = LocalLevel.of(flux, where: isBad, sigma: sigma)
        for i in stride(from: 0, to: count, by: 7) {
            var (s0, s1, s2, t0, t1) = (0.0, 0.0, 0.0, 0.0, 0.0)
            for j in 0..<count where !isBad[j] {
                let distance: Double = Double(j - i) / sigma
                let weight: Double = exp(-0.5 * distance * distance)
                s0 += weight
                s1 += weight * distance
                s2 += weight * distance * distance
                t0 += weight * flux[j]
                t1 += weight * distance * flux[j]
            }
            let slope: Double = (t1 - s1 * t0 / s0) / (s2 - s1 * s1 / s0 + 0.02 * s0)
            let expected: Double = t0 / s0 - slope * s1 / s0
            #expect(abs(level[i] - expected) < 0.04 * expected)
        }
        #expect(LocalLevel.of([1, 2, 3], where: [true, true, true], sigma: 1) == [0, 0, 0])
        // A straight line is its own level, to its ends but for what holds slopes back.
        let line = (0..<count).map { (i: Int) -> Double in 100 + Double(i) }
        let own = LocalLevel.of(line, where: line.map { _ in false }, sigma: sigma)
        #expect(zip(line, own).allSatisfy { abs($0 - $1) < 0.02 * $0 })
    }

    /// Unit and flux calibration do not count: what is left of a slope is below a hundredth.
    @Test func theShapeOfASpectrumIsDividedOut() throws {
        let plain = try Instrument.optical.prepare(Self.star())
        let steep = try Instrument.optical.prepare(Self.star { 1e-17 * pow($0 / 5000, -3) })
        #expect(zip(plain.flux, steep.flux).allSatisfy { abs($0 - $1) < 0.01 })
        #expect(plain.continuum != nil && zip(plain.flux, plain.mask).allSatisfy { !$1 || $0 == 1 })
        let blind = try Self.blind()
        #expect(
            zip(plain.mask, blind.inner).allSatisfy { $0 || !$1 }
                && zip(plain.mask, blind.outer).allSatisfy { !$0 || $1 })
    }

    @Test(arguments: [(4000.0, 5600.0), (4750, 9350), (3600, 4100), (6000, 9200)])
    func aPartOfASpectrumIsReadWhereItIs(low: Double, high: Double) throws {
        let whole = try Instrument.optical.prepare(Self.star())
        let part = try Instrument.optical.prepare(Self.star(from: low, to: high))
        let wavelengths = Instrument.optical.grid.wavelengths
        // Bands of the air are never seen.
        let blind = try Self.blind()
        for (pixel, wavelength) in wavelengths.enumerated() where !blind.outer[pixel] {
            let isSeen = wavelength > low - 1.1 && wavelength < high + 1.1
            if wavelength < low - 1 || wavelength > high + 1 {
                #expect(part.mask[pixel] && part.flux[pixel] == 1 && part.ivar?[pixel] == 0)
            }
            // Within the reach of the mean from its ends a part lacks what the whole has there.
            let reach = wavelength * 0.05
            if isSeen, wavelength > low + reach, wavelength < high - reach {
                #expect(!part.mask[pixel] && abs(part.flux[pixel] - whole.flux[pixel]) < 0.02)
            }
        }
    }

    @Test func tooLittleIsRefused() throws {
        #expect {
            try Instrument.optical.prepare(Self.star(from: 5000, to: 5350))
        } throws: { "\($0)".contains("needs 400 Å") }
        #expect(throws: Diagnostic.self) { try Instrument.optical.prepare(Self.star(from: 9500, to: 10500)) }
    }

    /// Bad pixels are no part of the mean, and marked; what lies between two arms is missing.
    @Test func whatIsMissingIsMarked() throws {
        var bad = Self.star()
        let hole = bad.wavelength.indices.filter { (5000...5010).contains(bad.wavelength[$0]) }
        for pixel in hole {
            bad.flux[pixel] = 1e4
            bad.ivar?[pixel] = 0
        }
        let (clean, holed) = (try Instrument.optical.prepare(Self.star()), try Instrument.optical.prepare(bad))
        for (pixel, wavelength) in Instrument.optical.grid.wavelengths.enumerated() {
            if (5001...5009).contains(wavelength) { #expect(holed.mask[pixel]) }
            if abs(wavelength - 5005) > 8 { #expect(abs(holed.flux[pixel] - clean.flux[pixel]) < 0.01) }
        }
        let (blue, red) = (Self.star(from: 3700, to: 5900), Self.star(from: 6300, to: 9000))
        let arms = Spectrum(
            wavelength: blue.wavelength + red.wavelength, flux: blue.flux + red.flux,
            ivar: blue.flux.map { _ in 1 } + red.flux.map { _ in 1 })
        let prepared = try Instrument.optical.prepare(arms)
        for (pixel, wavelength) in Instrument.optical.grid.wavelengths.enumerated()
        where (5905...6295).contains(wavelength) {
            #expect(prepared.mask[pixel] && prepared.ivar?[pixel] == 0)
        }
    }

    @Test func theDefinitionSurvivesAFile() throws {
        let copy = try JSONDecoder().decode(Instrument.self, from: JSONEncoder().encode(Instrument.optical))
        #expect(copy == .optical && copy.leastCoverage == 400)
        #expect(try Instrument.named("optical") == .optical)
        let linear =
            #"{"grid": {"linear": {"start": 4000, "step": 1, "count": 99}}, "normalisation": {"smoothed": {"width": 0.01}}}"#
        #expect(throws: Diagnostic.self) { try JSONDecoder().decode(Instrument.self, from: Data(linear.utf8)) }
    }
}
