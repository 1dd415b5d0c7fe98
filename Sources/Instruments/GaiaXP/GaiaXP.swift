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

/// The spectral resolution of Gaia's prism spectra, as far as simulating them from finer spectra needs it.
package enum XPResolution {
    /// Full width at half maximum at a wavelength, Å: λ/R with R falling from 100 (330 nm) to 30 (640 nm) in BP and from
    /// 100 (640 nm) to 70 (1050 nm) in RP, the ranges that Montegriffo et al. (2023, A&A 674, A3) give, taken as linear
    /// in λ and joined over 640–680 nm where the two bands overlap.
    package static func fwhm(_ wavelength: Double) -> Double {
        let blue = 100 + (30 - 100) * (wavelength - 3300) / (6400 - 3300)
        let red = 100 + (70 - 100) * (wavelength - 6400) / (10500 - 6400)
        let mix = max(0, min(1, (wavelength - 6400) / 400))
        return wavelength / (max(30, blue) * (1 - mix) + red * mix)
    }

    /// The grid on which spectra are given to ``toXP``, Å: a tenth of the finest resolution element.
    package static let fine = Array(stride(from: 3000.0, through: 10_800, by: 4))

    /// From the fine grid to the samples of XP.
    package static let toXP = ResolutionMap(from: fine, to: Instrument.gaiaXP.grid.wavelengths, fwhm: fwhm)

    package static let assumption =
        "XP is simulated by Gaussian smoothing with FWHM = λ/R (R 100 to 30 over 330-640 nm, 100 to 70 over 640-1050 nm, "
        + "linear in λ) and sampling every 2 nm; noise correlated over 2 samples, no errors of calibration."
}
