import ArgumentParser
import Instruments
import Spectra
import Support

/// What a user says of spectrum files that they do not say themselves.
struct ReadingArguments: ParsableArguments, CustomStringConvertible {
    @Flag(help: ArgumentHelp("What wavelengths are in, whatever the files say."))
    var medium: Medium?

    @Option(help: ArgumentHelp("Unit of wavelengths, such as nm or Angstrom.", valueName: "unit"))
    var wavelengthUnit: String?

    @Option(
        help: ArgumentHelp(
            "Unit of flux, such as mJy, or f-lambda, f-nu, photons-lambda, photons-nu.", valueName: "unit"))
    var fluxUnit: String?

    @Option(help: ArgumentHelp("Resolving power λ/FWHM.", valueName: "R")) var resolution: Double?

    @Option(help: ArgumentHelp("The HDU that is read, by number or name.", valueName: "hdu")) var hdu: String?

    @Option(
        help: ArgumentHelp(
            "Columns by what they are for: wavelength, flux, error, ivar, variance, mask, id.",
            valueName: "flux=NAME,…"))
    var columns: String?

    @Flag(help: "Leave out XP coefficients beyond bp_ and rp_n_relevant_bases.") var truncated = false

    func validate() throws { _ = try options() }

    func options() throws -> ReadingOptions {
        var options = ReadingOptions()
        options.medium = medium
        if let text = wavelengthUnit {
            guard let unit = WavelengthUnit(parsing: text) else {
                throw ValidationError(
                    "--wavelength-unit \(text): not known; give nm, Angstrom, um, m or log10(Angstrom)")
            }
            options.wavelengthUnit = unit
        }
        if let fluxUnit {
            guard FluxUnit(parsing: fluxUnit) != nil else {
                let known = FluxUnit.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--flux-unit \(fluxUnit): not known; give a unit, or one of \(known)")
            }
            options.fluxUnit = fluxUnit
        }
        if let resolution {
            guard (10...1e7).contains(resolution) else {
                throw ValidationError("--resolution \(resolution): must lie between 10 and 10⁷")
            }
            options.resolution = resolution
        }
        options.part = hdu
        options.truncatesXP = truncated
        for choice in columns?.split(separator: ",") ?? [] {
            let parts = choice.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, ColumnRole(rawValue: parts[0]) != nil else {
                let known = ColumnRole.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--columns \(choice): give ROLE=NAME with one of \(known)")
            }
            options.columns[parts[0]] = parts[1]
        }
        return options
    }

    /// What decides how files are read, for interrupted work.
    var description: String {
        [
            medium?.rawValue, wavelengthUnit, fluxUnit, resolution.map { "\($0)" }, hdu, columns,
            truncated ? "truncated" : nil,
        ].map { $0 ?? "" }
            .joined(separator: " ")
    }
}

extension Medium: EnumerableFlag {
    /// `--air` and `--vacuum`.
    public static var allCases: [Medium] { [.air, .vacuum] }
}
