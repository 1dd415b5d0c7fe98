import Foundation
import Spectra
import Support

/// Wavelengths as keywords of a header give them.
struct Dispersion {
    /// In ``unit``.
    var values: [Double]
    /// Nil where the header does not say.
    var unit: WavelengthUnit?
    /// What the header's axis type says, and where.
    var medium: MediumStatement?
    /// The keywords: `COEFF0, COEFF1`.
    var source: String

    /// The axis of a header; nil where it describes none of wavelengths.
    /// - Parameters:
    ///   - facts: keywords of the header.
    ///   - count: number of pixels along the axis.
    ///   - file: in messages.
    /// - Throws: `Diagnostic` for what is a spectral axis but cannot be computed with.
    init?(_ facts: [String: String], count: Int, file: String) throws {
        func number(_ key: String) -> Double? { facts[key].flatMap { Double($0) } }
        if let start = number("COEFF0"), let step = number("COEFF1") {
            guard step > 0, step * Double(count) < 10, abs(start) < 10 else {
                throw Diagnostic(
                    file, field: "COEFF0, COEFF1",
                    problem: "are \(start) and \(step): not a log10 wavelength scale",
                    remedy: "download the file again or correct the header")
            }
            values = (0..<count).map { start + step * Double($0) }
            (unit, source) = (.log10Angstrom, "COEFF0, COEFF1")
            medium = MediumStatement(.vacuum, by: "COEFF0, as SDSS and LAMOST use it", isWeak: true)
            return
        }
        // SDSS-V's mwmVisit: a table whose header has the axis of its arrays
        // (https://data.sdss.org/datamodel/files/MWM_ASTRA/V_ASTRA/spectra/visit/mwmVisit.html).
        if let start = number("CRVAL"), let step = number("CDELT"), number("NPIXELS") == Double(count), step > 0,
            step < 0.1,
            (2..<6).contains(start)
        {
            values = (0..<count).map { start + step * Double($0) }
            (unit, source) = (.log10Angstrom, "CRVAL, CDELT")
            return
        }
        guard let value = number("CRVAL1"), let step = number("CD1_1") ?? number("CDELT1"), step != 0 else {
            return nil
        }
        let type = (facts["CTYPE1"] ?? "").uppercased().trimmingCharacters(in: .whitespaces)
        guard !Self.isCelestial(type) else { return nil }
        let pixels = (0..<count).map { (Double($0) + 1 - (number("CRPIX1") ?? 1)) * step * (number("PC1_1") ?? 1) }
        source = "CRVAL1, \(number("CD1_1") != nil ? "CD1_1" : "CDELT1")"
        values = pixels.map { value + $0 }
        unit = try Self.unit(facts, file: file)
        let isLog =
            facts["DC-FLAG"] == "1" || facts["LOGSCALE"].map(Self.isTrue) == true
            || [
                "LOG-LINEAR", "LOGLIN", "LOGLAM", "LOG_LAMBDA", "LOGLAMBDA", "LOG10", "LOGWAVE", "WAVE-LOG10", "LOGL",
                "LOG",
            ].contains(
                type)
            || facts["WFITTYPE"]?.uppercased().hasPrefix("LOG") == true
        let axis = String(type.prefix(4))
        let algorithm = type.count > 5 ? String(type.dropFirst(5)) : ""
        switch axis {
        case "WAVE", "AWAV", "FREQ", "WAVN", "ENER":
            if axis == "AWAV" { medium = MediumStatement(.air, by: "CTYPE1 = \(type)") }
            if axis == "WAVE" { medium = MediumStatement(.vacuum, by: "CTYPE1 = \(type)", isWeak: true) }
            if axis == "FREQ" { unit = unit ?? .hertz }
            if algorithm == "LOG" {
                // Greisen et al. (2006, A&A 446, 747), section 3.2: logarithmic about the reference value.
                values = pixels.map { value * exp($0 / value) }
            } else if isLog {
                unit = Self.logarithm(of: unit)
            } else if !algorithm.isEmpty, algorithm != "LIN", !type.hasPrefix("WAVELENGTH"),
                !type.hasPrefix("FREQUENCY")
            {
                throw Diagnostic(
                    file, field: "CTYPE1", problem: "is \(type): the axis is not one that is read",
                    remedy: "save the spectrum with a table of wavelengths")
            }
        case "VELO", "VRAD", "VOPT", "ZOPT":
            throw Diagnostic(
                file, field: "CTYPE1", problem: "is \(type): an axis of velocities",
                remedy: "give the spectrum with wavelengths")
        default:
            if isLog { unit = Self.logarithm(of: unit) }
        }
    }

    private static func logarithm(of unit: WavelengthUnit?) -> WavelengthUnit {
        switch unit {
        case .nanometre: .log10Nanometre
        case .metre: .log10Metre
        case .lnAngstrom: .lnAngstrom
        default: .log10Angstrom
        }
    }

    /// `CUNIT1`, or the attributes of IRAF (`WAT1_001 = 'wtype=linear label=Wavelength units=nm'`).
    private static func unit(_ facts: [String: String], file: String) throws -> WavelengthUnit? {
        if let text = facts["CUNIT1"], !text.isEmpty {
            guard let unit = WavelengthUnit(parsing: text) else {
                throw Diagnostic(
                    file, field: "CUNIT1", problem: "is \"\(text)\", no unit of wavelengths that is known",
                    remedy: "give --wavelength-unit")
            }
            return unit
        }
        let attributes = (1...9).compactMap { facts["WAT1_00\($0)"] }.joined()
        return unit(inAttributes: attributes)
    }

    /// The unit that attributes of IRAF state.
    static func unit(inAttributes text: String) -> WavelengthUnit? {
        text.firstMatch(of: /units=([^\s'"]+)/).flatMap { WavelengthUnit(parsing: String($0.1)) }
    }

    /// An image of which nothing says where its wavelengths are.
    static func missing(in url: URL) -> Diagnostic {
        Diagnostic(
            url, field: "COEFF0, COEFF1", problem: "are missing, and the image has no row of wavelengths",
            remedy: "add the keywords (log10 of the first wavelength in Å, and its step)")
    }

    static func isCelestial(_ type: String) -> Bool {
        ["RA--", "DEC-", "GLON", "GLAT", "ELON", "ELAT"].contains(String(type.prefix(4))) || type == "RA"
            || type == "DEC"
    }

    /// Whether a keyword says yes.
    static func isTrue(_ text: String) -> Bool { ["T", "TRUE", "1", "YES", "Y"].contains(text.uppercased()) }
}

/// Who says that wavelengths are in air, or in vacuum.
struct MediumStatement: Sendable, Hashable {
    var medium: Medium
    /// `VACUUM = T`.
    var source: String
    /// Held against nothing that says otherwise.
    var isWeak: Bool

    init(_ medium: Medium, by source: String, isWeak: Bool = false) {
        (self.medium, self.source, self.isWeak) = (medium, source, isWeak)
    }

    /// Spectrographs whose reduced spectra are in air without saying so.
    private static let inAir: Set = ["HARPS", "FEROS", "SOPHIE", "ELODIE", "HERMES", "ESPADONS", "NARVAL"]

    private static func byInstrument(_ facts: [String: String]) -> [MediumStatement] {
        if facts["TELESCOP"] == "HST" { return [MediumStatement(.vacuum, by: "TELESCOP = HST", isWeak: true)] }
        guard let name = facts["INSTRUME"]?.uppercased().split(separator: "-").first, inAir.contains(String(name))
        else {
            return []
        }
        return [MediumStatement(.air, by: "INSTRUME = \(name)", isWeak: true)]
    }

    /// What keywords of a header say, each way in use.
    static func all(in facts: [String: String]) -> [MediumStatement] {
        byInstrument(facts)
            + facts.filter { isAboutLight($0.key) }.sorted { $0.key < $1.key }.compactMap { key, value in
                let word = value.lowercased()
                switch key {
                case "VACUUM", "INVACUUM":
                    if Dispersion.isTrue(value) { return MediumStatement(.vacuum, by: "\(key) = \(value)") }
                    return ["f", "false", "0", "no", "n"].contains(word)
                        ? MediumStatement(.air, by: "\(key) = \(value)") : nil
                case "AIR", "INAIR":
                    if Dispersion.isTrue(value) { return MediumStatement(.air, by: "\(key) = \(value)") }
                    return ["f", "false", "0", "no", "n"].contains(word)
                        ? MediumStatement(.vacuum, by: "\(key) = \(value)") : nil
                default:
                    guard word.count < (key == "WAVELENGTH COMMENT" ? 100 : 24) else { return nil }
                    let words = Set(word.split { !$0.isLetter }.map(String.init))
                    if words.contains("air") { return MediumStatement(.air, by: "\(key) = \(value)") }
                    let isVacuum = words.contains("vac") || words.contains("vacuum")
                    return isVacuum ? MediumStatement(.vacuum, by: "\(key) = \(value)") : nil
                }
            }
    }

    /// Whether a keyword may speak of air or vacuum, by its name.
    private static func isAboutLight(_ key: String) -> Bool {
        // Hundreds of keywords of every file are asked: bytes take a small part of the time that characters do.
        let key = Array(key.utf8)
        return words.contains { word in
            key.count >= word.count && (0...key.count - word.count).contains { key[$0..<$0 + word.count] == word[...] }
        }
    }

    private static let words = ["AIR", "VAC", "WAV", "LAM", "MEDIUM", "FRAME", "WREF"].map { Array($0.utf8) }
}
