import Spectra

extension Instrument {
    /// LAMOST low-resolution spectra, R ≈ 1800: continuum-normalised, 1462 pixels of 10⁻⁴ dex from 3999.45 to 5598.9 Å.
    public static let lamostLRS = Instrument(
        name: "lamost-lrs", title: "LAMOST LRS",
        grid: .logarithmic(log10Start: 3.602, step: 1e-4, count: 1462),
        normalisation: .continuum(ContinuumRecipe()),
        dataSetKey: "lamost", embeddingKey: "lamost_lrs", resolution: 1800)
}
