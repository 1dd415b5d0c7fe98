import Foundation
import Spectra
import Support

/// Turns the arrays and facts of one record, whatever file they came from, into a ``Spectrum``: heeds what the file states
/// of its wavelengths, flux and pixels, and notes what had to be assumed.
struct SpectrumBuilder {
    var options: ReadingOptions
    var wavelength: [Double] = []
    /// As the file states it; nil where it does not.
    var unit: WavelengthUnit?
    /// What the file says of air and vacuum beside its keywords.
    var statements: [MediumStatement] = []
    /// What keywords say of it; found once for a table, whose rows share them.
    var sharedStatements: [MediumStatement]?
    var flux: [Double] = []
    /// As the file states it, may be empty.
    var fluxUnit = ""
    var ivar: [Double]?
    var error: [Double]?
    var variance: [Double]?
    /// Non-zero where bad.
    var flags: [Double]?
    /// Non-zero where good instead.
    var flagsMeanGood = false
    var header: [String: String] = [:]
    var origin: String
    var wavelengthIsFloat32 = false
    var reading = SpectrumReading()
    private var notes: [String] = []

    init(_ options: ReadingOptions, header: [String: String] = [:], origin: String, reading: SpectrumReading) {
        (self.options, self.header, self.origin, self.reading) = (options, header, origin, reading)
    }

    /// The spectrum: wavelengths in vacuum Å, ascending; flux per wavelength; errors as inverse variances; identifiers and
    /// sky position found among the header facts.
    /// - Throws: `Diagnostic` for statements that contradict each other, and units that are not known.
    consuming func build() throws -> Spectrum { try built() }

    private mutating func built() throws -> Spectrum {
        let stated = try unitOfWavelength()
        var angstrom = Self.angstrom(wavelength, stated)
        if wavelength.count == flux.count, dropPadding(at: angstrom) {
            angstrom = stated.angstrom(wavelength)
        }
        let medium = try medium(of: angstrom)
        var spectrum = Spectrum(
            wavelength: medium == .air ? AirVacuum.toVacuum(angstrom) : angstrom, flux: flux, ivar: inverseVariance(),
            header: header, origin: origin, wavelengthIsFloat32: wavelengthIsFloat32)
        spectrum.mask = mask(spectrum.ivar)
        try toFluxPerWavelength(&spectrum)
        hideSentinels(&spectrum)
        Self.ascend(&spectrum)
        spectrum.sourceID = identity(&spectrum.hasLostIdentity)
        spectrum.ra = number(.ra).flatMap { (-360...360).contains($0) ? $0 : nil }
        spectrum.dec = number(.dec).flatMap { (-90...90).contains($0) ? $0 : nil }
        spectrum.snr = number(.snr).flatMap { $0 > Self.sentinel ? $0 : nil }
        spectrum.resolution = resolution
        spectrum.reading = reading
        spectrum.notes = notes
        return spectrum
    }

    // MARK: - Wavelengths

    /// Takes wavelengths from keywords, with what these say of their medium.
    /// - Parameter plain: their unit where the keywords state none.
    mutating func take(_ axis: Dispersion, plain: WavelengthUnit? = nil) {
        (wavelength, unit, reading.wavelength) = (axis.values, axis.unit ?? plain, axis.source)
        statements += [axis.medium].compactMap(\.self)
    }

    private mutating func unitOfWavelength() throws -> WavelengthUnit {
        let found: WavelengthUnit
        if let said = options.wavelengthUnit ?? unit {
            found = said
        } else {
            let plain = wavelength.count == Self.gaiaXPSampling.count ? WavelengthUnit.nanometre : nil
            let guess = WavelengthUnit.guessed(from: wavelength)
            found = guess ?? options.instrument?.fileUnit ?? .angstrom
            // That wavelengths of thousands are Å goes without saying.
            if found != .angstrom, found != plain, found != options.instrument?.fileUnit {
                notes.append("wavelengths taken as \(found.text): the file states no unit (--wavelength-unit)")
            }
        }
        if found == .nanometre, statements.isEmpty, Self.isGaiaXPSampling(wavelength) {
            statements = [MediumStatement(.vacuum, by: "Gaia XP", isWeak: true)]
        }
        reading.wavelength += ", " + found.text
        return found
    }

    /// Wavelengths as they come, in Å: rows of a table share them often.
    private static func angstrom(_ wavelength: [Double], _ unit: WavelengthUnit) -> [Double] {
        converted.value(for: Axis(values: wavelength, unit: unit)) { unit.angstrom(wavelength) }
    }

    private struct Axis: Equatable, Sendable {
        var values: [Double]
        var unit: WavelengthUnit
    }

    private static let converted = SharedCache<Axis, [Double]>(capacity: 2)

    /// Rows are filled up at their ends with pixels that have no wavelength.
    /// - Parameter angstrom: the wavelengths.
    /// - Returns: whether any were dropped.
    private mutating func dropPadding(at angstrom: [Double]) -> Bool {
        guard let first = angstrom.first else { return false }
        func isNone(_ value: Double) -> Bool { !(value.isFinite && value > 0) }
        func isPadding(_ pixel: Int) -> Bool {
            // Logarithms are filled up with zeros, which are wavelengths of 1 Å.
            isNone(angstrom[pixel]) || (angstrom[pixel] == 1 && first != 1)
                || (angstrom[pixel] == 1 && wavelength[pixel] == 0)
        }
        guard angstrom.indices.contains(where: isPadding) else { return false }
        let kept = angstrom.indices.filter { !isPadding($0) }
        guard !kept.isEmpty else { return false }
        let lost = angstrom.indices.count { isPadding($0) && flux[$0].isFinite && flux[$0] != 0 }
        if lost > 0 { notes.append("pixels without a wavelength are left out") }
        func pick(_ values: [Double]?) -> [Double]? {
            values.map { values in values.count == angstrom.count ? kept.map { values[$0] } : values }
        }
        (wavelength, flux) = (pick(wavelength) ?? [], pick(flux) ?? [])
        (ivar, error, variance, flags) = (pick(ivar), pick(error), pick(variance), pick(flags))
        return true
    }

    private mutating func medium(of angstrom: [Double]) throws -> Medium {
        if let said = options.medium {
            reading.medium = "\(said.rawValue) (as the command says)"
            return said
        }
        let all = statements + (sharedStatements ?? MediumStatement.all(in: header))
        let strong = all.filter { !$0.isWeak }
        guard let first = strong.first ?? all.first else {
            // Below 2000 Å the two are the same by convention.
            if let last = angstrom.last, last > 2000 {
                notes.append("wavelengths taken as those in vacuum: the file does not say (--air if they are not)")
            }
            reading.medium = "vacuum (assumed)"
            return .vacuum
        }
        if let other = strong.first(where: { $0.medium != first.medium }) {
            throw Diagnostic(
                origin, field: "wavelength",
                problem:
                    "is in \(first.medium.rawValue) by \(first.source) and in \(other.medium.rawValue) by \(other.source)",
                remedy: "give --air or --vacuum")
        }
        reading.medium = "\(first.medium.rawValue) (\(first.source))"
        return first.medium
    }

    private static func ascend(_ spectrum: inout Spectrum) {
        let wavelength = spectrum.wavelength
        guard wavelength.count > 1, wavelength[0] > wavelength[wavelength.count - 1],
            zip(wavelength, wavelength.dropFirst()).allSatisfy({ $0 > $1 })
        else { return }
        spectrum.wavelength.reverse()
        spectrum.flux.reverse()
        spectrum.ivar?.reverse()
        spectrum.mask?.reverse()
    }

    // MARK: - Flux

    private mutating func toFluxPerWavelength(_ spectrum: inout Spectrum) throws {
        let text = options.fluxUnit ?? fluxUnit
        guard let unit = FluxUnit(parsing: text) else {
            throw Diagnostic(
                origin, field: "flux", problem: "has the unit \"\(text.prefix(40))\", which is not understood",
                remedy: "say what it is: --flux-unit " + FluxUnit.allCases.map(\.rawValue).joined(separator: ", "))
        }
        if unit == .timesWavelength, options.fluxUnit == nil {
            // Tables shorten units; a spectrum of energy per pixel has the shape of one per wavelength.
            notes.append("flux in \(text) taken as one per wavelength (--flux-unit lambda-f-lambda if it is λF_λ)")
        } else if unit != .perWavelength, unit != .uncalibrated, spectrum.wavelength.count == spectrum.flux.count {
            for (pixel, wavelength) in spectrum.wavelength.enumerated() {
                let factor = unit.factor(at: wavelength / 5500)
                spectrum.flux[pixel] *= factor
                spectrum.ivar?[pixel] /= factor * factor
            }
            reading.flux += ", \(unit.text) turned into F_λ"
        }
        if !text.isEmpty { reading.flux += ", \(text)" }
    }

    /// Numbers that stand for none.
    private mutating func hideSentinels(_ spectrum: inout Spectrum) {
        var count = 0
        for (pixel, value) in spectrum.flux.enumerated() where value.isFinite {
            guard value == -9999 || value == -999 || value == -99_999 || abs(value) >= 1e30 else { continue }
            spectrum.flux[pixel] = .nan
            count += 1
        }
        if count > 0 { notes.append("flux of −9999 and the like is taken as missing") }
    }

    private func inverseVariance() -> [Double]? {
        func sound(_ value: Double) -> Double { value.isFinite && value > 0 ? value : 0 }
        return ivar?.map(sound) ?? variance?.map { $0 > 0 ? sound(1 / $0) : 0 }
            ?? error?.map { $0 > 0 ? sound(1 / ($0 * $0)) : 0 }
    }

    /// Which pixels are bad. Where the errors know some that are, a mask that says the very opposite is one of good pixels.
    private mutating func mask(_ ivar: [Double]?) -> [Bool]? {
        guard let flags else { return nil }
        var bad = flags.map { ($0 != 0) != flagsMeanGood }
        if !flagsMeanGood, let ivar, ivar.count == bad.count, ivar.contains(0), ivar.contains(where: { $0 > 0 }),
            zip(bad, ivar).allSatisfy({ $0 == ($1 > 0) })
        {
            bad = bad.map { !$0 }
            notes.append("mask read as one of good pixels: those without it have no inverse variance")
        }
        return bad
    }

    // MARK: - Facts

    /// What is below it stands for "unknown".
    private static let sentinel = -900.0

    private func fact(_ keys: [String]) -> String? {
        keys.lazy.compactMap { header[$0] }.first {
            !$0.isEmpty && !["null", "nan", "none", "--", "-9999", "-999"].contains($0.lowercased())
        }
    }

    private func text(_ role: ColumnRole) -> String? { fact(role.keywords) }

    private func number(_ role: ColumnRole) -> Double? { text(role).flatMap { Double($0) } }

    /// The source's identifier; nil for what stands for none, and for one that lost its digits in a floating-point number.
    private mutating func identity(_ isLost: inout Bool) -> String? {
        let chosen = options.columns[ColumnRole.sourceID.rawValue].flatMap { header[$0.uppercased()] }
        let names = ["GAIA_SOURCE_ID", "OBJNAME", "APOGEE_ID", "SPECOBJID", "DESIG"]
        guard let text = chosen ?? text(.sourceID) ?? fact(names) else { return nil }
        let value = Double(text)
        if value == 0 || value == -1 {
            isLost = true
            notes.append("source id \(text) stands for none: the spectrum is combined with no other")
            return nil
        }
        guard let value, text.contains(where: { ".eE".contains($0) }) else { return text }
        // Whole numbers beyond 2⁵³ have lost digits.
        guard abs(value) >= 9_007_199_254_740_992 else { return value == value.rounded() ? String(Int(value)) : text }
        isLost = true
        notes.append(
            "source id \(text) lost its last digits in a floating-point number: the spectrum is combined with no other")
        return nil
    }

    private var resolution: Double? {
        if let said = options.resolution { return said }
        let keys = ["SPEC_RES", "SPECRES", "RESOLUTION", "RESOLUTN", "RESOLVING_POWER", "RESPOWER", "SPECRP", "R_SPEC"]
        return fact(keys).flatMap { Double($0) }.flatMap { (10...1e6).contains($0) ? $0 : nil }
    }

    /// The wavelengths of sampled Gaia XP spectra, which archive tables leave out, nm.
    static let gaiaXPSampling: [Double] = (0..<343).map { 336 + 2 * Double($0) }

    private static func isGaiaXPSampling(_ wavelength: [Double]) -> Bool {
        wavelength.count == gaiaXPSampling.count && zip(wavelength, gaiaXPSampling).allSatisfy { abs($0 - $1) < 0.01 }
    }

    /// Supplies the XP sampling for a flux of its length that came without wavelengths.
    ///
    /// - Throws: `Diagnostic` for any other length; an empty flux (no spectrum of that source) is let pass.
    mutating func assumeGaiaXPSampling() throws {
        statements = [MediumStatement(.vacuum, by: "Gaia XP")]
        if flux.isEmpty { return }
        guard flux.count == Self.gaiaXPSampling.count else {
            throw Diagnostic(
                origin, field: "flux",
                problem:
                    "has \(flux.count) values and no wavelengths; only sampled Gaia XP (343 values) may leave them out",
                remedy: "add a wavelength column in Å")
        }
        (wavelength, unit) = (Self.gaiaXPSampling, .nanometre)
        reading.wavelength = "336 to 1020 nm in steps of 2 nm, Gaia XP's"
    }
}
