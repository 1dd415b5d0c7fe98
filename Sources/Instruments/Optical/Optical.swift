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
        gaps: air, resolution: 1800, leastCoverage: 400)

    /// The same at R = 500, a spectrograph of low dispersion: 1359 pixels of 3·10⁻⁴ dex, some three to a resolution element.
    public static let opticalR500 = Instrument(
        name: "optical-r500", title: "Optical spectrum at R 500",
        grid: .logarithmic(log10Start: 3.5563, step: 3e-4, count: 1359),
        normalisation: .smoothed(width: 0.012),
        dataSetKey: "optical_r500", embeddingKey: "optical_r500",
        gaps: air, resolution: 500, leastCoverage: 400)

    /// Where O₂ and H₂O absorb, Å: B, a, A, z and the rise to the next.
    private static let air = [6860...6970, 7160...7345, 7590...7720, 8110...8360, 8930.0...9210]
}
