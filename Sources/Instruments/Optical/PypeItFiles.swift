import Foundation
import Spectra
import Support
import Tables

/// PypeIt's `spec1d`: a table for each object, of optimal and boxcar extractions
/// (https://pypeit.readthedocs.io/en/stable/specobj.html).
enum PypeItSpec1D: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "PypeIt spec1d", recognised: "tables with OPT_WAVE and OPT_COUNTS, or BOX_WAVE and BOX_COUNTS",
        wavelength: "OPT_WAVE, else BOX_WAVE", medium: "VAC_OR_AIR or FRAME of the header; else vacuum",
        flux: "OPT_FLAM, else OPT_COUNTS, else those of BOX", error: "OPT_FLAM_IVAR, OPT_COUNTS_IVAR",
        mask: "OPT_MASK, of good pixels", id: "the name of the HDU")

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        var groups: [any SpectrumSource] = []
        for part in file.parts {
            guard let table = part.table else { continue }
            let names = Set(table.fields.map { $0.name.uppercased() })
            let stems = [("OPT", "FLAM"), ("OPT", "COUNTS"), ("BOX", "FLAM"), ("BOX", "COUNTS")]
            guard
                let (way, kind) = stems.first(where: {
                    names.contains("\($0.0)_WAVE") && names.contains("\($0.0)_\($0.1)")
                })
            else { continue }
            let own: [ColumnRole: [String]] = [
                .wavelength: ["\(way)_wave".lowercased()], .flux: ["\(way)_\(kind)".lowercased()],
                .ivar: ["\(way)_\(kind)_ivar".lowercased()], .mask: ["\(way)_mask".lowercased()],
            ]
            let columns = try TableColumns(table.fields, chosen: options.chosenColumns, own: own, file.url.relativePath)
            var context = TableContext(file: file, part: part, fields: table.fields, columns: columns, options: options)
            (context.layout, context.masksAreGood) = (sheet.name, true)
            context.statements = [MediumStatement(.vacuum, by: "PypeIt", isWeak: true)]
            groups.append(PixelPerRow(table, context))
        }
        return groups.isEmpty ? nil : FoundSpectra(groups)
    }
}
