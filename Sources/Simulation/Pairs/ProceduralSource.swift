import Algorithms
import Datasets
import Foundation
import Instruments
import Spectra
import Support

/// Tier `procedural`: stars from formulas, seen by both instruments. Not stellar physics, but a problem of the same
/// shape: colours tell the temperature (and are reddened), lines tell temperature, gravity and metals, both through the
/// resolution and noise of the instruments. Needs no download.
struct ProceduralSource: PairSource {
    let instruments = [Instrument.lamostLRS, .gaiaXP]
    let labelNames = ["teff", "logg", "fe_h", "a_k", "rv", "snr_lrs", "snr_xp"]
    let notes = [
        "Stars from formulas: a Planck curve, reddened, with Gaussian lines whose depths follow T_eff, log g and [Fe/H]. "
            + "For tests; nothing can be learned from it about stars.",
        XPResolution.assumption,
    ]
    let count: Int
    private let options: PairOptions
    private let lrsWavelengths: [Double]

    init(_ options: PairOptions) {
        self.options = options
        count = options.limit ?? 2000
        lrsWavelengths = ObservingConditions.widened(.lamostLRS).grid.wavelengths
    }

    func rows(_ wanted: [Int]) throws -> [PairCandidate] {
        concurrentMap(wanted) { index in
            let id = "procedural \(index)"
            var generator = SeededGenerator(seed: options.seed, source: id)
            let star = ProceduralStar(using: &generator)
            let lines = star.transmission(lrsWavelengths)
            let lrs = options.conditions.observeLRS(lines.map { Float($0) }, .lamostLRS, using: &generator)
            let fine = XPResolution.fine
            let flux = zip(star.continuum(fine), star.transmission(fine)).map { Float($0 * $1) }
            let xp = options.conditions.observeXP(XPResolution.toXP(flux), using: &generator)
            let observed = LibraryStar(
                id: id,
                spectrum: Spectrum(
                    wavelength: Instrument.gaiaXP.grid.wavelengths, flux: xp.flux.map { Double($0) },
                    ivar: xp.ivar.map { Double($0) }),
                labels: [:])
            guard let prepared = RealXPSource.prepare(observed) else { return .skipped("no flux at 550 nm") }
            let labels = [
                "teff": star.teff, "logg": star.logg, "fe_h": star.feH, "a_k": star.extinction, "rv": lrs.velocity,
                "snr_lrs": lrs.snr, "snr_xp": xp.snr,
            ]
            return .row(
                PairedRow(
                    sourceID: id, flux: ["lamost": lrs.flux, "gaia": prepared.flux],
                    ivar: ["lamost": lrs.ivar, "gaia": prepared.ivar], labels: labels),
                options.splits.split(of: id))
        }
    }
}

/// A star from formulas.
struct ProceduralStar {
    var teff: Double
    var logg: Double
    var feH: Double
    /// Extinction in K, mag.
    var extinction: Double

    /// A random star: dwarfs and giants from 4000 to 8000 K.
    init(using generator: inout SeededGenerator) {
        teff = exp(generator.uniform(in: log(4000.0)...log(8000.0)))
        let isGiant = teff < 5500 && generator.uniform() < 0.5
        logg = isGiant ? generator.uniform(in: 0.8...3.6) : 4.4 + 0.2 * generator.gaussian()
        feH = max(-2.5, min(0.5, -0.3 + 0.5 * generator.gaussian()))
        extinction = -0.05 * log(1 - generator.uniform())
    }

    /// Planck curve with the extinction law A ∝ λ^-1.6, in arbitrary units near 1.
    func continuum(_ wavelengths: [Double]) -> [Double] {
        wavelengths.map { wavelength in
            let x = 1.438777e8 / (wavelength * teff)
            let micron = wavelength / 1e4
            let dimming = extinction * pow(micron / 2.16, -1.6)
            return pow(5500 / wavelength, 5) / (exp(x) - 1) * 100 * pow(10, -0.4 * dimming)
        }
    }

    /// What the lines let through, 0…1.
    func transmission(_ wavelengths: [Double]) -> [Double] {
        guard let first = wavelengths.first, let last = wavelengths.last else { return [] }
        var depth = [Double](repeating: 0, count: wavelengths.count)
        for line in Self.lines where line.wavelength > first - 100 && line.wavelength < last + 100 {
            let (strength, sigma) = line.profile(of: self)
            let start = wavelengths.partitioningIndex { $0 >= line.wavelength - 5 * sigma }
            for i in start..<wavelengths.count {
                let offset = (wavelengths[i] - line.wavelength) / sigma
                if offset > 5 { break }
                depth[i] += strength * exp(-0.5 * offset * offset)
            }
        }
        return depth.map { exp(-$0) }
    }

    /// A line: how its strength depends on the star.
    private struct Line {
        enum Kind { case balmer, neutralMetal, gravityMetal, ionisedMetal, molecule }
        var wavelength: Double
        var kind: Kind
        var strength: Double

        /// Optical depth in the centre and σ, Å.
        func profile(of star: ProceduralStar) -> (Double, Double) {
            let metals = pow(10, 0.5 * star.feH)
            let cool = 5000 / star.teff
            switch kind {
            case .balmer: return (strength * pow(star.teff / 8000, 4), 4 + 5 * pow(star.teff / 8000, 3))
            case .neutralMetal: return (strength * metals * pow(cool, 3), 1.8)
            case .gravityMetal:
                return (strength * metals * pow(cool, 3) * pow(10, 0.12 * (star.logg - 4)), 2 + 0.3 * star.logg)
            case .ionisedMetal: return (strength * metals * pow(10, -0.15 * (star.logg - 4)), 1.8)
            case .molecule:
                return (strength * pow(10, star.feH) * pow(cool, 6) * pow(10, -0.05 * (star.logg - 4)), 12)
            }
        }
    }

    /// The strong lines of F, G and K stars (vacuum Å, rounded).
    private static let lines: [Line] =
        [3970.1, 4102.9, 4341.7, 4862.7, 6564.6].map { Line(wavelength: $0, kind: .balmer, strength: 1.2) }
        + [
            4046.9, 4064.7, 4072.9, 4144.9, 4203.2, 4251.3, 4261.7, 4272.9, 4326.9, 4384.8, 4405.9, 4416.4, 4529.9,
            4669.4, 4872.6, 4892.9, 4921.9, 4958.9, 5013.5, 5042.3, 5111.9, 5228.6, 5271.0, 5329.5, 5372.9, 5398.6,
            5407.3, 5431.2, 5448.4, 5457.1, 5573.1, 5588.3, 6138.3, 6496.8,
        ].map { Line(wavelength: $0, kind: .neutralMetal, strength: 0.5) }
        + [4227.9, 5168.8, 5174.1, 5185.0, 5891.6, 5897.6, 8185.5, 8197.1]
        .map { Line(wavelength: $0, kind: .gravityMetal, strength: 0.9) }
        + [
            3934.8, 4078.9, 4216.7, 4234.3, 4523.9, 4550.7, 4585.1, 4925.3, 5019.8, 5170.5, 5317.9, 8500.4, 8544.4,
            8664.5,
        ]
        .map { Line(wavelength: $0, kind: .ionisedMetal, strength: 0.4) }
        + [4300, 4312, 4950, 5005, 5140, 5160, 5450, 5850, 6160, 6200, 6650, 7050, 7100, 7600]
        .map { Line(wavelength: $0, kind: .molecule, strength: 0.25) }
}
