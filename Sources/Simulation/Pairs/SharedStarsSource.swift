import Datasets
import Foundation
import Instruments
import Spectra
import Support

/// Tier `four-instruments`: the real XP spectrum of a star, and spectra of it by three spectrographs, made for its labels from
/// MILES. In training each star is seen by some of the four, in test by all.
///
/// The star is one: the labels of the XP star, and what sets it apart from the mean star of these labels (`StarMixer.Trait`). Each
/// spectrograph observes it by itself, with a velocity, a resolution and noise of its own. What is drawn for one instrument does
/// not depend on which others see the star: data sets that differ in this alone hold the same spectra.
struct SharedStarsSource: PairSource {
    let instruments: [Instrument]
    let labelNames: [String]
    let notes: [String]
    private let library: XPAPOGEELibrary
    private let sight: SharedSight

    /// - Throws: `Diagnostic` when a library is missing, or options name no instrument of the tier or ask for fewer than one or more
    ///   than there are.
    init(_ store: LibraryStore, _ options: PairOptions) throws {
        let splits = options.splits
        let instruments = [Instrument.gaiaXP, .optical, .opticalR500, .lamostLRS]
        try Self.check(options, among: instruments)
        library = try XPAPOGEELibrary(store)
        let stars = try MILESLibrary.stars(store).filter { splits.split(of: $0.id) == .train }
        let spectrographs = instruments.dropFirst().map { instrument in
            var (library, conditions) = (stars, options.conditions)
            // MILES resolves R = 1400 to 3000: it is brought to what is much coarser first, and little is to be added then.
            if let resolution = instrument.resolution, resolution < Self.resolution / 2 {
                for index in library.indices { library[index].spectrum.resolution = Self.resolution }
                conditions.broadening = 0.3...0.5
            }
            return MixedStars(mixer: StarMixer(library, instrument, seed: options.seed), conditions)
        }
        labelNames =
            XPAPOGEELibrary.labelNames
            + spectrographs.flatMap { ["rv_\($0.instrument.dataSetKey)", "snr_\($0.instrument.dataSetKey)"] }
        self.instruments = instruments
        sight = SharedSight(instruments: instruments, spectrographs: spectrographs, options: options)
        let count = sight.perStar
        notes = [
            "XP is real. The others are simulated: they know T_eff, log g and [Fe/H] of the XP star, and share a trait of a MILES star "
                + "near these labels, of which XP knows nothing. Pairs with XP can be matched no better than by the three labels.",
            "Each spectrograph observes the star by itself: velocity (`rv_…`, km/s), broadening, noise (`snr_…` at 4400-5500 Å), "
                + "for half of those of `optical` and `optical-r500` a window. MILES ends at 7410 Å.",
            "train, validation, calibration: each star seen by \(count) of \(instruments.count)"
                + (options.hub.map { ", \($0) always" } ?? "") + ". test: by all.",
            "Split by a hash of the Gaia EDR3 source id. `snr` is that of the XP spectrum.",
        ]
    }

    /// λ/FWHM of MILES (2.5 Å) at 5000 Å.
    private static let resolution = 2000.0

    static func check(_ options: PairOptions, among instruments: [Instrument]) throws {
        let names = instruments.map(\.name)
        if let count = options.instrumentsPerStar, !(1...names.count).contains(count) {
            throw Diagnostic(
                "pairs", field: "instrumentsPerStar", problem: "\(count) of \(names.count) instruments",
                remedy: "give 1 to \(names.count)")
        }
        if let hub = options.hub, !names.contains(hub) {
            throw Diagnostic(
                "pairs", field: "hub", problem: "'\(hub)' is no instrument of this tier",
                remedy: "give one of " + names.joined(separator: ", "))
        }
    }

    var count: Int { library.count }

    func rows(_ wanted: [Int]) throws -> [PairCandidate] {
        concurrentMap(try library.stars(at: wanted)) { [sight] in sight.candidate(for: $0) }
    }
}

/// How the instruments of the tier see a star.
struct SharedSight: Sendable {
    /// All of the tier.
    let instruments: [Instrument]
    /// Those that are simulated.
    let spectrographs: [MixedStars]
    let options: PairOptions

    /// How many instruments see a star outside of the test split.
    var perStar: Int { options.instrumentsPerStar ?? 2 }

    func candidate(for star: LibraryStar) -> PairCandidate {
        guard let labels = LocalLinearInterpolator.Labels(star.labels) else { return .skipped("no [Fe/H]") }
        guard let xp = RealXPSource.prepare(star) else { return .skipped("no flux at 550 nm") }
        var row = PairedRow(
            sourceID: star.id, flux: [Instrument.gaiaXP.dataSetKey: xp.flux],
            ivar: [Instrument.gaiaXP.dataSetKey: xp.ivar], labels: star.labels)
        // A star that XP has seen twice is one star: its trait goes by its identifier, what is observed by the row.
        var ownTrait = SeededGenerator(seed: options.seed, source: "\(star.id) trait")
        let trait = spectrographs.first?.mixer.trait(near: labels, &ownTrait) { donor in
            spectrographs.allSatisfy { $0.mixer.hasResidual(of: donor) }
        }
        for spectrograph in spectrographs {
            let (name, key) = (spectrograph.instrument.name, spectrograph.instrument.dataSetKey)
            var generator = SeededGenerator(seed: options.seed, source: "\(star.spectrum.origin) \(name)")
            guard let flux = spectrograph.mixer.spectrum(at: labels, with: trait),
                let seen = spectrograph.observe(flux, using: &generator)
            else { return .skipped("labels outside MILES coverage") }
            (row.flux[key], row.ivar[key]) = (seen.flux, seen.ivar)
            (row.labels["rv_\(key)"], row.labels["snr_\(key)"]) = (seen.velocity, seen.snr)
        }
        let split = options.splits.split(of: star.id)
        if split != .test {
            let kept = Set(seeing(star.id).map(\.dataSetKey))
            for key in row.flux.keys where !kept.contains(key) {
                (row.flux[key], row.ivar[key]) = (nil, nil)
                (row.labels["rv_\(key)"], row.labels["snr_\(key)"]) = (nil, nil)
            }
        }
        return .row(row, split)
    }

    /// The instruments that see a star outside of the test split: as many as the options say, drawn evenly, the hub among them.
    func seeing(_ star: String) -> [Instrument] {
        var generator = SeededGenerator(seed: options.seed, source: "\(star) seen by")
        let drawn = instruments.filter { $0.name != options.hub }.shuffled(using: &generator)
        let hub = instruments.filter { $0.name == options.hub }
        return Array((hub + drawn).prefix(perStar))
    }
}
