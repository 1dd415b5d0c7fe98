import Foundation
import Spectra
import Support

/// Turns the arrays and facts of one record, whatever file they came from, into a ``Spectrum``.
struct SpectrumBuilder {
    var wavelength: [Double] = []
    var unit: WavelengthUnit = .angstrom
    var flux: [Double] = []
    var ivar: [Double]?
    var error: [Double]?
    /// Non-zero where bad.
    var flags: [Double]?
    var header: [String: String] = [:]
    var origin: String
    var wavelengthIsFloat32 = false

    /// The spectrum: wavelengths in vacuum Å, errors as inverse variances, identifiers and sky position found among
    /// the header facts.
    func build() -> Spectrum {
        var spectrum = Spectrum(
            wavelength: vacuumWavelength, flux: flux, ivar: inverseVariance, mask: flags?.map { $0 != 0 },
            header: header, origin: origin, wavelengthIsFloat32: wavelengthIsFloat32)
        spectrum.sourceID =
            text(.sourceID) ?? fact(["GAIA_SOURCE_ID", "OBJNAME", "APOGEE_ID", "SPECOBJID", "DESIG"])
        spectrum.ra = number(.ra).flatMap { (-360...360).contains($0) ? $0 : nil }
        spectrum.dec = number(.dec).flatMap { (-90...90).contains($0) ? $0 : nil }
        spectrum.snr = number(.snr)
        return spectrum
    }

    private var vacuumWavelength: [Double] {
        let angstrom: [Double] =
            switch unit {
            case .angstrom: wavelength
            case .nanometre: wavelength.map { $0 * 10 }
            case .micrometre: wavelength.map { $0 * 1e4 }
            case .log10Angstrom: wavelength.map { pow(10, $0) }
            }
        let isAir = ["F", "FALSE"].contains(header["VACUUM"]?.uppercased() ?? "") || header["AIRORVAC"] == "air"
        return isAir ? AirVacuum.toVacuum(angstrom) : angstrom
    }

    private var inverseVariance: [Double]? {
        let values = ivar ?? error?.map { $0 > 0 ? 1 / ($0 * $0) : 0 }
        return values?.map { $0.isFinite && $0 > 0 ? $0 : 0 }
    }

    private func fact(_ keys: [String]) -> String? {
        keys.lazy.compactMap { header[$0] }.first {
            !$0.isEmpty && !["null", "nan", "-9999"].contains($0.lowercased())
        }
    }

    private func text(_ role: ColumnRole) -> String? { fact(role.names.map { $0.uppercased() }) }

    private func number(_ role: ColumnRole) -> Double? { text(role).flatMap(Double.init) }
}

extension SpectrumBuilder {
    /// The wavelengths of sampled Gaia XP spectra, which archive tables leave out, nm.
    static let gaiaXPSampling: [Double] = (0..<343).map { 336 + 2 * Double($0) }

    /// Supplies the XP sampling for a flux of its length that came without wavelengths.
    ///
    /// - Throws: `Diagnostic` for any other length; an empty flux (no spectrum of that source) is let pass.
    mutating func assumeGaiaXPSampling() throws {
        if flux.isEmpty { return }
        guard flux.count == Self.gaiaXPSampling.count else {
            throw Diagnostic(
                origin, field: "flux",
                problem:
                    "has \(flux.count) values and no wavelengths; only sampled Gaia XP (343 values) may leave them out",
                remedy: "add a wavelength column in Å")
        }
        wavelength = Self.gaiaXPSampling
        unit = .nanometre
    }
}

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
