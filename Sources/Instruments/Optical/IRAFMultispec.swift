import Foundation
import Spectra
import Support
import Tables

/// IRAF's multispec: rows of an image whose wavelengths the attributes `WAT2_nnn` describe, each by itself
/// (Valdes 1993, https://iraf.net/irafdocs/specwcs.php).
enum IRAFMultispec: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "IRAF multispec", recognised: "CTYPE1 = MULTISPE, and WAT2_001, …",
        wavelength: "specN: linear, log-linear, Chebyshev, Legendre, with the redshift of the aperture removed",
        medium: "VACUUM and its kin; else vacuum, with a note", flux: "band 1 of every row",
        error: "the band that BANDIDn calls sigma", mask: "none", id: "OBJNAME, … of the header")

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        guard let part = file.parts.first(where: { $0.image != nil }), let image = part.image,
            let width = image.axes.first, part.facts["CTYPE1"]?.uppercased().hasPrefix("MULTISPE") == true
        else { return nil }
        let text = attributes(part.facts)
        let lines = image.axes.count > 1 ? image.axes[1] : 1
        let bands = image.axes.count > 2 ? image.axes[2] : 1
        let sigma = (1...max(1, bands)).first {
            part.facts["BANDID\($0)"].map { ImageRole(describing: $0) == .error } == true
        }
        let unit = Dispersion.unit(inAttributes: text.0)
        let spectra = try (0..<lines).map { line in
            guard let spec = text.1.firstMatch(of: try Regex("spec\(line + 1)\\s*=\\s*\"([^\"]*)\"")),
                let numbers = spec.output[1].substring
            else {
                throw Diagnostic(
                    file.url, field: "WAT2", problem: "says nothing of row \(line + 1)",
                    remedy: "save it with its header")
            }
            var reading = SpectrumReading()
            (reading.layout, reading.part) = (sheet.name, part.title)
            (reading.wavelength, reading.flux) = ("WAT2 spec", "each row" + (bands > 1 ? " of band 1" : ""))
            var builder = SpectrumBuilder(
                options, header: file.facts(of: part), origin: file.url.path, reading: reading)
            builder.wavelength = try wavelengths(numbers, count: width, row: line + 1, file)
            builder.unit = unit ?? .angstrom
            builder.flux = try image.row(line)
            builder.fluxUnit = part.facts["BUNIT"] ?? ""
            if let sigma {
                builder.error = try image.row(line + (sigma - 1) * lines)
                builder.reading.error = "band \(sigma)"
            }
            // Rows may end before the image does.
            let pixels = min(width, Int(numbers.split(separator: " ").dropFirst(5).first ?? "") ?? width)
            if pixels < width { for pixel in max(0, pixels)..<width { builder.flux[pixel] = .nan } }
            return try builder.build()
        }
        let notes = bands > 1 ? ["bands beyond the spectrum and its errors are left out"] : []
        return FoundSpectra([ReadSpectra(spectra)], notes: notes)
    }

    /// The attributes of both axes; each card of `WATn_nnn` holds 68 characters, with the blanks at its end.
    private static func attributes(_ facts: [String: String]) -> (String, String) {
        func joined(_ axis: Int) -> String {
            facts.filter { $0.key.hasPrefix("WAT\(axis)_") }.sorted { $0.key < $1.key }
                .map { $0.value.padding(toLength: max(68, $0.value.count), withPad: " ", startingAt: 0) }.joined()
        }
        return (joined(1), joined(2))
    }

    /// `ap beam dtype w1 dw nw z aplow aphigh [functions]`.
    private static func wavelengths(
        _ text: Substring, count: Int, row: Int, _ file: FileParts
    ) throws -> [Double] {
        let numbers = text.split { $0.isWhitespace }.compactMap { Double($0) }
        func refuse(_ what: String) -> Diagnostic {
            Diagnostic(file.url, field: "WAT2 spec\(row)", problem: what, remedy: "resample it to a linear dispersion")
        }
        guard numbers.count >= 9 else { throw refuse("has \(numbers.count) numbers, not 9 or more") }
        let (type, first, step, redshift) = (Int(numbers[2]), numbers[3], numbers[4], numbers[6])
        let pixels = (0..<count).map { Double($0) + 1 }
        var values: [Double]
        switch type {
        case 0: values = pixels.map { first + ($0 - 1) * step }
        case 1: values = pixels.map { pow(10, first + ($0 - 1) * step) }
        case 2:
            values = [Double](repeating: 0, count: count)
            var rest = numbers.dropFirst(9)
            guard !rest.isEmpty else { throw refuse("has no function") }
            while rest.count >= 6 {
                // weight, zero point, function, then its order, range and coefficients.
                let (weight, zero, kind, order) = (
                    rest[rest.startIndex], rest[rest.startIndex + 1], Int(rest[rest.startIndex + 2]),
                    Int(rest[rest.startIndex + 3])
                )
                guard kind == 1 || kind == 2 else {
                    throw refuse("has a dispersion of kind \(kind): only 1 and 2 are read")
                }
                let (low, high) = (rest[rest.startIndex + 4], rest[rest.startIndex + 5])
                guard (1...50).contains(order), rest.count >= 6 + order, high > low else {
                    throw refuse("is cut short")
                }
                let coefficients = Array(rest.dropFirst(6).prefix(order))
                for (index, pixel) in pixels.enumerated() {
                    let x = (pixel - (high + low) / 2) / ((high - low) / 2)
                    values[index] += weight * (zero + series(coefficients, at: x, isChebyshev: kind == 1))
                }
                rest = rest.dropFirst(6 + order)
            }
        default: throw refuse("has no dispersion (type \(type))")
        }
        if redshift != 0 { values = values.map { $0 / (1 + redshift) } }
        return values
    }

    /// A sum of Chebyshev or Legendre polynomials.
    private static func series(_ coefficients: [Double], at x: Double, isChebyshev: Bool) -> Double {
        var (before, now, sum) = (1.0, x, coefficients[0])
        for (order, coefficient) in coefficients.enumerated().dropFirst() {
            sum += coefficient * now
            let n = Double(order)
            (before, now) = (now, isChebyshev ? 2 * x * now - before : ((2 * n + 1) * x * now - n * before) / (n + 1))
        }
        return sum
    }
}
