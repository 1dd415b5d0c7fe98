import Spectra

extension Instrument {
    /// Gaia BP/RP (XP) spectra as sampled by the archive: 343 pixels, 336 to 1020 nm in steps of 2 nm, divided by the
    /// flux at 550 nm.
    public static let gaiaXP = Instrument(
        name: "gaia-xp", title: "Gaia XP",
        grid: .linear(start: 3360, step: 20, count: 343),
        normalisation: .pixel(wavelength: 5500),
        dataSetKey: "gaia", embeddingKey: "gaia_xp", fileUnit: .nanometre)
}
