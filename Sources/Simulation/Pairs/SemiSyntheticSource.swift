import Datasets
import Foundation
import Instruments
import Spectra
import Support

/// Tier `semi-synthetic`: the real XP spectrum of a star, and an LRS made for its labels from MILES.
struct SemiSyntheticSource: PairSource {
    let instruments = [Instrument.lamostLRS, .gaiaXP]
    let labelNames = XPAPOGEELibrary.labelNames + ["rv", "snr_lrs"]
    let notes: [String]
    private let library: XPAPOGEELibrary
    private let pairing: Pairing

    init(_ store: LibraryStore, _ options: PairOptions) throws {
        let splits = options.splits
        let templates = try RealMILESSource.templates(store) { splits.split(of: $0.id) != .test }
        self.init(
            library: try XPAPOGEELibrary(store), options: options,
            interpolator: LocalLinearInterpolator(labels: templates.labels, spectra: templates.spectra))
    }

    /// Pairs the library with an interpolator on the widened LRS grid.
    init(library: XPAPOGEELibrary, options: PairOptions, interpolator: LocalLinearInterpolator) {
        self.library = library
        pairing = Pairing(interpolator: interpolator, options: options)
        notes = [
            "XP is real. The LRS is simulated: it knows T_eff, log g and [Fe/H] of the star and nothing else, so pairs "
                + "can be matched no better than by these three.",
            "LRS: local linear regression over \(interpolator.count) continuum-normalised MILES stars (test stars of the tier "
                + "real-miles held out), kernel (0.015, 0.35, 0.20) in (log Teff, log g, [Fe/H]), where the kernel weights "
                + "sum to \(interpolator.leastWeight) or more.",
            "Then a radial velocity (`rv`, km/s), Gaussian broadening, and noise of `snr_lrs` at 4400-5500 Å falling to "
                + "the blue as in LAMOST spectra. The continuum is that of the noise-free spectrum.",
            "Split by a hash of the Gaia EDR3 source id. `snr` is that of the XP spectrum.",
        ]
    }

    var count: Int { library.count }

    func rows(_ wanted: [Int]) throws -> [PairCandidate] {
        concurrentMap(try library.stars(at: wanted)) { [pairing] in pairing.candidate(for: $0) }
    }
}

/// Makes the LRS that goes with an XP spectrum.
private struct Pairing: Sendable {
    let interpolator: LocalLinearInterpolator
    let options: PairOptions

    func candidate(for star: LibraryStar) -> PairCandidate {
        guard let labels = LocalLinearInterpolator.Labels(star.labels) else { return .skipped("no [Fe/H]") }
        guard let wide = interpolator.predict(labels) else { return .skipped("labels outside MILES coverage") }
        guard let xp = RealXPSource.prepare(star) else { return .skipped("no flux at 550 nm") }
        // A stream of its own for each row: the same whatever else is in the file.
        var generator = SeededGenerator(seed: options.seed, source: star.spectrum.origin)
        let lrs = options.conditions.observeLRS(wide, .lamostLRS, using: &generator)
        var values = star.labels
        values["rv"] = lrs.velocity
        values["snr_lrs"] = lrs.snr
        return .row(
            PairedRow(
                sourceID: star.id, flux: ["gaia": xp.flux, "lamost": lrs.flux],
                ivar: ["gaia": xp.ivar, "lamost": lrs.ivar], labels: values),
            options.splits.split(of: star.id))
    }
}
