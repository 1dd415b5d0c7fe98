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
