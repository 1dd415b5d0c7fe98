import Foundation
import Spectra
import Support
import Tables

/// GALAH's spectra, one file for each camera of HERMES
/// (https://docs.datacentral.org.au/galah/dr3/galah-dr3-spectra/).
enum GALAHSpectrum: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "GALAH", recognised: "ORIGIN or SURVEY of GALAH, or an extension input_sigma, and images of one length",
        wavelength: "CRVAL1, CDELT1, Å", medium: "air", flux: "HDU 0", error: "HDU 1, relative: times the flux",
        mask: "none", id: "SOBJECT_ID, else OBSID, else the file's name without the camera")

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        let facts = file.facts
        let names = file.parts.map { $0.name.lowercased() }
        let isGALAH = ["ORIGIN", "SURVEY"].contains { facts[$0]?.uppercased().contains("GALAH") == true }
        guard isGALAH || names.contains("input_sigma"), file.parts.count >= 2, let image = file.parts[0].image,
            image.axes.count == 1, let errors = file.parts[1].image, errors.axes == image.axes,
            let axis = try Dispersion(facts, count: image.axes[0], file: file.url.relativePath)
        else { return nil }
        var reading = SpectrumReading()
        (reading.layout, reading.part) = (sheet.name, file.parts[0].title)
        (reading.flux, reading.error) = ("HDU 0", "HDU 1 times the flux")
        var builder = SpectrumBuilder(options, header: facts, origin: file.url.path, reading: reading)
        builder.take(axis, plain: .angstrom)
        if axis.medium == nil { builder.statements.append(MediumStatement(.air, by: "GALAH", isWeak: true)) }
        builder.flux = try image.row(0)
        builder.error = zip(builder.flux, try errors.row(0)).map { abs($0 * $1) }
        // The name of a file is the observation's number and that of the camera.
        let name = file.url.lastPathComponent.prefix { $0.isNumber }
        if facts["SOBJECT_ID"] == nil, name.count == 16 { builder.header["SOBJECT_ID"] = String(name.dropLast()) }
        let others = file.parts.count - 2
        return FoundSpectra(
            [ReadSpectra([try builder.build()])],
            notes: others > 0 ? ["\(others) other images (not sky-subtracted, normalised) are left out"] : [])
    }
}

/// The 6dF Galaxy Survey's files: images whose rows are flux, variance and sky
/// (http://www-wfau.roe.ac.uk/6dFGS/).
enum SixDFSpectrum: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "6dFGS", recognised: "extensions SPECTRUM VR, or SPECTRUM V and SPECTRUM R, of three rows or more",
        wavelength: "CRVAL1, CDELT1; of VR the fourth row", medium: "air", flux: "row 1, counts",
        error: "row 2, variance",
        mask: "none", id: "TARGET, TARGETNAME")

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        let parts = file.parts.filter {
            $0.name.uppercased().wholeMatch(of: /SPECTRUM (V|R|VR)/) != nil && ($0.image?.rowCount ?? 0) >= 3
        }
        guard !parts.isEmpty else { return nil }
        // Both arms joined, where there are both; else each by itself.
        let joined = parts.filter { $0.name.uppercased().hasSuffix("VR") }
        let spectra = try (joined.isEmpty ? parts : joined).compactMap { try spectrum($0, file, options) }
        guard !spectra.isEmpty else { return nil }
        return FoundSpectra(
            [ReadSpectra(spectra)],
            notes: joined.isEmpty || parts.count == 1
                ? [] : ["the arms V and R by themselves are left out: VR joins them"])
    }

    private static func spectrum(_ part: FilePart, _ file: FileParts, _ options: ReadingOptions) throws -> Spectrum? {
        guard let image = part.image else { return nil }
        var reading = SpectrumReading()
        (reading.layout, reading.part, reading.flux) = (sheet.name, part.title, "row 1")
        reading.error = "row 2 as variance"
        var builder = SpectrumBuilder(options, header: file.facts(of: part), origin: file.url.path, reading: reading)
        if let id = builder.header["TARGET"] ?? builder.header["TARGETNAME"], builder.header["OBJNAME"] == nil {
            builder.header["OBJNAME"] = id
        }
        if let axis = try Dispersion(part.facts, count: image.axes[0], file: file.url.relativePath) {
            builder.take(axis, plain: .angstrom)
        } else if image.rowCount > 3 {
            (builder.wavelength, builder.unit) = (try image.row(3), .angstrom)
            builder.reading.wavelength = "row 4"
        } else {
            return nil
        }
        // 2dfdr calibrates by arc lines in air.
        builder.statements.append(MediumStatement(.air, by: "6dFGS", isWeak: true))
        (builder.flux, builder.variance) = (try image.row(0), try image.row(1))
        return try builder.build()
    }
}

/// Files of many fibres as 2dfdr reduces them (2dF, AAOmega, HERMES) and Marz reads them: a row of the image for each fibre, and a
/// table that says what each saw (https://github.com/Samreay/Marz/wiki, "Data format").
enum FibreImages: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "2dF, AAOmega, Marz",
        recognised: "an image with a spectral axis, and a table FIBRES (or FIBERS) of as many rows, with TYPE",
        wavelength: "CRVAL1, CDELT1; an extension WAVELENGTH",
        medium: "VACUUM and their kin; else air, as 2dfdr has it",
        flux: "HDU 0 or an extension INTENSITY: the rows of objects (TYPE P); sky and unused fibres are left out",
        error: "an extension VARIANCE", mask: "none", id: "NAME of the fibre")

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        func part(_ names: String...) -> FilePart? { file.parts.first { names.contains($0.name.uppercased()) } }
        guard let table = part("FIBRES", "FIBERS")?.table,
            let flux = part("INTENSITY") ?? file.parts.first(where: { $0.image != nil }), let image = flux.image,
            image.axes.count == 2, table.rowCount == image.axes[1],
            let type = table.fields.firstIndex(where: { $0.name.uppercased() == "TYPE" })
        else { return nil }
        let variance = part("VARIANCE")?.image.flatMap { $0.axes == image.axes ? $0 : nil }
        let fibres = try table.next(image.axes[1])
        let types = try fibres.texts(type).map { $0.trimmingCharacters(in: .whitespaces).uppercased() }
        let facts = try table.fields.indices.filter { table.fields[$0].isFact }
            .map { (table.fields[$0].name.uppercased(), try fibres.texts($0)) }
        var reading = SpectrumReading()
        (reading.layout, reading.part) = (sheet.name, flux.title)
        (reading.flux, reading.error) = ("rows of objects", variance == nil ? "" : "extension VARIANCE")
        var builder = SpectrumBuilder(options, header: file.facts(of: flux), origin: file.url.path, reading: reading)
        let own = part("WAVELENGTH")?.image
        if let own, own.axes.first == image.axes[0] {
            (builder.wavelength, builder.reading.wavelength) = (try own.row(0), "extension WAVELENGTH")
        } else if let axis = try Dispersion(flux.facts, count: image.axes[0], file: file.url.relativePath) {
            builder.take(axis, plain: .angstrom)
        } else {
            return nil
        }
        builder.statements.append(MediumStatement(.air, by: "2dfdr", isWeak: true))
        let spectra = try types.indices.filter { types[$0] == "P" }.map { row in
            var builder = builder
            for (name, values) in facts { builder.header[name == "NAME" ? "OBJNAME" : name] = values[row] }
            for angle in ["RA", "DEC"] { builder.header[angle] = builder.header[angle].flatMap(Self.degrees) }
            builder.flux = try image.row(row)
            builder.variance = try variance?.row(row)
            if let own, own.rowCount == image.rowCount { builder.wavelength = try own.row(row) }
            return try builder.build()
        }
        guard !spectra.isEmpty else {
            throw Diagnostic(
                file.url, field: "TYPE", problem: "names no fibre of an object (P)",
                remedy: "correct the table of fibres")
        }
        let others = types.count - spectra.count
        return FoundSpectra(
            [ReadSpectra(spectra)], notes: others > 0 ? ["\(others) fibres of sky or of nothing are left out"] : [])
    }

    /// 2dfdr gives positions in radians.
    private static func degrees(_ text: String) -> String? {
        Double(text).map { abs($0) <= 2 * .pi ? "\($0 * 180 / .pi)" : "\($0)" }
    }
}
