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
