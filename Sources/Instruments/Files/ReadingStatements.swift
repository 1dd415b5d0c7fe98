import Spectra
import Support

/// What a user may say of files in words, by the names of the command's options.
extension ReadingOptions {
    /// The names, without their dashes.
    package static let statementNames = [
        "air", "vacuum", "wavelength-unit", "flux-unit", "resolution", "hdu", "columns", "truncated",
    ]

    /// Takes a statement.
    /// - Parameters:
    ///   - name: one of ``statementNames``.
    ///   - text: its value; of a flag `true`, `1` or nothing.
    /// - Throws: `Diagnostic` for a value that makes no sense.
    package mutating func state(_ name: String, _ text: String) throws {
        func problem(_ problem: String, _ remedy: String = "") -> Diagnostic {
            Diagnostic("--\(name) \(text)", problem: problem, remedy: remedy)
        }
        switch name {
        case "air", "vacuum":
            if try Self.flag(name, text) { medium = name == "air" ? .air : .vacuum }
        case "wavelength-unit":
            wavelengthUnit = try WavelengthUnit(stated: text, as: "--\(name) \(text)")
        case "flux-unit":
            guard FluxUnit(parsing: text) != nil else {
                let known = FluxUnit.allCases.map(\.rawValue).joined(separator: ", ")
                throw problem("not known", "give a unit, or one of \(known)")
            }
            fluxUnit = text
        case "resolution":
            guard let power = Double(text), (10...1e7).contains(power) else {
                throw problem("must lie between 10 and 10⁷")
            }
            resolution = power
        case "hdu": part = text
        case "truncated": truncatesXP = try Self.flag(name, text)
        case "columns":
            for choice in text.split(separator: ",") {
                let parts = choice.split(separator: "=", maxSplits: 1).map(String.init)
                guard parts.count == 2, ColumnRole(rawValue: parts[0]) != nil else {
                    let known = ColumnRole.allCases.map(\.rawValue).joined(separator: ", ")
                    throw Diagnostic(
                        "--columns \(choice)", problem: "give ROLE=NAME with one of \(known)")
                }
                columns[parts[0]] = parts[1]
            }
        default: throw problem("is no option of files")
        }
    }

    /// Whether a flag is given.
    /// - Throws: `Diagnostic` for another word than yes or no.
    package static func flag(_ name: String, _ text: String) throws -> Bool {
        switch text.lowercased() {
        case "", "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        default: throw Diagnostic("--\(name) \(text)", problem: "is neither yes nor no", remedy: "give true or false")
        }
    }
}

extension WavelengthUnit {
    /// A unit that a user states.
    /// - Parameter subject: what messages call it.
    /// - Throws: `Diagnostic` for one that is not known.
    package init(stated text: String, as subject: String) throws {
        guard let unit = WavelengthUnit(parsing: text) else {
            throw Diagnostic(subject, problem: "not known", remedy: "give nm, Angstrom, um, m or log10(Angstrom)")
        }
        self = unit
    }
}
