import Foundation
import Spectra
import Support
import Tables

/// SDSS, BOSS and SDSS-V `spec` files: the coadded spectrum first, then facts of the object, then single exposures
/// (https://data.sdss.org/datamodel/files/BOSS_SPECTRO_REDUX/RUN2D/spectra/full/PLATE4/spec.html).
enum SDSSSpec: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "SDSS, BOSS, SDSS-V spec (lite and full)",
        recognised: "a table COADD with flux and loglam, a row per pixel",
        wavelength: "loglam", medium: "vacuum", flux: "flux", error: "ivar", mask: "and_mask",
        id: "columns of SPECOBJ or SPALL: SPECOBJID, SDSS_ID, …")

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        guard options.columns.isEmpty, let part = file.parts.first(where: { $0.name.uppercased() == "COADD" }),
            let table = part.table, table.rowCount ?? 0 > 1
        else { return nil }
        let columns = try TableColumns(table.fields, file.url.relativePath)
        guard let wavelength = columns[.wavelength], table.fields[wavelength].name.lowercased() == "loglam",
            let flux = columns[.flux], !table.fields[flux].isArray
        else { return nil }
        var context = TableContext(file: file, part: part, fields: table.fields, columns: columns, options: options)
        context.layout = sheet.name
        let exposures = file.parts.filter {
            $0.number > part.number && ColumnRole.flux.index(in: $0.table?.fields.map(\.name) ?? []) != nil
        }
        var notes: [String] = []
        if let first = exposures.first {
            notes.append(
                "\(exposures.count) single exposures are left out (\(file.url.lastPathComponent)[\(first.number)] reads the first)"
            )
        }
        return FoundSpectra([PixelPerRow(table, context)], notes: notes)
    }
}

/// APOGEE's `apStar`, `asStar` and `apVisit`: images of flux, errors and masks without names
/// (https://data.sdss.org/datamodel/files/APOGEE_REDUX/APRED_VERS/stars/TELESCOPE/FIELD/apStar.html).
enum APOGEEStar: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "APOGEE apStar, asStar, apVisit",
        recognised: "NVISITS, or SURVEY = apogee, and images of flux, error and mask in HDU 1 to 3",
        wavelength: "CRVAL1, CDELT1 (log10 Å), or the image of HDU 4", medium: "vacuum",
        flux: "HDU 1: its first row, the combined spectrum; rows of chips are joined", error: "HDU 2", mask: "HDU 3",
        id: "OBJID, APOGEE_ID")

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        let facts = file.facts
        let isAPOGEE =
            facts["NVISITS"] != nil || facts["SURVEY"]?.lowercased().contains("apogee") == true
            || facts["INSTRUME"]?.uppercased().hasPrefix("APOGEE") == true
        guard isAPOGEE, file.parts.count > 3, let flux = file.parts[1].image, let error = file.parts[2].image,
            error.axes == flux.axes, let width = flux.axes.first, width > 1000
        else { return nil }
        let mask = file.parts[3].image.flatMap { $0.axes == flux.axes ? $0 : nil }
        var reading = SpectrumReading()
        (reading.layout, reading.part) = (sheet.name, file.parts[1].title)
        (reading.error, reading.mask) = ("HDU 2 as error", mask == nil ? "" : "HDU 3")
        var builder = SpectrumBuilder(
            options, header: file.facts(of: file.parts[1]), origin: file.url.path, reading: reading)
        builder.statements = [MediumStatement(.vacuum, by: "APOGEE")]
        let axis = try Dispersion(file.parts[1].facts, count: width, file: file.url.relativePath)
        if let axis, facts["NVISITS"] != nil || flux.rowCount == 1 {
            (builder.wavelength, builder.unit) = (axis.values, axis.unit ?? .log10Angstrom)
            (builder.flux, builder.error, builder.flags) = (try flux.row(0), try error.row(0), try mask?.row(0))
            (builder.reading.wavelength, builder.reading.flux) = (axis.source, "row 1, the combined spectrum")
        } else if file.parts.count > 4, let wavelengths = file.parts[4].image, wavelengths.axes == flux.axes {
            // Chips run from red to blue, each of them as well.
            let rows = Array(0..<flux.rowCount)
            let pixels = try rows.flatMap { try wavelengths.row($0) }
            let order = pixels.indices.sorted { pixels[$0] < pixels[$1] }
            func sorted(_ image: any ImageSource) throws -> [Double] {
                let values = try rows.flatMap { try image.row($0) }
                return order.map { values[$0] }
            }
            (builder.wavelength, builder.unit) = (order.map { pixels[$0] }, .angstrom)
            (builder.flux, builder.error) = (try sorted(flux), try sorted(error))
            builder.flags = try mask.map(sorted)
            (builder.reading.wavelength, builder.reading.flux) = ("HDU 4", "the chips, joined")
        } else {
            return nil
        }
        // Bits 0 to 7 and 12 to 14 mark pixels of no use; the others warn (APOGEE_PIXMASK).
        builder.flags = builder.flags?.map { Double(Int(max(0, $0)) & 0x70ff) }
        let others = facts["NVISITS"].flatMap { Int($0) } ?? 1
        let notes = others > 1 && flux.rowCount > 1 ? ["\(others) single visits are left out"] : []
        return FoundSpectra([ReadSpectra([try builder.build()])], notes: notes)
    }
}
