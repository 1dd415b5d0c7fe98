import Datasets
import Foundation
import Instruments
import Spectra
import Support

/// Tiers `semi-synthetic` and `optical-pairs`: the real XP spectrum of a star, and one of another spectrograph made for its labels
/// from MILES.
struct SemiSyntheticSource: PairSource {
    var instruments: [Instrument] { [pairing.spectrograph.instrument, .gaiaXP] }
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
        pairing = Pairing(
            spectrograph: MeanStars(interpolator: interpolator, conditions: options.conditions), options: options)
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

    /// Pairs the library with spectra of `optical`.
    init(optical store: LibraryStore, _ options: PairOptions) throws {
        let splits = options.splits
        let stars = try MILESLibrary.stars(store).filter { splits.split(of: $0.id) == .train }
        let mixer = StarMixer(stars, .optical, seed: options.seed)
        library = try XPAPOGEELibrary(store)
        pairing = Pairing(spectrograph: MixedStars(mixer: mixer, options.conditions), options: options)
        notes = [
            "XP is real. The optical spectrum is simulated: it knows T_eff, log g and [Fe/H] of the star and nothing else.",
            "Optical: a mixture of \(mixer.interpolator.count) MILES stars of the training split at these labels, then a radial "
                + "velocity (`rv`, km/s), Gaussian broadening, noise of `snr_lrs` at 4400-5500 Å, and for half of them a window. "
                + "MILES ends at 7410 Å.",
            "Split by a hash of the Gaia EDR3 source id. `snr` is that of the XP spectrum.",
        ]
    }

    var count: Int { library.count }

    func rows(_ wanted: [Int]) throws -> [PairCandidate] {
        concurrentMap(try library.stars(at: wanted)) { [pairing] in pairing.candidate(for: $0) }
    }
}

/// Makes the spectrum that goes with one of XP.
private struct Pairing: Sendable {
    let spectrograph: any PairedSpectrograph
    let options: PairOptions

    func candidate(for star: LibraryStar) -> PairCandidate {
        guard let labels = LocalLinearInterpolator.Labels(star.labels) else { return .skipped("no [Fe/H]") }
        // A stream of its own for each row: the same whatever else is in the file.
        var generator = SeededGenerator(seed: options.seed, source: star.spectrum.origin)
        guard let seen = spectrograph.observe(labels, using: &generator) else {
            return .skipped("labels outside MILES coverage")
        }
        guard let xp = RealXPSource.prepare(star) else { return .skipped("no flux at 550 nm") }
        var values = star.labels
        values["rv"] = seen.velocity
        values["snr_lrs"] = seen.snr
        let key = spectrograph.instrument.dataSetKey
        return .row(
            PairedRow(
                sourceID: star.id, flux: ["gaia": xp.flux, key: seen.flux], ivar: ["gaia": xp.ivar, key: seen.ivar],
                labels: values),
            options.splits.split(of: star.id))
    }
}

/// What makes the spectrum that goes with an XP spectrum.
private protocol PairedSpectrograph: Sendable {
    var instrument: Instrument { get }
    /// A star of these labels as it is seen; nil where the library does not cover them.
    func observe(
        _ labels: LocalLinearInterpolator.Labels, using generator: inout SeededGenerator
    ) -> ObservingConditions.Observation?
}

/// Mean stars at their labels, by the LRS.
private struct MeanStars: PairedSpectrograph {
    let instrument = Instrument.lamostLRS
    /// On the widened grid.
    let interpolator: LocalLinearInterpolator
    let conditions: ObservingConditions

    func observe(
        _ labels: LocalLinearInterpolator.Labels, using generator: inout SeededGenerator
    ) -> ObservingConditions.Observation? {
        interpolator.predict(labels).map { conditions.observeLRS($0, instrument, using: &generator) }
    }
}

extension MixedStars: PairedSpectrograph {}
