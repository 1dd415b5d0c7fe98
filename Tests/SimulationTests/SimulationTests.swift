import Foundation
import Testing
@testable import Instruments
@testable import Simulation
@testable import Spectra
@testable import Statistics
@testable import Support

@Suite("Simulated observations")
struct SimulationTests {
    @Test("Local linear regression is exact where spectra are linear in the labels", arguments: 0..<5)
    func linear(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        typealias Labels = LocalLinearInterpolator.Labels
        func spectrum(_ l: Labels) -> [Float] {
            (0..<20).map { pixel in
                let slope = 0.1 * Double(pixel) * log10(l.teff)
                return Float(1 + slope - 0.2 * l.logg + 0.03 * Double(pixel) * l.feH)
            }
        }
        let stars = (0..<400).map { _ in
            Labels(
                teff: generator.uniform(in: 4800...5300), logg: generator.uniform(in: 2...4),
                feH: generator.uniform(in: -1...0))
        }
        let interpolator = LocalLinearInterpolator(labels: stars, spectra: stars.map(spectrum))
        let wanted = Labels(teff: 5043, logg: 3.1, feH: -0.43)
        let predicted = try #require(interpolator.predict(wanted))
        // The ridge on the slopes allows a little bias.
        #expect(zip(predicted, spectrum(wanted)).allSatisfy { abs($0 - $1) < 2e-3 })
        #expect(interpolator.predict(Labels(teff: 9000, logg: 3, feH: 0)) == nil)
        #expect(interpolator.predict(Labels(teff: 5043, logg: 3.1, feH: -3)) == nil)
    }

    @Test("Blur and shift in one pass move a line and widen it as told", arguments: [-6.3, -1.0, 0.0, 0.49, 5.7])
    func blur(shift: Double) {
        let margin = ObservingConditions.margin(of: .lamostLRS)
        let (count, width, centre, sigma) = (300, 2.5, 150.0, 0.7)
        let line = (0..<count + 2 * margin).map { Float(exp(-0.5 * pow((Double($0 - margin) - centre) / width, 2))) }
        let blurred = LineSpread.blur(line, margin: margin, shift: shift, sigma: sigma)
        #expect(blurred.count == count)
        let total = blurred.reduce(0.0) { $0 + Double($1) }
        let mean = blurred.indices.reduce(0.0) { $0 + Double($1) * Double(blurred[$1]) } / total
        let variance = blurred.indices.reduce(0.0) { $0 + pow(Double($1) - mean, 2) * Double(blurred[$1]) } / total
        #expect(abs(mean - centre - shift) < 2e-3)
        #expect(abs(variance - width * width - sigma * sigma) < 0.02)
        let flat = LineSpread.blur(.init(repeating: 3, count: 60), margin: margin, shift: shift, sigma: sigma)
        #expect(flat.allSatisfy { abs($0 - 3) < 1e-5 })
    }

    @Test("A velocity moves lines by its Doppler shift, the noise is as large as the inverse variance says")
    func observation() {
        var conditions = ObservingConditions()
        let grid = ObservingConditions.widened(.lamostLRS).grid
        var generator = SeededGenerator(seed: 2)
        var pulls: [Double] = []
        for _ in 0..<20 {
            let seen = conditions.observeLRS(.init(repeating: 1, count: grid.count), .lamostLRS, using: &generator)
            #expect(seen.flux.count == 1462 && abs(seen.velocity) <= 500)
            pulls += zip(seen.flux, seen.ivar).map { Double(($0 - 1) * $1.squareRoot()) }
        }
        #expect(abs(robustSigma(pulls) - 1) < 0.02)
        conditions.lrsSignalToNoise = 400
        conditions.lrsSignalToNoiseSpread = 0
        conditions.velocitySigma = 300
        let rest = 5000.0
        let line = grid.wavelengths.map { Float(1 - 0.8 * exp(-0.5 * pow(($0 - rest) / 3, 2))) }
        let wavelengths = Instrument.lamostLRS.grid.wavelengths
        for _ in 0..<20 {
            let seen = conditions.observeLRS(line, .lamostLRS, using: &generator)
            let near = wavelengths.indices.filter { abs(wavelengths[$0] - rest) < 30 }
            let depth = near.reduce(0.0) { $0 + Double(1 - seen.flux[$1]) }
            let place = near.reduce(0.0) { $0 + Double(1 - seen.flux[$1]) * wavelengths[$1] } / depth
            #expect(abs(place - rest * RadialVelocity.factor(seen.velocity)) < 0.25)
        }
    }

    @Test("Smoothing to XP keeps a flat spectrum flat and gives a narrow line the width of the resolution")
    func resolution() {
        let fine = Array(stride(from: 3000.0, through: 10_800, by: 2))
        let coarse = Instrument.gaiaXP.grid.wavelengths
        let map = ResolutionMap(from: fine, to: coarse, fwhm: XPResolution.fwhm)
        #expect(map(.init(repeating: 2, count: fine.count)).allSatisfy { abs($0 - 2) < 1e-4 })
        for centre in [4000.0, 6000, 8500] {
            let line = map(fine.map { abs($0 - centre) < 1 ? 1 : 0 })
            let peak = line.max() ?? 0
            let width = Double(line.count { $0 > peak / 2 }) * 20
            #expect(abs(width - XPResolution.fwhm(centre)) < 45, "\(centre) \(width)")
        }
    }
}
