import Datasets
import Foundation
import Instruments
import Spectra
import Statistics
import Support

/// Tier `real-xp`: the XP–APOGEE library as it is, split by source.
struct RealXPSource: PairSource {
    let instruments = [Instrument.gaiaXP]
    let labelNames = XPAPOGEELibrary.labelNames
    let notes = [
        "Split by a hash of the Gaia EDR3 source id, never by row.",
        "Flux divided by the flux at 550 nm; not dereddened. Label errors are those of APOGEE.",
        "`snr` is that of the XP spectrum: the median of its flux over its error.",
    ]
    private let library: XPAPOGEELibrary
    private let options: PairOptions

    init(_ store: LibraryStore, _ options: PairOptions) throws {
        library = try XPAPOGEELibrary(store)
        self.options = options
    }

    var count: Int { library.count }

    func rows(_ wanted: [Int]) throws -> [PairCandidate] {
        let splits = options.splits
        return concurrentMap(try library.stars(at: wanted)) { star in
            guard let (flux, ivar) = Self.prepare(star) else { return .skipped("no flux at 550 nm") }
            return .row(
                PairedRow(
                    sourceID: star.id, flux: ["gaia": flux], ivar: ["gaia": ivar], labels: star.labels),
                splits.split(of: star.id))
        }
    }

    /// The normalised XP spectrum of a star; nil if it cannot be normalised.
    static func prepare(_ star: LibraryStar) -> (flux: [Float], ivar: [Float])? {
        guard let prepared = try? Instrument.gaiaXP.prepare(star.spectrum), prepared.flux.allSatisfy(\.isFinite) else {
            return nil
        }
        return (prepared.flux, prepared.ivar ?? [Float](repeating: 0, count: prepared.flux.count))
    }
}

/// Tier `real-miles`: MILES stars on the grid of the LRS, split by star.
struct RealMILESSource: PairSource {
    let instruments = [Instrument.lamostLRS]
    let labelNames = ["teff", "logg", "fe_h"]
    let notes = [
        "MILES 9.1, air wavelengths turned into vacuum, FWHM 2.5 Å as published, at rest, no noise added.",
        "Continuum-normalised by the recipe of the LRS. The library states no errors: inverse variances are 0.",
        "Split by a hash of the star's number; the test stars are held out of the tier semi-synthetic as well.",
    ]
    private let stars: [LibraryStar]
    private let options: PairOptions

    init(_ store: LibraryStore, _ options: PairOptions) throws {
        stars = try MILESLibrary.stars(store)
        self.options = options
    }

    var count: Int { stars.count }

    func rows(_ wanted: [Int]) throws -> [PairCandidate] {
        let splits = options.splits
        return concurrentMap(wanted.map { stars[$0] }) { star in
            guard !star.labels.isEmpty else { return .skipped("no labels") }
            guard let prepared = try? Instrument.lamostLRS.prepare(star.spectrum) else {
                return .skipped("cannot be normalised")
            }
            return .row(
                PairedRow(sourceID: star.id, flux: ["lamost": prepared.flux], labels: star.labels),
                splits.split(of: star.id))
        }
    }

    /// MILES stars with all three labels, continuum-normalised on the widened LRS grid, for interpolation.
    static func templates(
        _ store: LibraryStore, where isKept: (LibraryStar) -> Bool = { _ in true }
    ) throws -> (labels: [LocalLinearInterpolator.Labels], spectra: [[Float]], ids: [String]) {
        let wide = ObservingConditions.widened(.lamostLRS)
        let prepared = concurrentMap(try MILESLibrary.stars(store).filter(isKept)) { star in
            LocalLinearInterpolator.Labels(star.labels).flatMap { labels in
                (try? wide.prepare(star.spectrum)).map { (labels, $0.flux, star.id) }
            }
        }.compactMap(\.self)
        return (prepared.map(\.0), prepared.map(\.1), prepared.map(\.2))
    }
}
