/// How the flux of an instrument is brought to a common scale before a model sees it.
public enum Normalisation: Sendable, Codable, Hashable {
    /// Divided by a fitted continuum.
    case continuum(ContinuumRecipe)
    /// Divided by the flux at the grid pixel nearest to `wavelength` (Å).
    case pixel(wavelength: Double)
    /// Left as it is.
    case none
}
