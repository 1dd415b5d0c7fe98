/// Kinds of data sets that can be made. They are never mixed in a report: every result names its tier.
public enum PairTier: String, Sendable, Codable, CaseIterable {
    /// Real Gaia XP spectra with APOGEE labels.
    case realXP = "real-xp"
    /// Real MILES spectra on the grid of the LRS, with labels.
    case realMILES = "real-miles"
    /// Real Gaia XP spectra, each with an LRS made for its labels from MILES.
    case semiSynthetic = "semi-synthetic"
    /// LRS and XP both simulated from one real spectrum of wide range (STELIB, MaStar).
    case sameSpectrum = "same-spectrum"
    /// For training, mixtures of MILES stars on the grid of the LRS; for validation and test, real MILES spectra.
    case milesMixtures = "miles-mixtures"
    /// Stars from formulas, for tests without any download.
    case procedural

    /// One line for people.
    public var summary: String {
        switch self {
        case .realXP: "real Gaia XP spectra with APOGEE labels"
        case .realMILES: "real MILES spectra on the LRS grid, with labels"
        case .semiSynthetic: "real Gaia XP spectra, LRS made for their labels from MILES"
        case .sameSpectrum: "LRS and XP simulated from one real STELIB or MaStar star"
        case .milesMixtures: "mixtures of MILES stars to train on, real MILES held out"
        case .procedural: "stars from formulas"
        }
    }

    /// The packages that must be in the cache.
    public var packages: [LibraryPackage] {
        switch self {
        case .realXP: [.gaiaXPAPOGEE]
        case .realMILES, .sameSpectrum, .milesMixtures: [.mangaTemplates]
        case .semiSynthetic: [.gaiaXPAPOGEE, .mangaTemplates]
        case .procedural: []
        }
    }
}
