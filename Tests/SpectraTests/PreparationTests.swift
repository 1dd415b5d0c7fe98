import Foundation
import Testing
@testable import Instruments
@testable import Spectra
@testable import Statistics
@testable import Support

struct PreparationTests {
    /// A made-up spectrum with curvature, three lines and noise, on the grid of LAMOST files.
    static let example = example(slope: 0.3)

    /// The same, rising or falling with wavelength.
    static func example(slope: Double) -> Spectrum {
        let wavelength = (0..<3909).map { pow(10, 3.5682 + 1e-4 * Double($0)) }
        let flux = wavelength.enumerated().map { i, w in
            let x = (w - 6000) / 2000
            let lines = [(4861.3, 8.0, 0.4), (5175, 20, 0.3), (6562.8, 9, 0.2)].reduce(1.0) { sum, line in
                sum - line.2 * exp(-pow((w - line.0) / line.1, 2))
            }
            return 1000 * (1.2 + slope * x + 0.15 * x * x) * lines + 20 * sin(Double(i) * 0.7)
                + Double(i * 7919 % 101 - 50) * 0.5
        }
        return Spectrum(wavelength: wavelength, flux: flux, origin: "example")
    }

    /// Numbers from numpy 2.4 and scipy 1.17 following the published recipe; that program equals the published numbers to the last bit.
    @Test func continuumAndFlux() throws {
        let continuum = try Continuum.fit(wavelength: Self.example.wavelength, flux: Self.example.flux)
        let expected: [Int: Double] = [
            0: 1028.375330494197, 100: 1059.256443066719, 700: 1062.4073390710728, 1500: 1112.780488483466,
            2000: 1177.1366772490112, 2500: 1302.5741885382959, 3300: 1628.772793807584, 3908: 2032.0372315404902,
        ]
        for (pixel, value) in expected { #expect(abs(continuum[pixel] / value - 1) < 1e-9, "pixel \(pixel)") }
        let prepared = try Instrument.lamostLRS.prepare(Self.example)
        let flux: [Int: Float] = [
            0: 0.9640217671979591, 1: 0.9803280452855716, 400: 1.0152653621556984, 847: 0.5795870957649697,
            1120: 0.7209407271096739, 1461: 0.9922302307580317,
        ]
        for (pixel, value) in flux { #expect(abs(prepared.flux[pixel] - value) < 2e-7, "pixel \(pixel)") }
        #expect(prepared.mask == [Bool](repeating: false, count: 1462))
    }

    /// A star brightest in the blue is taken for hot: straight lines bridge its Balmer windows.
    @Test func hotStar() throws {
        let star = Self.example(slope: -0.3)
        let continuum = try Continuum.fit(wavelength: star.wavelength, flux: star.flux)
        let expected: [Int: Double] = [
            0: 1718.3797369756182, 100: 1723.2887740851752, 400: 1642.0953993458998, 700: 1561.244054385525,
            1180: 1430.5323802603302, 1500: 1344.7866393508625, 2000: 1216.6965683926928,
        ]
        for (pixel, value) in expected { #expect(abs(continuum[pixel] / value - 1) < 1e-9, "pixel \(pixel)") }
    }

    @Test func dividedContinuumIsLeftAlone() throws {
        var spectrum = Self.example
        let continuum = try Continuum.fit(wavelength: spectrum.wavelength, flux: spectrum.flux)
        let once = try Instrument.lamostLRS.prepare(spectrum)
        spectrum.flux = zip(spectrum.flux, continuum).map { $0 / $1 }
        let twice = try Instrument.lamostLRS.prepare(spectrum, options: PrepareOptions(continuumIsDivided: true))
        #expect(zip(once.flux, twice.flux).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(once.continuum != nil && twice.continuum == nil)
    }

    /// The continuum scales with the flux, so the normalised flux does not depend on the unit.
    @Test(arguments: [1e-17, 1e-3, 1, 1e6]) func scaleInvariance(scale: Double) throws {
        var spectrum = Self.example
        spectrum.flux = spectrum.flux.map { $0 * scale }
        spectrum.ivar = spectrum.flux.map { _ in 1 / (scale * scale * 400) }
        let prepared = try Instrument.lamostLRS.prepare(spectrum)
        let reference = try Instrument.lamostLRS.prepare(Self.example)
        #expect(zip(prepared.flux, reference.flux).allSatisfy { abs($0 - $1) < 1e-6 })
        // 20 units of noise under a continuum of about 1500.
        let snr = try #require(prepared.snr)
        #expect((50...90).contains(snr))
        let ivar = try #require(prepared.ivar)
        let continuum = try #require(prepared.continuum)
        #expect(abs(Double(ivar[700]) / pow(continuum[700] / scale / 20, 2) - 1) < 1e-6)
    }

    @Test func gapsAreBridgedAndMarked() throws {
        var spectrum = Self.example
        spectrum.flux[900] = .nan
        spectrum.flux[901] = .infinity
        spectrum.mask = spectrum.flux.indices.map { $0 == 1000 }
        spectrum.ivar = spectrum.flux.indices.map { $0 == 1100 ? 0 : 1 }
        let prepared = try Instrument.lamostLRS.prepare(spectrum)
        #expect(prepared.flux.allSatisfy { (0.3...1.3).contains($0) })
        // The grid starts at pixel 338 of the file.
        #expect(prepared.mask.indices.filter { prepared.mask[$0] } == [900, 901, 1000, 1100].map { $0 - 338 })
        #expect(prepared.ivar?[900 - 338] == 0)
    }

    @Test func radialVelocityIsRemoved() throws {
        var moving = Self.example
        moving.wavelength = RadialVelocity.shift(moving.wavelength, kmPerSecond: 150)
        let rest = try Instrument.lamostLRS.prepare(Self.example)
        let prepared = try Instrument.lamostLRS.prepare(moving, options: PrepareOptions(radialVelocity: 150))
        #expect(zip(rest.flux, prepared.flux).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test func sharedPlansDoNotMixUpSpectra() async throws {
        let wavelengths = (0..<24).map { shift in
            RadialVelocity.shift(Self.example.wavelength, kmPerSecond: Double(shift) * 3)
        }
        let alone = try wavelengths.map { try Continuum.fit(wavelength: $0, flux: Self.example.flux) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for (wavelength, expected) in zip(wavelengths + wavelengths, alone + alone) {
                group.addTask { try Continuum.fit(wavelength: wavelength, flux: Self.example.flux) == expected }
            }
            for try await isSame in group { #expect(isSame) }
        }
    }

    @Test func grids() throws {
        let lrs = Instrument.lamostLRS.grid
        #expect(lrs.count == 1462 && lrs.wavelengths.count == 1462)
        #expect(abs(lrs.range.lowerBound - 3999.45) < 0.01 && abs(lrs.range.upperBound - 5598.87) < 0.01)
        let xp = Instrument.gaiaXP.grid.wavelengths
        #expect(xp.first == 3360 && xp[107] == 5500 && xp.last == 10200)
        for instrument in Instrument.builtIn {
            let copy = try JSONDecoder().decode(Instrument.self, from: JSONEncoder().encode(instrument))
            #expect(copy == instrument)
            #expect(try Instrument.named(instrument.embeddingKey) == instrument)
        }
        #expect(throws: Diagnostic.self) { try Instrument.named("desi") }
    }

    @Test func airAndVacuum() {
        // Hα in vacuum 6564.61 Å, in air 6562.79 Å; [O III] 5008.24 and 5006.84 Å (SDSS line list).
        #expect(abs(AirVacuum.toAir(6564.614) - 6562.80) < 0.01)
        #expect(abs(AirVacuum.toVacuum(5006.843) - 5008.240) < 0.005)
        for wavelength in stride(from: 2100.0, to: 25000, by: 97) {
            #expect(abs(AirVacuum.toAir(AirVacuum.toVacuum(wavelength)) - wavelength) < 1e-9)
        }
    }

    @Test func biweightResistsOutliers() {
        let values = (0..<200).map { sin(Double($0) * 12.9898) } + [1e6, -1e7]
        #expect((0.6...0.9).contains(robustSigma(values)))
        #expect(robustSigma([3, 3, 3]) == 0)
    }

    @Test(arguments: [3, 5, 7, 11]) func medianMatchesSorting(width: Int) {
        var generator = SeededGenerator(seed: 7)
        let values = (0..<200).map { _ in Double(Int.random(in: -9...9, using: &generator)) }
        let medians = runningMedian(values, width: width)
        for i in values.indices {
            let window = (i - width / 2...i + width / 2).map { values.indices.contains($0) ? values[$0] : 0 }
            #expect(medians[i] == window.sorted()[width / 2])
        }
    }

    /// A spectrum moved by a velocity and back is the one it was, in its lines and in its noise.
    @Test func preparedSpectraComeToRest() {
        let grid = Instrument.lamostLRS.grid
        func lines(_ velocity: Double) -> [Float] {
            grid.wavelengths.map { wavelength in
                let rest = wavelength / RadialVelocity.factor(velocity)
                return Float(1 - 0.6 * [4341.7, 4862.7, 5175].reduce(0) { $0 + exp(-0.5 * pow((rest - $1) / 3, 2)) })
            }
        }
        for velocity in [-400.0, -33, 12, 250] {
            let found = Instrument.lamostLRS.atRest(lines(velocity), removing: velocity)
            let largest = zip(found, lines(0)).map { abs($0 - $1) }.max() ?? 1
            #expect(largest < 0.01, "\(velocity) km/s: \(largest)")
        }
        #expect(Instrument.lamostLRS.atRest(lines(0), removing: 0) == lines(0))
        #expect(Instrument.lamostLRS.atRest([1, 2], removing: 10) == [1, 2])
    }

    @Test func fluxAloneTellsItsNoise() throws {
        var random = SeededGenerator(seed: 4)
        for ratio in [2.0, 10, 100] {
            let flux = (0..<4000).map { Float(1 + 0.3 * sin(Double($0) / 50) + random.gaussian() / ratio) }
            let found = try #require(PreparedSpectrum.signalToNoise(ofFlux: flux))
            #expect(abs(found / ratio - 1) < 0.15)
        }
        #expect(PreparedSpectrum.signalToNoise(ofFlux: [1, 2, 3, 4]) == nil)
    }
}
