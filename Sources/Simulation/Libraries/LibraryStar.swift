import Spectra

/// A star of a library: its spectrum and what is known of it.
public struct LibraryStar: Sendable {
    /// Identifier, unique in its library and the same for all spectra of one star.
    public var id: String
    /// The spectrum, vacuum Å.
    public var spectrum: Spectrum
    /// Labels by name: `teff` (K), `logg`, `fe_h`, `alpha_m` (dex), `a_k` (mag), errors with `e_` before the name.
    /// What the library does not know is absent.
    public var labels: [String: Double]

    /// A star from its parts.
    public init(id: String, spectrum: Spectrum, labels: [String: Double]) {
        self.id = id
        self.spectrum = spectrum
        self.labels = labels
    }
}
