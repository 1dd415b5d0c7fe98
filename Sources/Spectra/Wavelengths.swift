import Foundation

/// Units in which files give wavelengths.
public enum WavelengthUnit: String, Sendable, Codable, Hashable {
    /// 1 Å = 0.1 nm.
    case angstrom
    /// 1 nm = 10 Å.
    case nanometre
    /// 1 µm = 10⁴ Å.
    case micrometre
    /// log10(λ/Å).
    case log10Angstrom

    /// The unit written as `text` (`Angstrom`, `AA`, `nm`, `um`, …), if it is one of these.
    public init?(parsing text: String) {
        switch text.lowercased().filter({ !$0.isWhitespace && $0 != "'" }) {
        case "angstrom", "angstroms", "angstroem", "ang", "aa", "å", "0.1nm": self = .angstrom
        case "nm", "nanometer", "nanometre", "nanometers", "nanometres": self = .nanometre
        case "um", "µm", "μm", "micron", "microns", "micrometer", "micrometre": self = .micrometre
        case "log10(angstrom)", "log(angstrom)", "dex(angstrom)", "log10(aa)": self = .log10Angstrom
        default: return nil
        }
    }
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
