import Spectra
import Support
import Tables

/// LAMOST's early files (DR1 to DR8): rows of an image.
enum LAMOSTImage: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "LAMOST LRS image (DR1–DR8)", recognised: "TELESCOP = LAMOST, or SNRG or SN_G, and rows of pixels",
        wavelength: "COEFF0, COEFF1; else row 3", medium: "vacuum", flux: "row 1", error: "row 2, inverse variance",
        mask: "row 4, andmask", id: "OBSID")

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        guard let part = file.parts.first(where: { $0.image != nil }), let image = part.image, image.axes.count == 2,
            (2...6).contains(image.axes[1]), image.axes[0] > 100
        else { return nil }
        let facts = file.facts(of: part)
        let isLAMOST =
            facts["TELESCOP"]?.uppercased().hasPrefix("LAMOST") == true
            || ["SNRG", "SN_G", "SNRU", "SN_U"].contains { facts[$0] != nil }
        guard isLAMOST, facts["ARRAY1"] == nil || facts["COEFF0"] != nil else { return nil }
        let rows = try (0..<image.axes[1]).map(image.row)
        var reading = SpectrumReading()
        (reading.layout, reading.part) = (sheet.name, part.title)
        (reading.flux, reading.error) = ("row 1", "row 2 as inverse variance")
        var builder = SpectrumBuilder(options, header: facts, origin: file.url.path, reading: reading)
        (builder.flux, builder.ivar) = (rows[0], rows[1])
        if rows.count > 3 {
            builder.flags = rows[3]
            builder.reading.mask = "row 4"
        }
        builder.statements = [MediumStatement(.vacuum, by: "LAMOST", isWeak: true)]
        // Keywords first: they are exact, and in early releases the row that later holds wavelengths is all ones.
        if let axis = try Dispersion(facts, count: rows[0].count, file: file.url.relativePath) {
            (builder.wavelength, builder.unit) = (axis.values, axis.unit)
            builder.reading.wavelength = axis.source
        } else if rows.count > 2, rows[2].first != rows[2].last {
            (builder.wavelength, builder.wavelengthIsFloat32) = (rows[2], true)
            builder.reading.wavelength = "row 3"
        } else {
            throw Dispersion.missing(in: file.url)
        }
        return FoundSpectra([ReadSpectra([try builder.build()])])
    }
}

/// LAMOST's later files: low resolution from DR9 on, and medium resolution, coadded arms beside single exposures
/// (https://www.lamost.org/dr10/v1.0/doc/mr-data-production-description).
enum LAMOSTTables: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "LAMOST LRS (DR9 on) and MRS", recognised: "tables COADD, COADD_B or COADD_R, a row of arrays each",
        wavelength: "WAVELENGTH or LOGLAM", medium: "vacuum", flux: "FLUX of each coadd", error: "IVAR",
        mask: "ANDMASK, PIXMASK", id: "OBSID")

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        let coadds = file.parts.filter { part in
            guard ["COADD", "COADD_B", "COADD_R", "COMBINED"].contains(part.name.uppercased()) else { return false }
            let names = part.table?.fields.filter(\.isArray).map(\.name) ?? []
            return ColumnRole.flux.index(in: names) != nil && ColumnRole.wavelength.index(in: names) != nil
        }
        guard !coadds.isEmpty, options.columns.isEmpty else { return nil }
        let groups = try coadds.compactMap { part -> (any SpectrumSource)? in
            guard let table = part.table else { return nil }
            let columns = try TableColumns(table.fields, file.url.relativePath)
            var context = TableContext(file: file, part: part, fields: table.fields, columns: columns, options: options)
            context.statements = [MediumStatement(.vacuum, by: "LAMOST", isWeak: true)]
            context.layout = sheet.name
            return SpectrumPerRow(table, context)
        }
        let exposures = file.parts.count { part in
            !coadds.contains { $0.number == part.number }
                && part.table.map { ColumnRole.flux.index(in: $0.fields.map(\.name)) != nil } == true
        }
        return FoundSpectra(
            groups, notes: exposures > 0 ? ["\(exposures) single exposures are left out (name an HDU to read it)"] : [])
    }
}
