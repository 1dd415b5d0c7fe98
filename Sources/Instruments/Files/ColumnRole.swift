import Foundation
import Spectra
import Support

/// What a column of a table is for, judged by its name; shared by FITS and text tables.
enum ColumnRole: CaseIterable {
    case wavelength, flux, ivar, error, mask, sourceID, ra, dec, snr

    /// Names as they occur in the wild, lower case; the earlier wins.
    var names: [String] {
        switch self {
        case .wavelength:
            ["wavelength", "wave", "lambda", "loglam", "lam", "wavelengths", "wavelength_nm", "wavelength_angstrom"]
        case .flux: ["flux", "intensity", "spec", "spectrum", "fluxes"]
        case .ivar: ["ivar", "invvar", "inverse", "inverse_variance"]
        case .error: ["flux_error", "flux_err", "fluxerr", "error", "err", "sigma", "uncertainty"]
        case .mask: ["andmask", "and_mask", "mask", "badpix"]
        case .sourceID: ["source_id", "gaia_source_id", "gaiaedr3_source_id", "gaiadr3_source_id", "sourceid", "obsid"]
        case .ra: ["ra", "ra_icrs"]
        case .dec: ["dec", "de_icrs"]
        case .snr: ["snrg", "sn_g", "sn_median_all", "snr_g"]
        }
    }

    /// Index of the column of this role among `columns`, whatever their case; a unit in brackets after the name counts
    /// as no part of it.
    func index(in columns: [String]) -> Int? {
        let plain = columns.map(Self.plain)
        for name in names {
            if let index = plain.firstIndex(of: name) { return index }
        }
        return nil
    }

    /// `Wavelength [nm]` → `wavelength`.
    static func plain(_ column: String) -> String {
        column.prefix { !"[(".contains($0) }.trimmingCharacters(in: .whitespaces).lowercased()
    }

    /// The unit that a wavelength column's name gives away.
    static func unit(ofWavelengthColumn name: String) -> WavelengthUnit? {
        let plain = plain(name)
        if plain == "loglam" { return .log10Angstrom }
        if let open = name.firstIndex(where: "[(".contains), let close = name[open...].firstIndex(where: "])".contains)
        {
            return WavelengthUnit(parsing: name[name.index(after: open)..<close].trimmingCharacters(in: .whitespaces))
        }
        guard let ending = plain.split(separator: "_").dropFirst().last else { return nil }
        return WavelengthUnit(parsing: String(ending))
    }

    /// Throws if the columns are those of continuous Gaia XP spectra.
    static func refuseCoefficients(_ columns: [String], _ url: URL) throws {
        guard columns.contains(where: { ["bp_coefficients", "rp_coefficients"].contains(plain($0)) }) else { return }
        throw Diagnostic(
            url, field: "bp_coefficients", problem: "holds continuous Gaia XP spectra (coefficients), not sampled ones",
            remedy: "ask the archive for XP_SAMPLED, or convert with GaiaXPy")
    }
}
