import Foundation
import Spectra

/// A spectrum as a program has it in memory: read by the same rules as one of a file.
///
/// ```swift
/// var arrays = SpectrumArrays(wavelength: wavelength, flux: flux)
/// arrays.ivar = ivar
/// let spectrum = try arrays.spectrum(ReadingOptions())
/// ```
public struct SpectrumArrays: Sendable {
    /// Wavelength of each pixel, in `unit`, up or down.
    public var wavelength: [Double]
    /// What the wavelengths are in; nil lets the numbers tell.
    public var unit: WavelengthUnit?
    /// Flux of each pixel, in `fluxUnit`; NaN where there is none.
    public var flux: [Double]
    /// As FITS writes it (`mJy`, `erg s-1 cm-2 Angstrom-1`); empty for counts, or F_λ of any scale.
    public var fluxUnit = ""
    /// Inverse variance of the flux, in its inverse square; 0 where the pixel carries no information.
    public var ivar: [Double]?
    /// Standard deviation of the flux; not read where there is an inverse variance.
    public var error: [Double]?
    /// True where the pixel is bad.
    public var mask: [Bool]?
    /// Identifier of the source.
    public var sourceID: String?
    /// Signal-to-noise ratio per pixel, where it is known beside the errors.
    public var snr: Double?
    /// Right ascension, degrees (ICRS).
    public var ra: Double?
    /// Declination, degrees (ICRS).
    public var dec: Double?
    /// Resolving power λ/FWHM.
    public var resolution: Double?
    /// What messages call it.
    public var name: String

    /// A spectrum of which nothing else is known.
    /// - Parameters:
    ///   - wavelength: of each pixel, in one of the units of `WavelengthUnit`.
    ///   - flux: of each pixel.
    ///   - name: what messages call it.
    public init(wavelength: [Double], flux: [Double], name: String = "spectrum") {
        (self.wavelength, self.flux, self.name) = (wavelength, flux, name)
    }

    /// The spectrum, wavelengths in vacuum Å, ascending; flux per wavelength; errors as inverse variances. Arrays that do not fit
    /// each other are left as they are, for `Instrument.prepare(_:options:acceptsMissingBands:)` to say so.
    /// - Parameter options: what holds for all spectra, such as that wavelengths are those in air.
    /// - Throws: `Diagnostic` for a unit of flux that is not understood.
    public func spectrum(_ options: ReadingOptions) throws -> Spectrum {
        let lengths = [wavelength.count, ivar?.count, error?.count, mask?.count].compactMap { $0 }
        guard lengths.allSatisfy({ $0 == flux.count }) else {
            return Spectrum(
                wavelength: wavelength, flux: flux, ivar: ivar ?? error, mask: mask, sourceID: sourceID, origin: name)
        }
        var builder = SpectrumBuilder(options, origin: name, reading: SpectrumReading())
        (builder.wavelength, builder.unit) = (wavelength, unit)
        (builder.flux, builder.fluxUnit) = (flux, fluxUnit)
        (builder.ivar, builder.error) = (ivar, error)
        builder.flags = mask?.map { $0 ? 1 : 0 }
        var spectrum = try builder.build()
        (spectrum.sourceID, spectrum.snr, spectrum.ra, spectrum.dec) = (sourceID, snr, ra, dec)
        spectrum.resolution = resolution ?? spectrum.resolution
        return spectrum
    }
}
