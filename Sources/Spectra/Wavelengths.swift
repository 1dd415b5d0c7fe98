import Foundation
import Statistics

/// Units in which files give wavelengths.
public enum WavelengthUnit: String, Sendable, Codable, Hashable {
    /// 1 Å = 0.1 nm.
    case angstrom
    /// 1 nm = 10 Å.
    case nanometre
    /// 1 µm = 10⁴ Å.
    case micrometre
    /// 1 m = 10¹⁰ Å.
    case metre
    /// log10(λ/Å).
    case log10Angstrom
    /// ln(λ/Å).
    case lnAngstrom
    /// log10(λ/nm).
    case log10Nanometre
    /// log10(λ/m).
    case log10Metre
    /// Frequency: λ = c/ν.
    case hertz
    /// Wavenumber: λ = 1/k.
    case perCentimetre
    /// Photon energy: λ = hc/E.
    case electronvolt

    /// The unit written as `text` (`Angstrom`, `AA`, `nm`, `um`, …), if it is one of these.
    public init?(parsing text: String) {
        let letters = text.lowercased().filter { !$0.isWhitespace && $0 != "'" && $0 != "\"" }
        // "Angstrom (air)" and "nm, vacuum" say more than the unit; few files do, and looking for a pattern takes long.
        let mayTell = letters.utf8.contains(UInt8(ascii: "v")) || letters.utf8.contains(UInt8(ascii: "i"))
        let bare = mayTell ? letters.replacing(/[,(\[]?(in)?(air|vacuum|vac)[)\]]?$/, with: "") : letters
        switch bare {
        case "angstrom", "angstroms", "angstroem", "ang", "aa", "å", "a", "0.1nm", "ångström", "angstr", "1e-10m",
            "10-10m", "10^-10m", "10**-10m":
            self = .angstrom
        case "m", "meter", "metre", "meters", "metres": self = .metre
        case "hz", "hertz": self = .hertz
        case "1/cm", "cm-1", "cm^-1", "cm**-1", "/cm", "kayser": self = .perCentimetre
        case "ev", "electronvolt": self = .electronvolt
        case "ln(angstrom)", "ln(aa)", "ln(a)", "lnangstrom", "ln(lambda)": self = .lnAngstrom
        case "log10(nm)", "log(nm)", "dex(nm)": self = .log10Nanometre
        case "log10(m)", "log(m)", "dex(m)": self = .log10Metre
        case "nm", "nanometer", "nanometre", "nanometers", "nanometres": self = .nanometre
        case "1e-9m", "10-9m", "10^-9m", "10**-9m": self = .nanometre
        case "um", "µm", "μm", "micron", "microns", "micrometer", "micrometre": self = .micrometre
        case "log10(angstrom)", "log(angstrom)", "dex(angstrom)", "log10(aa)", "log(aa)", "dex(aa)", "log10(a)",
            "log(a)", "log10angstrom", "logangstrom", "[angstrom]", "log(ang)", "log10(å)":
            self = .log10Angstrom
        default: return nil
        }
    }

    /// Wavelengths in Å; NaN and what is no wavelength stay what they are.
    public func angstrom(_ values: [Double]) -> [Double] {
        switch self {
        case .angstrom: values
        case .nanometre: values.map { $0 * 10 }
        case .micrometre: values.map { $0 * 1e4 }
        case .metre: values.map { $0 * 1e10 }
        case .log10Angstrom: values.map { pow(10, $0) }
        case .lnAngstrom: values.map { exp($0) }
        case .log10Nanometre: values.map { pow(10, $0 + 1) }
        case .log10Metre: values.map { pow(10, $0 + 10) }
        case .hertz: values.map { 2.997_924_58e18 / $0 }
        case .perCentimetre: values.map { 1e8 / $0 }
        case .electronvolt: values.map { 12_398.419_843_320_026 / $0 }
        }
    }

    /// As people write it.
    public var text: String {
        switch self {
        case .angstrom: "Å"
        case .nanometre: "nm"
        case .micrometre: "µm"
        case .metre: "m"
        case .log10Angstrom: "log10 Å"
        case .lnAngstrom: "ln Å"
        case .log10Nanometre: "log10 nm"
        case .log10Metre: "log10 m"
        case .hertz: "Hz"
        case .perCentimetre: "1/cm"
        case .electronvolt: "eV"
        }
    }

    /// The unit in which values are wavelengths of light that spectrographs see; nil where none makes sense.
    public static func guessed(from values: [Double]) -> WavelengthUnit? {
        let known = values.filter { $0.isFinite && $0 > 0 }
        guard known.count > 1 else { return nil }
        switch ordered(known, at: known.count / 2) {
        case 1e-8..<1e-4: return .metre
        // Between 3.3 (2000 Å) and 4.7 (5 µm) a logarithm would do as well: micrometres of an infrared spectrum go further.
        case 0.1..<3.2: return .micrometre
        case 3.2..<4.8:
            let (low, high) = known.reduce((known[0], known[0])) { (min($0.0, $1), max($0.1, $1)) }
            return high - low < 1 ? .log10Angstrom : .micrometre
        case 100..<2100: return .nanometre
        case 2100..<60_000: return .angstrom
        default: return nil
        }
    }
}

/// What light goes through where its wavelengths are told.
public enum Medium: String, Sendable, Codable, Hashable {
    case air, vacuum
}

/// Wavelengths in standard air and in vacuum, after Ciddor (1996, Appl. Opt. 35, 1566), as SDSS uses it.
/// Below 2000 Å the two are the same by convention.
public enum AirVacuum {
    /// Refractive index of standard air at the vacuum wavelength `wavelength`, Å.
    public static func refractiveIndex(_ wavelength: Double) -> Double {
        guard wavelength >= 2000 else { return 1 }
        let s2 = (1e4 / wavelength) * (1e4 / wavelength)
        return 1 + 0.05792105 / (238.0185 - s2) + 0.00167917 / (57.362 - s2)
    }

    /// The wavelength in air, Å, of a vacuum wavelength, Å.
    public static func toAir(_ vacuum: Double) -> Double { vacuum / refractiveIndex(vacuum) }

    /// The wavelength in vacuum, Å, of an air wavelength, Å: the exact inverse of ``toAir(_:)-(Double)``.
    public static func toVacuum(_ air: Double) -> Double {
        guard air >= 2000 else { return air }
        var vacuum = air
        // The index changes by 1e-8 over its own shift: four rounds reach the last digit.
        for _ in 0..<4 { vacuum = air * refractiveIndex(vacuum) }
        return vacuum
    }

    /// ``toAir(_:)-(Double)`` for each wavelength.
    public static func toAir(_ vacuum: [Double]) -> [Double] { vacuum.map { toAir($0) } }

    /// ``toVacuum(_:)-(Double)`` for each wavelength.
    public static func toVacuum(_ air: [Double]) -> [Double] { air.map { toVacuum($0) } }
}

/// An array of wavelengths as a cache key: equality rejects early and otherwise compares memory, not numbers.
struct WavelengthKey: Equatable, Sendable {
    let wavelength: [Double]

    static func == (a: WavelengthKey, b: WavelengthKey) -> Bool {
        guard a.wavelength.count == b.wavelength.count, a.wavelength.first == b.wavelength.first,
            a.wavelength.last == b.wavelength.last
        else { return false }
        return a.wavelength.withUnsafeBytes { left in
            b.wavelength.withUnsafeBytes { right in
                guard let l = left.baseAddress, let r = right.baseAddress else { return true }
                return l == r || memcmp(l, r, left.count) == 0
            }
        }
    }
}
