import Foundation
import Spectra
import Support
import Tables

/// Tables of any container whose columns say what they are by their names.
enum SpectrumTables: SpectrumLayout {
    static let sheet = LayoutSheet(
        name: "Table",
        recognised: "a column of flux beside one of wavelengths (a row per pixel), or of arrays (a row per spectrum)",
        wavelength:
            "wavelength, wave, lambda, loglam, …, a column of UCD em.wl, or keywords; Gaia XP's 343 samples need none",
        medium: "VACUUM, AIRORVAC and their kin; the column's name, UCD or unit; else vacuum, with a note",
        flux: "flux, intensity, spectrum, …", error: "ivar, error, sigma, variance, …",
        mask: "mask, and_mask, dq, flags, good, …", id: "source_id, obsid, targetid, sdss_id, …")

    /// Fewer pixels are no spectrum where the file holds another.
    private static let fewest = 20

    static func open(_ file: FileParts, _ options: ReadingOptions) throws -> FoundSpectra? {
        var (found, small): ([any SpectrumSource], [(part: FilePart, source: any SpectrumSource)]) = ([], [])
        var (empty, notes): (FilePart?, [String]) = (nil, [])
        for part in file.parts {
            guard let table = part.table else { continue }
            if let source = try unnamed(table, part, file, options) { return FoundSpectra([source]) }
            let columns = try TableColumns(table.fields, chosen: options.chosenColumns, file.url.relativePath)
            guard let flux = columns[.flux] else { continue }
            if table.rowCount == 0 {
                empty = empty ?? part
                continue
            }
            let context = TableContext(file: file, part: part, fields: table.fields, columns: columns, options: options)
            if table.fields[flux].isArray {
                found.append(SpectrumPerRow(table, context))
                let name = table.fields[flux].name
                let others = TableColumns.further(flux: name, among: table.fields.map(\.name))
                if let other = others.first {
                    let left = others.joined(separator: ", ")
                    notes.append("\(name) is read, \(left) left out (--columns flux=\(other))")
                }
            } else if let wavelength = columns[.wavelength], !table.fields[wavelength].isArray {
                let source = PixelPerRow(table, context)
                if table.rowCount ?? Int.max < fewest { small.append((part, source)) } else { found.append(source) }
            }
        }
        if !found.isEmpty {
            return FoundSpectra(
                found,
                notes: notes
                    + small.map { file.leftOut($0.part, " has \($0.part.table?.rowCount ?? 0) pixels and") })
        }
        if !small.isEmpty { return FoundSpectra(small.map(\.source)) }
        if let empty {
            throw Diagnostic(
                file.url, field: empty.title, problem: "its table has no rows", remedy: "give another file")
        }
        return nil
    }

    /// Text without names: two long rows, or two columns; and names of which none is known, where they are of numbers.
    private static func unnamed(
        _ table: any TableSource, _ part: FilePart, _ file: FileParts, _ options: ReadingOptions
    ) throws -> (any SpectrumSource)? {
        guard file.container == "text", options.columns.isEmpty else { return nil }
        let names = table.fields.map(\.name)
        var columns = TableColumns()
        (columns.indices[.wavelength], columns.indices[.flux]) = (0, 1)
        if names == names.indices.map({ "\($0 + 1)" }) {
            guard names.count <= 10 else { return TwoRows(table, file, options) }
        } else {
            let isKnown = ColumnRole.allCases.contains { ![.ra, .dec].contains($0) && $0.index(in: names) != nil }
            guard !isKnown, !table.fields.contains(where: \.isArray) else { return nil }
        }
        guard names.count >= 2 else {
            throw Diagnostic(
                file.url, problem: "holds one column",
                remedy: "give wavelengths in the first column and flux in the second")
        }
        let context = TableContext(file: file, part: part, fields: table.fields, columns: columns, options: options)
        return FirstColumns(table, context)
    }
}

extension TableColumns {
    init() {}
}

/// What the readers of a table share.
struct TableContext {
    var file: FileParts
    var part: FilePart
    var fields: [Field]
    var columns: TableColumns
    var options: ReadingOptions
    /// What the layout says of the wavelengths.
    var statements: [MediumStatement] = []
    /// Whether masks call pixels good.
    var masksAreGood = false
    /// Name of the layout.
    var layout = ""

    /// A builder that knows what holds of all spectra of the table.
    func builder(_ header: [String: String], layout shape: String) -> SpectrumBuilder {
        var reading = SpectrumReading()
        reading.layout = layout.isEmpty ? "\(file.container), \(shape)" : layout
        if file.container == "FITS" { reading.part = part.title }
        func name(_ role: ColumnRole) -> String? { columns[role].map { fields[$0].name } }
        reading.wavelength = name(.wavelength).map { "column \($0)" } ?? ""
        reading.flux = name(.flux).map { "column \($0)" } ?? ""
        if let error = [ColumnRole.ivar, .variance, .error].first(where: { columns[$0] != nil }) {
            reading.error = "column \(name(error) ?? "") as \(error == .ivar ? "inverse variance" : error.rawValue)"
        }
        reading.mask = name(.mask).map { "column \($0)" } ?? ""
        var builder = SpectrumBuilder(options, header: header, origin: file.url.path, reading: reading)
        builder.statements = statements
        if let index = columns[.wavelength] {
            let field = fields[index]
            builder.wavelengthIsFloat32 = field.kind == .single
            builder.statements += Self.statements(of: field)
            builder.unit = WavelengthUnit(parsing: field.unit) ?? ColumnRole.unit(ofWavelengthColumn: field.name)
        }
        if isPypeIt { builder.statements.append(MediumStatement(.vacuum, by: "PypeIt", isWeak: true)) }
        if fields.contains(where: { $0.name.lowercased() == "sdss_id" }) {
            builder.statements.append(MediumStatement(.vacuum, by: "SDSS-V", isWeak: true))
        }
        if let index = columns[.flux] {
            builder.fluxUnit = fields[index].unit
            // A file's own unit for all of its flux, where it makes sense.
            if builder.fluxUnit.isEmpty, let unit = file.facts["BUNIT"], FluxUnit(parsing: unit) != nil {
                builder.fluxUnit = unit
            }
        }
        if let index = columns[.mask] {
            builder.flagsMeanGood =
                masksAreGood || ColumnRole.goodMasks.contains(ColumnRole.plain(fields[index].name))
                || isPypeIt
            if builder.flagsMeanGood { builder.reading.mask += " of good pixels" }
        }
        return builder
    }

    /// PypeIt's masks call pixels good (https://pypeit.readthedocs.io, "Current Spec1D Data Model").
    private var isPypeIt: Bool {
        [file.facts, part.facts].contains { $0["PYP_CLS"] != nil || $0["DMODCLS"] != nil || $0["PYP_SPEC"] != nil }
    }

    /// A wavelength's unit that nobody knows is no reason to guess.
    func checkUnit() throws {
        guard let index = columns[.wavelength], options.wavelengthUnit == nil else { return }
        let unit = fields[index].unit
        guard !unit.isEmpty, WavelengthUnit(parsing: unit) == nil else { return }
        throw Diagnostic(
            file.url, field: fields[index].name, problem: "has the unit \"\(unit)\", which is none of wavelengths",
            remedy: "give --wavelength-unit angstrom, nanometre, …")
    }

    private static func statements(of field: Field) -> [MediumStatement] {
        var found: [MediumStatement] = []
        let ucd = field.ucd.lowercased()
        // ESO Phase 3 (https://www.eso.org/sci/observing/phase3/p3sdpstd.pdf): em.wl is in vacuum, em.wl;obs.atmos in air.
        if ucd.contains("em.wl"), ucd.contains("obs.atmos") {
            found.append(MediumStatement(.air, by: "UCD \(field.ucd)"))
        } else if ucd.hasPrefix("em.wl") {
            found.append(MediumStatement(.vacuum, by: "UCD \(field.ucd)", isWeak: true))
        }
        if let medium = ColumnRole.medium(ofWavelengthColumn: field.name) {
            found.append(MediumStatement(medium, by: "column \(field.name)"))
        } else if ColumnRole.plain(field.name) == "loglam" {
            found.append(MediumStatement(.vacuum, by: "loglam, as SDSS uses it", isWeak: true))
        }
        for text in [field.unit, field.meaning] {
            let words = Set(text.lowercased().split { !$0.isLetter }.map(String.init))
            if words.contains("air") { found.append(MediumStatement(.air, by: "\"\(text)\"")) }
            if words.contains("vacuum") || words.contains("vac") {
                found.append(MediumStatement(.vacuum, by: "\"\(text)\""))
            }
        }
        return found
    }

    /// The arrays of a spectrum by their roles.
    static var arrays: [(role: ColumnRole, path: WritableKeyPath<SpectrumBuilder, [Double]?>)] {
        [
            (.ivar, \.ivar), (.error, \.error), (.variance, \.variance), (.mask, \.flags),
        ]
    }

    /// Columns that are facts of a star.
    var facts: [Int] {
        let taken = Set([.wavelength, .flux].compactMap { columns[$0] } + Self.arrays.compactMap { columns[$0.role] })
        return fields.indices.filter { !taken.contains($0) && fields[$0].isFact }
    }
}

/// A table whose rows hold arrays.
final class SpectrumPerRow: SpectrumSource {
    private let table: any TableSource
    private let context: TableContext
    private let shared: [String: String]
    private let statements: [MediumStatement]?
    /// Whether a row had as many values as Gaia samples.
    private var areSampled = false

    init(_ table: any TableSource, _ context: TableContext) {
        (self.table, self.context) = (table, context)
        shared = context.file.facts(of: context.part)
        // Columns that speak of the medium are named like keywords.
        let names = context.facts.map { context.fields[$0].name.uppercased() }
        let mayDiffer = names.contains { ["VACUUM", "AIRORVAC", "AIR", "INVACUUM", "INAIR"].contains($0) }
        statements = mayDiffer ? nil : MediumStatement.all(in: shared)
    }

    func next(_ count: Int) throws -> [Spectrum] {
        let rows = try table.next(count)
        guard rows.count > 0 else { return [] }
        let (fields, columns) = (context.fields, context.columns)
        try context.checkUnit()
        // In text a first row without a value does not tell arrays from numbers.
        func arrays(_ role: ColumnRole) throws -> [[Double]]? {
            guard let index = columns[role], fields[index].isArray || fields[index].kind == .text else { return nil }
            return try rows.arrays(index)
        }
        guard let flux = try arrays(.flux) else { return [] }
        let wavelength = try arrays(.wavelength)
        let others = try TableContext.arrays.map { try ($0.path, arrays($0.role)) }
        let facts = try context.facts.map { (fields[$0].name.uppercased(), try rows.texts($0)) }
        // Among spectra of Gaia's sampling one of another length is of no use by itself.
        areSampled =
            areSampled || (wavelength == nil && flux.contains { $0.count == SpectrumBuilder.gaiaXPSampling.count })
        var common = context.builder(shared, layout: "a row per spectrum")
        common.sharedStatements = statements
        return try (0..<rows.count).map { [common] row in
            var builder = common
            for (name, values) in facts { builder.header[name] = values[row] }
            builder.flux = flux[row]
            for (path, values) in others { builder[keyPath: path] = values?[row] }
            // Rows may leave out what others have.
            for (path, _) in others where builder[keyPath: path]?.isEmpty == true { builder[keyPath: path] = nil }
            if let wavelength {
                builder.wavelength = wavelength[row]
            } else if let axis = try Dispersion(shared, count: builder.flux.count, file: context.file.url.relativePath)
            {
                builder.take(axis)
            } else if !areSampled || builder.flux.count == SpectrumBuilder.gaiaXPSampling.count {
                try builder.assumeGaiaXPSampling()
            }
            return try builder.build()
        }
    }
}

/// A table with a row per pixel; rows of one source follow each other.
final class PixelPerRow: SpectrumSource {
    private let table: any TableSource
    private let context: TableContext
    private let shared: [String: String]
    private var rows: (any TableRows)?
    private var place = 0
    private var begun: (id: String?, builder: SpectrumBuilder)?
    private var ended: Set<String> = []

    init(_ table: any TableSource, _ context: TableContext) {
        (self.table, self.context) = (table, context)
        var shared = context.file.facts(of: context.part)
        // SDSS: identifiers and the class stand in the first row of a second table.
        for other in context.file.parts where other.number > context.part.number {
            guard let table = other.table, table.rowCount == 1, let row = try? table.next(1) else { continue }
            for (index, field) in table.fields.enumerated() where field.isFact {
                let key = field.name.uppercased()
                if shared[key] == nil { shared[key] = (try? row.texts(index))?.first }
            }
        }
        self.shared = shared
    }

    func next(_ count: Int) throws -> [Spectrum] {
        var spectra: [Spectrum] = []
        try context.checkUnit()
        while spectra.count < count {
            let block = try table.next(4096)
            if block.count == 0 {
                if let last = begun { spectra.append(try last.builder.build()) }
                begun = nil
                break
            }
            try add(block, to: &spectra)
        }
        return spectra
    }

    private func add(_ rows: any TableRows, to spectra: inout [Spectrum]) throws {
        guard let flux = context.columns[.flux], let wavelength = context.columns[.wavelength] else { return }
        let ids = try context.columns[.sourceID].map { try rows.texts($0) }
        let (fluxes, wavelengths) = (try rows.scalars(flux), try rows.scalars(wavelength))
        let others = try TableContext.arrays.compactMap { role, path in
            try context.columns[role].map { (path, try rows.scalars($0)) }
        }
        // In text every other column may be a fact of the star; in other containers they are numbers per pixel.
        let facts = try context.facts.filter { context.file.container != "FITS" || $0 == context.columns[.sourceID] }
            .map { (context.fields[$0].name.uppercased(), try rows.texts($0)) }
        var start = 0
        while start < rows.count {
            let id = ids?[start]
            var end = start + 1
            while end < rows.count, ids?[end] == id { end += 1 }
            if let begun, begun.id != id {
                spectra.append(try begun.builder.build())
                try finish(begun.id)
                self.begun = nil
            }
            var builder = begun?.builder ?? makeBuilder(facts.map { ($0.0, $0.1[start]) }, others.map(\.0))
            begun = nil
            builder.wavelength += wavelengths[start..<end]
            builder.flux += fluxes[start..<end]
            for (path, values) in others { builder[keyPath: path]? += values[start..<end] }
            begun = (id, builder)
            start = end
        }
    }

    private func makeBuilder(
        _ facts: [(String, String)], _ others: [WritableKeyPath<SpectrumBuilder, [Double]?>]
    ) -> SpectrumBuilder {
        var builder = context.builder(shared, layout: "a row per pixel")
        for (name, value) in facts { builder.header[name] = value }
        for path in others { builder[keyPath: path] = [] }
        return builder
    }

    /// Sources whose rows are scattered would come out in pieces.
    private func finish(_ id: String?) throws {
        guard let id, ended.count < 100_000 else { return }
        guard ended.insert(id).inserted else {
            let name = context.columns[.sourceID].map { context.fields[$0].name } ?? "id"
            throw Diagnostic(
                context.file.url, field: name, problem: "the pixels of source \(id) do not follow each other",
                remedy: "sort the table by \(name)")
        }
    }
}

/// Text of which nothing says what the columns are: wavelengths and flux come first.
private final class FirstColumns: SpectrumSource {
    private let source: PixelPerRow
    private let context: TableContext

    init(_ table: any TableSource, _ context: TableContext) {
        (source, self.context) = (PixelPerRow(table, context), context)
    }

    func next(_ count: Int) throws -> [Spectrum] {
        do {
            var spectra = try source.next(count)
            for index in spectra.indices where context.fields.count > 2 {
                let others = context.fields.dropFirst(2).map(\.name).joined(separator: ", ")
                spectra[index].notes.append(
                    "columns \(context.fields[0].name) and \(context.fields[1].name) taken as wavelength and flux; "
                        + "not read: \(others) (--columns)")
            }
            return spectra
        } catch let error as Diagnostic {
            guard context.fields[0].name != "1" else { throw error }
            let names = context.fields.map(\.name).prefix(12).joined(separator: ", ")
            throw Diagnostic(
                context.file.url, field: "flux", problem: "no such column; there are \(names)",
                remedy: "name the columns wavelength and flux")
        }
    }
}

/// Text of two long rows: wavelengths, flux.
private final class TwoRows: SpectrumSource {
    private let table: any TableSource
    private let file: FileParts
    private let options: ReadingOptions
    private var isRead = false

    init(_ table: any TableSource, _ file: FileParts, _ options: ReadingOptions) {
        (self.table, self.file, self.options) = (table, file, options)
    }

    func next(_ count: Int) throws -> [Spectrum] {
        guard !isRead else { return [] }
        isRead = true
        let rows = try table.next(3)
        guard rows.count >= 2 else {
            throw Diagnostic(
                file.url, problem: "holds one row of \(table.fields.count) numbers",
                remedy: "give wavelengths in the first row and flux in the second, or two columns")
        }
        var reading = SpectrumReading()
        (reading.layout, reading.wavelength, reading.flux) = ("text, two rows", "row 1", "row 2")
        var builder = SpectrumBuilder(options, origin: file.url.path, reading: reading)
        let columns = try table.fields.indices.map { try rows.scalars($0) }
        builder.wavelength = columns.map { $0[0] }
        builder.flux = columns.map { $0[1] }
        var spectrum = try builder.build()
        if rows.count > 2 { spectrum.notes.append("rows after the second are not read: nothing says what they are") }
        return [spectrum]
    }
}
