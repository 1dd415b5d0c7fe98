import Foundation
import Spectra
import Support

/// What a user says of files that they do not say themselves, or which part of them is meant.
public struct ReadingOptions: Sendable, Hashable {
    /// Whose spectra they are: settles what the file leaves open.
    public var instrument: Instrument?
    /// What the wavelengths are in.
    public var medium: Medium?
    /// The unit of the wavelengths.
    public var wavelengthUnit: WavelengthUnit?
    /// What the flux is per, by the names of `FluxUnit`.
    public var fluxUnit: String?
    /// Resolving power λ/FWHM.
    public var resolution: Double?
    /// Number (from 0) or name of the HDU.
    public var part: String?
    /// Number of the spectrum in the file, from 1.
    public var row: Int?
    /// Columns by what they are for: names of ``ColumnRole``.
    public var columns: [String: String] = [:]

    /// Where continuous Gaia XP spectra are sampled; nil takes Gaia's own 343 wavelengths.
    public var xpSampling: XPSampling?
    /// Whether coefficients of XP spectra that tell no more than noise are left out.
    public var truncatesXP = false
    /// Bytes that a packed file may unpack to; nil for any number. For files that others sent.
    package var mostUnpacked: Int?
    /// Whether correlations between sampled fluxes of XP coefficients are worked out: 58,653 numbers for Gaia's sampling.
    public var correlatesXP = false

    /// Nothing is said.
    public init(as instrument: Instrument? = nil) { self.instrument = instrument }

    /// These options for a path that may choose a part of its file: `star.fits[2]`, `star.fits[COADD]`, `table.csv#7`.
    /// - Returns: the file, and the options with what the path chose.
    public func resolving(_ path: String) -> (url: URL, options: ReadingOptions) {
        var (options, path) = (self, path)
        func exists() -> Bool { FileManager.default.fileExists(atPath: path) }
        if !exists(), let match = path.wholeMatch(of: /(.+)#(\d+)/), let row = Int(match.2), row > 0 {
            (options.row, path) = (row, String(match.1))
        }
        if !exists(), let match = path.wholeMatch(of: /(.+)\[([^\[\]]+)\]/) {
            (options.part, path) = (String(match.2), String(match.1))
        }
        return (URL(fileURLWithPath: path), options)
    }

    var chosenColumns: [ColumnRole: String] {
        Dictionary(
            uniqueKeysWithValues: columns.compactMap { key, name in ColumnRole(rawValue: key).map { ($0, name) } })
    }
}
