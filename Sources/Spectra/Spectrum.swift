/// One observed spectrum as it came from a file: wavelengths are vacuum Å, strictly what the file says otherwise.
///
/// `wavelength`, `flux` and, where present, `ivar` and `mask` have the same length. A spectrum may still be unfit for
/// use (gaps, no signal, wrong unit): ``Instrument/prepare(_:options:)`` judges that.
public struct Spectrum: Sendable, Equatable {
    /// Vacuum wavelength of each pixel, Å.
    public var wavelength: [Double]
    /// Flux density, in the unit of the file (F_λ).
    public var flux: [Double]
    /// Inverse variance of the flux, in the inverse square of its unit; 0 where the pixel carries no information.
    public var ivar: [Double]?
    /// True where the pixel is bad.
    public var mask: [Bool]?
    /// Identifier of the source: Gaia `source_id`, LAMOST `OBSID`, …
    public var sourceID: String?
    /// Right ascension, degrees (ICRS).
    public var ra: Double?
    /// Declination, degrees (ICRS).
    public var dec: Double?
    /// Signal-to-noise ratio per pixel (LAMOST: in the g band), as the file states it.
    public var snr: Double?
    /// Facts of the header or the table row, by upper-case keyword.
    public var header: [String: String]
    /// Where it came from: `file`, or `file#row` for tables of many spectra.
    public var origin: String
    /// True when the file holds the wavelengths as 32-bit numbers; matters only for ``PrepareOptions/referenceRounding``.
    public var wavelengthIsFloat32: Bool

    /// A spectrum from its parts; wavelengths in vacuum Å.
    public init(
        wavelength: [Double], flux: [Double], ivar: [Double]? = nil, mask: [Bool]? = nil, sourceID: String? = nil,
        ra: Double? = nil, dec: Double? = nil, snr: Double? = nil, header: [String: String] = [:],
        origin: String = "memory", wavelengthIsFloat32: Bool = false
    ) {
        self.wavelength = wavelength
        self.flux = flux
        self.ivar = ivar
        self.mask = mask
        self.sourceID = sourceID
        self.ra = ra
        self.dec = dec
        self.snr = snr
        self.header = header
        self.origin = origin
        self.wavelengthIsFloat32 = wavelengthIsFloat32
    }
}
