import Foundation
import Spectra
import Support
import Tables

/// FITS images whose keywords, names of extensions or rows say what they are.
enum SpectrumImages: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "FITS image",
        recognised: "an image with a spectral axis, or with a row or column of wavelengths",
        wavelength: "COEFF0/COEFF1, CRVAL1 with CTYPE1, CUNIT1, DC-FLAG or WAT1; an extension WAVELENGTH; a rising row",
        medium: "AWAV, VACUUM and their kin; else vacuum, with a note",
        flux:
            "the first image, an extension FLUX, DATA, SCI; a row that ARRAYn, ROWn or BANDIDn calls so; else every row",
        error: "extensions or rows ERROR, SIGMA, STAT, VARIANCE, IVAR, …", mask: "extensions or rows MASK, DQ, …",
        id: "OBSID, OBJNAME, … of the header")

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        let images = file.parts.filter { $0.image != nil }
        var notes: [String] = []
        guard let (part, image) = try chosen(images, file, options, &notes) else { return nil }
        // Tables of spectra count for more than an image of which nothing says what it is.
        let rows = try ImageRows(part, image, file)
        if !rows.saysWhatItIs, file.parts.contains(where: { $0.table != nil }),
            let found = try SpectrumTables.open(file, options)
        {
            return found
        }
        guard let rows = try rows.withWavelengths(options) else { return nil }
        let partners = try Partners(part, images, file)
        notes += partners.notes
        let spectra = try rows.spectra(partners, options, &notes)
        return spectra.isEmpty ? nil : FoundSpectra([ReadSpectra(spectra)], notes: notes)
    }

    /// The image that holds flux.
    private static func chosen(
        _ images: [FilePart], _ file: FileParts, _ options: ReadingOptions, _ notes: inout [String]
    ) throws -> (FilePart, any ImageSource)? {
        var candidates: [(FilePart, any ImageSource)] = []
        for part in images {
            guard let image = part.image, let width = image.axes.first, width > 1 else { continue }
            let types = (1...3).map { part.facts["CTYPE\($0)"]?.uppercased() ?? "" }
            if types.contains(where: Dispersion.isCelestial) {
                notes.append("\(part.title) is an image of the sky and is left out")
                continue
            }
            candidates.append((part, image))
        }
        let named = candidates.filter { ImageRole(ofExtension: $0.0.name) == .flux }
        let others = candidates.filter { ImageRole(ofExtension: $0.0.name) == nil }
        guard let first = named.first ?? others.first else { return nil }
        for other in (named.isEmpty ? others : named).dropFirst() {
            notes.append(file.leftOut(other.0))
        }
        return first
    }
}

/// What an image or a row of one is for.
enum ImageRole: Equatable {
    case flux, ivar, error, variance, mask, wavelength, other

    /// - Parameter name: of an extension; nil where it says nothing.
    init?(ofExtension name: String) {
        let name = name.lowercased()
        if name.isEmpty || name == "primary" { return nil }
        let roles: [(ColumnRole, ImageRole)] = [
            (.wavelength, .wavelength), (.flux, .flux), (.ivar, .ivar), (.error, .error), (.variance, .variance),
            (.mask, .mask),
        ]
        for (role, own) in roles where role.names.contains(ColumnRole.withoutMedium(ColumnRole.plain(name))) {
            self = own
            return
        }
        let others = ["continuum", "sky", "background", "telluric", "resolution", "model", "exposure", "weight"]
        guard others.contains(where: name.contains) else { return nil }
        self = .other
    }

    /// Whether it says how good the flux is.
    var isOfErrors: Bool { [.ivar, .error, .variance, .mask].contains(self) }

    /// - Parameter text: what a header says of a row: `spectrum - background none, weights variance`.
    init(describing text: String) {
        let text = text.lowercased()
        let head = String(text.prefix { $0 != "-" && $0 != "(" })
        func has(_ words: String...) -> Bool { words.contains { head.contains($0) } }
        self =
            if has("raw", "sky", "background", "continuum", "subtracted", "model") {
                .other
            } else if has("wave", "lambda") {
                .wavelength
            } else if has("inverse", "ivar", "invvar") {
                .ivar
            } else if has("variance") || head.trimmingCharacters(in: .whitespaces) == "var" {
                .variance
            } else if has("sigma", "error", "noise", "uncert", "stdev") {
                .error
            } else if has("mask", "flag", "quality", "dq") {
                .mask
            } else if has("spectrum", "flux", "object", "signal", "data", "intensity", "star") {
                .flux
            } else {
                .other
            }
    }
}

extension SpectrumBuilder {
    /// Takes mask and errors from images, or rows of one: of the errors the first of inverse variance, variance and σ.
    mutating func takeErrors(_ image: (ImageRole) throws -> [Double]?) rethrows {
        flags = try image(.mask)
        if flags != nil { reading.mask = "mask" }
        if let found = try image(.ivar) {
            (ivar, reading.error) = (found, "inverse variance")
        } else if let found = try image(.variance) {
            (variance, reading.error) = (found, "variance")
        } else if let found = try image(.error) {
            (error, reading.error) = (found, "error")
        }
    }
}

/// The rows of an image with what the file says that they are.
struct ImageRows {
    let part: FilePart
    let file: FileParts
    private var rows: [[Double]]
    private var roles: [ImageRole?]
    private var axis: Dispersion?
    private var wavelength: [Double]?
    private var source = ""
    private var isTransposed = false

    init(_ part: FilePart, _ image: any ImageSource, _ file: FileParts) throws {
        (self.part, self.file) = (part, file)
        let count = image.rowCount
        // A picture of a million rows is no set of spectra that anybody keeps in an image.
        guard count <= 100_000 else {
            throw Diagnostic(
                file.url, field: part.title, problem: "has \(count) rows", remedy: "give the spectra as a table")
        }
        rows = try (0..<count).map(image.row)
        let width = image.axes[0]
        let facts = part.facts
        axis = try Dispersion(facts, count: width, file: file.url.relativePath)
        let slow = Array(image.axes.dropFirst())
        roles = (0..<count).map { row in
            // Rows are told apart by their own keyword, bands along the third axis by BANDIDn.
            let (line, band) = (row % max(1, slow.first ?? 1) + 1, row / max(1, slow.first ?? 1) + 1)
            let keys =
                slow.count > 1 ? ["BANDID\(band)"] : ["ARRAY\(line)", "ROW\(line)", "BANDID\(line)", "CRROW\(line)"]
            return keys.lazy.compactMap { facts[$0] }.first.map { ImageRole(describing: $0) }
        }
    }

    /// Whether something but the numbers tells where the wavelengths are.
    var saysWhatItIs: Bool { axis != nil || roles.contains { $0 == .wavelength } }

    /// The rows with their wavelengths; nil where there are none.
    func withWavelengths(_ options: ReadingOptions) throws -> ImageRows? {
        var copy = self
        if let row = roles.firstIndex(of: .wavelength) {
            copy.take(row, "row \(row + 1)")
        } else if axis != nil {
            // An early LAMOST, and many others, repeat the keywords' wavelengths in a row.
            copy.dropRowsLikeTheAxis()
        } else if let partner = try file.parts.lazy.compactMap({ try wavelengths(of: $0) }).first {
            (copy.wavelength, copy.source) = (partner.values, partner.name)
        } else if let row = rows.firstIndex(where: Self.rises) {
            copy.take(row, "row \(row + 1)")
        } else if let columns = transposed, let row = columns.firstIndex(where: Self.rises) {
            (copy.rows, copy.roles, copy.isTransposed) = (columns, columns.map { _ in nil }, true)
            copy.take(row, "column \(row + 1)")
        } else if rows.count > 1 || rows.first.map(Self.rises) == false, rows[0].count > 100 {
            throw Dispersion.missing(in: file.url)
        } else {
            return nil
        }
        return copy
    }

    private func wavelengths(of other: FilePart) throws -> (values: [Double], name: String)? {
        guard other.number != part.number, ImageRole(ofExtension: other.name) == .wavelength, let image = other.image,
            image.axes.first == rows[0].count
        else { return nil }
        return (try image.row(0), "extension \(other.name)")
    }

    private mutating func take(_ row: Int, _ name: String) {
        (wavelength, source) = (rows[row], name)
        rows.remove(at: row)
        roles.remove(at: row)
    }

    private mutating func dropRowsLikeTheAxis() {
        guard let axis, rows.count > 1 else { return }
        let own = (axis.unit ?? .angstrom).angstrom(axis.values)
        let isLike = rows.map { row in
            zip(row, own).allSatisfy { abs($0 - $1) <= 1e-4 * abs($1) } || zip(row, axis.values).allSatisfy { $0 == $1 }
        }
        roles = zip(roles, isLike).filter { !$0.1 }.map(\.0)
        rows = zip(rows, isLike).filter { !$0.1 }.map(\.0)
    }

    /// Columns as rows, of an image with a few columns.
    private var transposed: [[Double]]? {
        guard let width = rows.first?.count, width <= 8, rows.count > 50 else { return nil }
        return (0..<width).map { column in rows.map { $0[column] } }
    }

    /// Whether numbers can be wavelengths: positive, rising all along, over a range that spectra have.
    private static func rises(_ values: [Double]) -> Bool {
        guard values.count > 10, let first = values.first, let last = values.last, first > 0, last.isFinite else {
            return false
        }
        return last > first * 1.01 && WavelengthUnit.guessed(from: values) != nil
            && zip(values, values.dropFirst()).allSatisfy { $0 < $1 }
    }

    /// The spectra: one where rows have roles, else one for each row.
    func spectra(_ partners: Partners, _ options: ReadingOptions, _ notes: inout [String]) throws -> [Spectrum] {
        let told = roles.contains { $0 != nil }
        if told, roles.count(where: { $0 == .flux }) <= 1 {
            guard let flux = roles.firstIndex(of: .flux) ?? roles.firstIndex(of: nil) else { return [] }
            let rest = roles.indices.filter { roles[$0] == .other || ($0 != flux && roles[$0] == nil) }
            if !rest.isEmpty { notes.append("rows that are neither flux nor its errors are left out") }
            let told = try spectrum(flux, partners, options, named: "row \(flux + 1)") { role in
                roles.firstIndex(of: role).map { rows[$0] }
            }
            return [told]
        }
        if source.hasPrefix("row") || source.hasPrefix("column"), rows.count > 1 {
            // Beside wavelengths stands flux; what further rows are, nobody says.
            notes.append(
                "\(isTransposed ? "columns" : "rows") beyond wavelengths and flux are left out: nothing says what they are"
            )
            return [try spectrum(0, partners, options, named: "the first beside it") { _ in nil }]
        }
        let several = rows.count > 1
        if several {
            notes.append("\(rows.count) rows without a stated meaning: each is read as a spectrum (#1, #2, …)")
        }
        return try rows.indices.map { row in
            try spectrum(row, partners, options, named: several ? "each row" : "the image") { _ in nil }
        }
    }

    private func spectrum(
        _ row: Int, _ partners: Partners, _ options: ReadingOptions, named: String,
        _ other: (ImageRole) throws -> [Double]?
    ) throws -> Spectrum {
        var reading = SpectrumReading()
        (reading.layout, reading.part, reading.flux) = ("FITS image", part.title, named)
        var builder = SpectrumBuilder(options, header: file.facts(of: part), origin: file.url.path, reading: reading)
        builder.flux = rows[row]
        builder.fluxUnit = part.facts["BUNIT"] ?? ""
        try builder.takeErrors { role in try other(role) ?? (try partners.row(row, role)) }
        if let axis, wavelength == nil {
            builder.take(axis)
        } else {
            builder.wavelength = wavelength ?? []
            builder.reading.wavelength = source
            builder.wavelengthIsFloat32 = true
        }
        return try builder.build()
    }
}

/// Other images of a file that belong to one of flux: errors, masks.
struct Partners {
    private var images: [(role: ImageRole, image: any ImageSource)] = []
    private(set) var notes: [String] = []

    init(_ part: FilePart, _ images: [FilePart], _ file: FileParts) throws {
        for other in images where other.number != part.number {
            guard let role = ImageRole(ofExtension: other.name), let image = other.image,
                image.axes.first == part.image?.axes.first
            else { continue }
            if role == .other {
                notes.append("extension \(other.name) is left out")
            } else if role.isOfErrors {
                self.images.append((role, image))
            }
        }
    }

    /// The row of a role that belongs to a row of flux.
    func row(_ row: Int, _ role: ImageRole) throws -> [Double]? {
        guard let image = images.first(where: { $0.role == role })?.image, row < max(1, image.rowCount) else {
            return nil
        }
        return try image.row(row)
    }
}

/// Spectra that are in memory.
final class ReadSpectra: SpectrumSource {
    private var spectra: [Spectrum]

    init(_ spectra: [Spectrum]) { self.spectra = spectra }

    func next(_ count: Int) -> [Spectrum] {
        defer { spectra.removeFirst(min(count, spectra.count)) }
        return Array(spectra.prefix(count))
    }
}
