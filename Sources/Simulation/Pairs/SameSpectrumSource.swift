import Datasets
import Foundation
import Instruments
import Spectra
import Statistics
import Support

/// Tier `same-spectrum`: LRS and XP both simulated from one real spectrum that covers both.
struct SameSpectrumSource: PairSource {
    let instruments = [Instrument.lamostLRS, .gaiaXP]
    let labelNames = ["teff", "logg", "fe_h", "rv", "snr_lrs", "snr_xp"]
    let notes = [
        "Both spectra are simulated from one spectrum of STELIB 3.2 or of the MaStar cluster means.",
        XPResolution.assumption,
        "Neither library covers 336-1020 nm whole: the ends are continued with the slope of log flux over the last 300 Å "
            + "seen; there the inverse variance is 0.",
        "LRS: broadened by 0.4 to 0.6 pixels; MaStar (R 1400-2300) is as coarse as LAMOST or coarser below 5000 Å.",
        "Each spectrum is observed several times with other velocities and noise; all of one star are in one split. The "
            + "velocity is applied to the LRS only: 100 km/s is a tenth of an XP sample.",
        "STELIB is dereddened, MaStar corrected for foreground extinction: colours hold no reddening.",
    ]
    private let stars: [WideStar]
    private let options: PairOptions
    private let conditions: ObservingConditions

    /// A star brought to both instruments, free of noise.
    private struct WideStar: Sendable {
        var id: String
        var lrs: [Float]
        var xp: [Float]
        var isSeen: [Bool]
        var labels: [String: Double]
    }

    init(_ store: LibraryStore, _ options: PairOptions) throws {
        let candidates = try STELIBLibrary.stars(store) + MaStarLibrary.stars(store)
        stars = concurrentMap(candidates) { Self.widen($0) }.compactMap(\.self)
        self.options = options
        var conditions = options.conditions
        conditions.broadening = 0.4...0.6
        self.conditions = conditions
    }

    var count: Int { stars.count * options.realisations }

    func rows(_ wanted: [Int]) throws -> [PairCandidate] {
        concurrentMap(wanted) { index in
            let star = stars[index % stars.count]
            var generator = SeededGenerator(seed: options.seed, source: "\(star.id)#\(index / stars.count)")
            let lrs = conditions.observeLRS(star.lrs, .lamostLRS, using: &generator)
            var xp = conditions.observeXP(star.xp, using: &generator)
            for i in xp.ivar.indices where !star.isSeen[i] { xp.ivar[i] = 0 }
            let spectrum = LibraryStar(
                id: star.id,
                spectrum: Spectrum(
                    wavelength: Instrument.gaiaXP.grid.wavelengths, flux: xp.flux.map { Double($0) },
                    ivar: xp.ivar.map { Double($0) }),
                labels: [:])
            guard let prepared = RealXPSource.prepare(spectrum) else { return .skipped("no flux at 550 nm") }
            var labels = star.labels
            labels["rv"] = lrs.velocity
            labels["snr_lrs"] = lrs.snr
            labels["snr_xp"] = xp.snr
            return .row(
                PairedRow(
                    sourceID: star.id, flux: ["lamost": lrs.flux, "gaia": prepared.flux],
                    ivar: ["lamost": lrs.ivar, "gaia": prepared.ivar], labels: labels),
                options.splits.split(of: star.id))
        }
    }

    /// Brings a star to both instruments; nil if it has gaps or does not reach far enough.
    private static func widen(_ star: LibraryStar) -> WideStar? {
        var spectrum = star.spectrum
        let mask = spectrum.mask ?? [Bool](repeating: false, count: spectrum.flux.count)
        guard let first = mask.firstIndex(of: false), let last = mask.lastIndex(of: false),
            spectrum.wavelength[first] <= 3660, spectrum.wavelength[last] >= 9500,
            // Single bad pixels are bridged, gaps are not.
            mask[first...last].count(where: \.self) <= 20
        else { return nil }
        spectrum.wavelength = Array(spectrum.wavelength[first...last])
        spectrum.flux = bridged(Array(spectrum.flux[first...last]))
        spectrum.mask = nil
        spectrum.ivar = nil
        guard let lrs = try? ObservingConditions.widened(.lamostLRS).prepare(spectrum).flux else { return nil }
        let ends = spectrum.wavelength[0]...spectrum.wavelength[spectrum.wavelength.count - 1]
        let flux = extended(spectrum.wavelength, spectrum.flux)
        let grid = Instrument.gaiaXP.grid.wavelengths
        // Libraries give flux in cgs units, near the smallest 32-bit numbers: bring it to about 1.
        let scale = 1 / median(flux)
        let xp = XPResolution.toXP(flux.map { Float($0 * scale) })
        guard xp.allSatisfy({ $0.isFinite && $0 > 0 }) else { return nil }
        return WideStar(id: star.id, lrs: lrs, xp: xp, isSeen: grid.map { ends.contains($0) }, labels: star.labels)
    }

    /// Flux with missing values replaced by the last one seen.
    private static func bridged(_ flux: [Double]) -> [Double] {
        var last = flux.first ?? 0
        return flux.map { value in
            if value.isFinite { last = value }
            return last
        }
    }

    /// A spectrum as means over the pixels of the fine grid of ``XPResolution``, continued beyond its ends along the
    /// slope of log flux over the last 300 Å.
    private static func extended(_ wavelength: [Double], _ flux: [Double]) -> [Double] {
        guard let first = wavelength.first, let last = wavelength.last else { return [] }
        let fine = XPResolution.fine
        let step = fine[1] - fine[0]
        var sums = [Double](repeating: 0, count: fine.count)
        var counts = sums
        for (wavelength, flux) in zip(wavelength, flux) {
            let pixel = Int(((wavelength - fine[0]) / step).rounded())
            guard sums.indices.contains(pixel) else { continue }
            sums[pixel] += flux
            counts[pixel] += 1
        }
        let blue = logLine(wavelength, flux, first..<first + 300)
        let red = logLine(wavelength, flux, last - 300..<last)
        return fine.indices.map { i in
            if counts[i] > 0 { return sums[i] / counts[i] }
            return fine[i] < (first + last) / 2 ? blue(fine[i]) : red(fine[i])
        }
    }

    /// The straight line through log flux over a range of wavelengths, as flux.
    private static func logLine(
        _ wavelength: [Double], _ flux: [Double], _ range: Range<Double>
    ) -> (Double) -> Double {
        let points = zip(wavelength, flux).filter { range.contains($0.0) && $0.1 > 0 }.map { ($0.0, log($0.1)) }
        let n = Double(max(1, points.count))
        let centre = points.reduce(0) { $0 + $1.0 } / n
        let mean = points.reduce(0) { $0 + $1.1 } / n
        let square = points.reduce(0) { $0 + ($1.0 - centre) * ($1.0 - centre) }
        let product = points.reduce(0) { $0 + ($1.0 - centre) * ($1.1 - mean) }
        let slope = square > 0 ? product / square : 0
        return { exp(mean + slope * ($0 - centre)) }
    }
}
