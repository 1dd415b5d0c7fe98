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
        let statements = [
            ("wavelength-unit", wavelengthUnit), ("flux-unit", fluxUnit), ("resolution", resolution.map { "\($0)" }),
            ("hdu", hdu), ("columns", columns), ("truncated", truncated ? "true" : nil),
        ]
        do {
            for case (let name, let text?) in statements { try options.state(name, text) }
        } catch let error as Diagnostic {
            throw ValidationError(error.description)
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
