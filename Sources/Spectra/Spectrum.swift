/// One observed spectrum as it came from a file: wavelengths are vacuum Å, strictly what the file says otherwise.
///
/// `wavelength`, `flux` and, where present, `ivar` and `mask` have the same length. A spectrum may still be unfit for
/// use (gaps, no signal, wrong unit): ``Instrument/prepare(_:options:acceptsMissingBands:)`` judges that.
public struct Spectrum: Sendable, Equatable {
    /// Vacuum wavelength of each pixel, Å.
    public var wavelength: [Double]
    /// Flux density, in the unit of the file (F_λ).
    public var flux: [Double]
    /// Inverse variance of the flux, in the inverse square of its unit; 0 where the pixel carries no information.
    public var ivar: [Double]?
    /// How the errors of two pixels go together: upper triangle, packed as (0,1), (0,2), (1,2), (0,3), …; nil where that is
    /// not known or was not asked for (`ReadingOptions.correlatesXP`).
    public var correlation: [Float]?
    /// True where the pixel is bad.
    public var mask: [Bool]?
    /// Identifier of the source: Gaia `source_id`, LAMOST `OBSID`, …
    public var sourceID: String?
    /// Whether the file tries to say who the source is, but in a form that tells nobody: a number that lost its digits, −1, 0.
    public var hasLostIdentity = false
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
    /// Resolving power λ/FWHM, where the file or the user states it.
    public var resolution: Double?
    /// How the file was understood.
    public var reading = SpectrumReading()
    /// What was assumed, left out or not understood, each a clause for the user to read; mostly none.
    public var notes: [String] = []

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

/// Where the arrays of a spectrum came from: what `specclip data info` prints.
public struct SpectrumReading: Sendable, Hashable {
    /// The layout of the file.
    public var layout = ""
    /// The part of the file: `HDU 1 COADD`.
    public var part = ""
    /// Column or keywords, with the unit.
    public var wavelength = ""
    /// `air` or `vacuum`, and who says so.
    public var medium = ""
    /// Column or row, with the unit.
    public var flux = ""
    /// What the errors are, empty where there are none.
    public var error = ""
    /// Which pixels are called bad, empty where nothing says so.
    public var mask = ""

    /// Nothing is known.
    public init() {}
}
