import Foundation

/// How the flux of an instrument is brought to a common scale before a model sees it.
public enum Normalisation: Sendable, Codable, Hashable {
    /// Divided by a fitted continuum.
    case continuum(ContinuumRecipe)
    /// Divided by the flux at the grid pixel nearest to `wavelength` (Å).
    case pixel(wavelength: Double)
    /// Left as it is.
    case none

    /// How flux is scaled, in words.
    public var text: String {
        if case .none = self { "as it is" } else { "divided by its \(divisor)" }
    }

    /// What flux is divided by, for axes.
    public var divisor: String {
        switch self {
        case .continuum: "continuum"
        case .pixel(let wavelength): String(format: "flux at %g Å", wavelength)
        case .none: "1"
        }
    }
}
