import Datasets
import Foundation

/// How a data set is made.
public struct PairOptions: Sendable, Codable, Hashable {
    /// Seed of everything random but the splits; equal seeds give equal files.
    public var seed: UInt64
    /// Seed of the splits. Kept apart, so that files made with different seeds hold out the same stars.
    public var splitSeed: UInt64
    /// Share of the sources held out for validation.
    public var validation: Double
    /// Share of the sources held out for test.
    public var test: Double
    /// Share of the sources that tell how far off answers are.
    public var calibration: Double
    /// At most so many sources, evenly sampled (procedural: how many stars; nil makes 2000).
    public var limit: Int?
    /// Simulated observations of each spectrum in the tier `same-spectrum`.
    public var realisations: Int
    /// Instruments that see a star in training in the tier `four-instruments`; nil for two.
    public var instrumentsPerStar: Int?
    /// The instrument, by name, that is always one of these; nil where all are drawn evenly.
    public var hub: String?
    /// What observing does to simulated spectra.
    public var conditions: ObservingConditions

    /// Options; the defaults are those of the published data sets.
    public init(
        seed: UInt64 = 1, splitSeed: UInt64 = 0, validation: Double = 0.15, test: Double = 0.15,
        calibration: Double = 0, limit: Int? = nil, realisations: Int = 20, instrumentsPerStar: Int? = nil,
        hub: String? = nil,
        conditions: ObservingConditions = ObservingConditions()
    ) {
        self.seed = seed
        self.splitSeed = splitSeed
        self.validation = validation
        self.test = test
        self.calibration = calibration
        self.limit = limit
        self.realisations = realisations
        (self.instrumentsPerStar, self.hub) = (instrumentsPerStar, hub)
        self.conditions = conditions
    }

    /// The rule that puts sources into splits.
    public var splits: SplitAssignment {
        SplitAssignment(validation: validation, test: test, calibration: calibration, seed: splitSeed)
    }
}

/// Kinds of data sets that can be made. They are never mixed in a report: every result names its tier.
public enum PairTier: String, Sendable, Codable, CaseIterable {
    /// Real Gaia XP spectra with APOGEE labels.
    case realXP = "real-xp"
    /// Real MILES spectra on the grid of the LRS, with labels.
    case realMILES = "real-miles"
    /// Real Gaia XP spectra, each with an LRS made for its labels from MILES.
    case semiSynthetic = "semi-synthetic"
    /// Real Gaia XP spectra, each with one of `optical` made for its labels from MILES.
    case opticalPairs = "optical-pairs"
    /// Real Gaia XP spectra, each star also by some of three spectrographs made for its labels from MILES.
    case fourInstruments = "four-instruments"
    /// LRS and XP both simulated from one real spectrum of wide range (STELIB, MaStar).
    case sameSpectrum = "same-spectrum"
    /// For training, mixtures of MILES stars on the grid of the LRS; for validation and test, real MILES spectra.
    case milesMixtures = "miles-mixtures"
    /// The same for any spectrograph of the optical, with what MILES does not cover masked.
    case opticalMixtures = "optical-mixtures"
    /// Stars from formulas, for tests without any download.
    case procedural

    /// One line for people.
    public var summary: String {
        switch self {
        case .realXP: "real Gaia XP spectra with APOGEE labels"
        case .realMILES: "real MILES spectra on the LRS grid, with labels"
        case .semiSynthetic: "real Gaia XP spectra, LRS made for their labels from MILES"
        case .opticalPairs: "the same for any spectrograph (optical), with masks"
        case .fourInstruments: "real XP and three spectrographs, stars seen by some"
        case .sameSpectrum: "LRS and XP simulated from one real STELIB or MaStar star"
        case .milesMixtures: "mixtures of MILES stars to train on, real MILES held out"
        case .opticalMixtures: "mixtures of MILES stars for any spectrograph (optical)"
        case .procedural: "stars from formulas"
        }
    }

    /// The packages that must be in the cache.
    public var packages: [LibraryPackage] {
        switch self {
        case .realXP: [.gaiaXPAPOGEE]
        case .realMILES, .sameSpectrum, .milesMixtures, .opticalMixtures: [.mangaTemplates]
        case .semiSynthetic, .opticalPairs, .fourInstruments: [.gaiaXPAPOGEE, .mangaTemplates]
        case .procedural: []
        }
    }
}

/// Where a data set comes from, as kept in its `provenance` attribute. Holds no time and no path: files made twice are
/// equal.
struct PairProvenance: Encodable {
    struct Library: Encodable {
        var name: String
        var version: String
        var sha256: String
        var credit: String
    }

    var tier: String
    var summary: String
    var libraries: [Library]
    var options: PairOptions
    var notes: [String]
    var rows: [String: Int]
    var skipped: [String: Int]

    init(tier: PairTier, options: PairOptions, notes: [String], rows: [String: Int], skipped: [String: Int]) {
        self.tier = tier.rawValue
        summary = tier.summary
        libraries = tier.packages.map {
            Library(name: $0.name, version: $0.version, sha256: $0.sha256, credit: $0.credit)
        }
        self.options = options
        self.notes = notes
        self.rows = rows
        self.skipped = skipped
    }
}
