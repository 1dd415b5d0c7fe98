import Figures
import Spectra
import StarReading
import Torch

extension Card.Translation {
    /// Spectra drawn beside the band.
    private static let shown = 8

    /// One star of a distribution.
    /// - Parameters:
    ///   - spectra: of some stars.
    ///   - star: which of them.
    ///   - target: the instrument.
    package init(_ spectra: SpectrumDistribution, star: Int, of target: Instrument) throws {
        let (band, samples) = (try spectra.band(), try spectra.samples(Self.shown))
        func row(_ tensor: Tensor) -> [Double] { tensor.select(0, star).doubles() }
        self.init(
            instrument: target.title, wavelength: target.grid.wavelengths, flux: row(band.flux), error: row(band.error),
            samples: (0..<Self.shown).map { row(samples.select(1, $0)) }, normalisation: target.normalisation.divisor)
    }
}
