import Spectra
import Support
import Tables

/// What a column, an image or a row of an image is for, judged by its name; shared by all layouts.
public enum ColumnRole: String, CaseIterable, Sendable {
    case wavelength, flux, ivar, error, variance, mask, sourceID = "id", ra, dec, snr

    /// Names as they occur in the wild, lower case; the earlier wins.
    var names: [String] {
        switch self {
        case .wavelength:
            [
                "wavelength", "wave", "lambda", "loglam", "lam", "wavelengths", "log_wavelength", "loglambda", "wl",
                "wvl",
                "wavelen", "spectral_axis", "loglam10", "log_lambda", "log10_wave", "frequency",
            ]
        case .flux:
            [
                "flux", "intensity", "spec", "spectrum", "fluxes", "flux_density", "flam", "f_lambda", "flux_lambda",
                "fnu",
                "f_nu", "flux_nu", "norm_flux", "normalized_flux", "normalised_flux", "flux_reduced", "counts", "sci",
                "data",
            ]
        case .ivar: ["ivar", "invvar", "inverse", "inverse_variance", "inv_var", "flux_ivar", "inversevariance"]
        case .error:
            [
                "flux_error", "flux_err", "fluxerr", "error", "err", "sigma", "uncertainty", "e_flux", "err_flux",
                "flux_sigma", "sigma_flux", "flux_unc", "flux_uncertainty", "unc", "noise", "stdev", "std", "dflux",
                "err_reduced", "fluxerror", "errors", "uncert", "error_flux", "sig",
            ]
        case .variance: ["variance", "var", "stat", "flux_var", "flux_variance"]
        case .mask:
            [
                "andmask", "and_mask", "mask", "badpix", "bad", "dq", "qual", "quality", "flags", "pixel_flags", "bpm",
                "bad_pixels", "good", "gpm", "good_pixels", "goodpix", "valid", "flag", "ormask", "or_mask", "pixmask",
            ]
        case .sourceID:
            [
                "source_id", "gaia_source_id", "gaiaedr3_source_id", "gaiadr3_source_id", "gaia_dr3_source_id",
                "sourceid",
                "obsid", "targetid", "sdss_id", "sobject_id",
            ]
        case .ra: ["ra", "ra_icrs", "target_ra", "raj2000", "ra_obj", "plug_ra", "racat"]
        case .dec: ["dec", "de_icrs", "target_dec", "dej2000", "dec_obj", "plug_dec", "deccat"]
        case .snr: ["snrg", "sn_g", "sn_median_all", "snr_g"]
        }
    }

    /// Its names as keywords of a header.
    var keywords: [String] { Self.keywords[self] ?? [] }

    private static let keywords = Dictionary(
        uniqueKeysWithValues: allCases.map { ($0, $0.names.map { $0.uppercased() }) })

    /// Names of masks in which a number that is not 0 calls a pixel good.
    static let goodMasks: Set = ["good", "gpm", "good_pixels", "goodpix", "valid"]

    /// Index of the column of this role among `columns`, whatever their case; a unit in brackets after the name counts
    /// as no part of it, nor does the medium of a wavelength, nor the record that holds it.
    func index(in columns: [String]) -> Int? {
        func index(_ columns: [String]) -> Int? {
            let plain = columns.map { self == .wavelength ? Self.withoutMedium(Self.plain($0)) : Self.plain($0) }
            return names.lazy.compactMap { plain.firstIndex(of: $0) }.first
        }
        // `spectrum.flux`: a field of a record, as Avro and nested tables have it.
        return index(columns) ?? index(columns.map { String($0.split(separator: ".").last ?? "") })
    }

    /// `Wavelength [nm]` → `wavelength`.
    static func plain(_ column: String) -> String {
        // Every column of every file is asked for, by each layout: so bytes, which cost a tenth of what characters do.
        let name = column.utf8.prefix { $0 != UInt8(ascii: "[") && $0 != UInt8(ascii: "(") }
        let isBlank = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let bare = name.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
        guard !bare.isEmpty else { return column.lowercased() }
        let joined = bare.map { $0 == UInt8(ascii: " ") ? UInt8(ascii: "_") : $0 }
        return String(decoding: joined, as: UTF8.self).lowercased()
    }

    /// `wave_vac`, `lambda_air_nm`, `WAVEVAC` → `wave`, `lambda`, `wave`.
    static func withoutMedium(_ plain: String) -> String {
        let all = plain.split(separator: "_")
        let words = all.filter { !["air", "vac", "vacuum", "nm", "angstrom", "aa", "um", "a"].contains($0) }
        let joined = (words.isEmpty ? all : words).joined(separator: "_")
        for ending in ["vacuum", "vac", "air"] where joined.hasSuffix(ending) && joined.count > ending.count + 2 {
            return String(joined.dropLast(ending.count))
        }
        return joined
    }

    /// The medium that a wavelength's name gives away.
    static func medium(ofWavelengthColumn name: String) -> Medium? {
        let bare = plain(name)
        let words = bare.split { !$0.isLetter }
        if words.contains("air") || (bare.hasSuffix("air") && bare != "air") { return .air }
        if words.contains(where: { $0 == "vac" || $0 == "vacuum" }) || bare.hasSuffix("vac") || bare.hasSuffix("vacuum")
        {
            return .vacuum
        }
        return nil
    }

    /// The unit that a wavelength column's name gives away.
    static func unit(ofWavelengthColumn name: String) -> WavelengthUnit? {
        let plain = plain(name)
        if ["loglam", "log_wavelength", "loglambda", "log_lambda", "log10_wave"].contains(plain) {
            return .log10Angstrom
        }
        if let open = name.firstIndex(where: "[(".contains), let close = name[open...].firstIndex(where: "])".contains)
        {
            return WavelengthUnit(parsing: name[name.index(after: open)..<close].trimmingCharacters(in: .whitespaces))
        }
        guard let ending = plain.split(separator: "_").dropFirst().last else { return nil }
        return WavelengthUnit(parsing: String(ending))
    }
}

/// The columns of a table by what they are for.
struct TableColumns {
    var indices: [ColumnRole: Int] = [:]

    /// - Parameters:
    ///   - fields: the columns of the table.
    ///   - chosen: columns that the user named.
    ///   - roles: names that go before the usual ones, in a layout that has its own.
    /// - Throws: `Diagnostic` for a column that is not there.
    init(
        _ fields: [Field], chosen: [ColumnRole: String] = [:], own: [ColumnRole: [String]] = [:], _ file: String = ""
    ) throws {
        let names = fields.map(\.name)
        for role in ColumnRole.allCases {
            if let name = chosen[role] {
                guard let index = names.firstIndex(where: { $0.lowercased() == name.lowercased() }) else {
                    throw Diagnostic(
                        file, field: name, problem: "no such column",
                        remedy: suggestion(for: name, among: names))
                }
                indices[role] = index
            } else if let index = own[role]?.lazy.compactMap({ name in
                names.firstIndex { $0.lowercased() == name }
            }).first ?? role.index(in: names), fields[index].isNumeric {
                indices[role] = index
            }
        }
        keepTogether(names, chosen: Set(chosen.keys))
        // What a file says a column is counts for more than its name; names alone count where it says nothing.
        guard chosen[.wavelength] == nil, indices[.wavelength] == nil else { return }
        indices[.wavelength] = fields.firstIndex { $0.ucd.lowercased().hasPrefix("em.wl") && $0.isNumeric }
    }

    /// Of several spectra in a row, `red.flux` and `blue.flux`, the one that is read keeps to what is its own.
    private mutating func keepTogether(_ names: [String], chosen: Set<ColumnRole>) {
        guard let flux = indices[.flux], let own = Self.outer(names[flux]) else { return }
        let others = Set(Self.further(flux: names[flux], among: names).compactMap(Self.outer))
        for (role, index) in indices where role != .flux && !chosen.contains(role) {
            guard let outer = Self.outer(names[index]), others.contains(outer) else { continue }
            indices[role] = role.index(in: names.map { Self.outer($0) == own ? $0 : "" })
        }
    }

    /// The flux of further spectra in the same rows.
    static func further(flux: String, among names: [String]) -> [String] {
        guard let dot = flux.lastIndex(of: ".") else { return [] }
        return names.filter { $0 != flux && $0.hasSuffix(flux[dot...]) }
    }

    /// `red` of `red.flux`.
    private static func outer(_ name: String) -> Substring? {
        name.lastIndex(of: ".").map { name[..<$0] }
    }

    subscript(role: ColumnRole) -> Int? { indices[role] }
}
