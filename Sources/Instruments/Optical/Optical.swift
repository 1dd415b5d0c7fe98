import Spectra

extension Instrument {
    /// Any spectrograph of the optical: 4076 pixels of 10⁻⁴ dex from 3600 to 9200 Å, of which a spectrum must cover 400 Å; divided
    /// by its own level over some 3 % in wavelength, so that neither the flux calibration nor what is missing elsewhere counts.
    /// Finer spectra are smoothed to R = 1800, LAMOST's. Bands in which the air of the Earth absorbs tell of the weather, and are left
    /// out.
    public static let optical = Instrument(
        name: "optical", title: "Optical spectrum",
        grid: .logarithmic(log10Start: 3.5563, step: 1e-4, count: 4076),
        normalisation: .smoothed(width: 0.012),
        dataSetKey: "optical", embeddingKey: "optical",
        // O₂ and H₂O: B, a, A, z and the rise to the next.
        gaps: [6860...6970, 7160...7345, 7590...7720, 8110...8360, 8930...9210], resolution: 1800, leastCoverage: 400)
}
