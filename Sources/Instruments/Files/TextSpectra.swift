import Foundation
import Spectra
import Support
import Tables

/// The spectra in a text table, in any of the shapes in use:
///
/// - two rows of numbers (wavelengths, flux) or two columns, without header;
/// - a header and a row per pixel; several spectra if there is a source identifier;
/// - a header and a row per spectrum whose flux is an array, "(1.0, 2.0, …)" or "[…]", as the Gaia archive writes.
struct TextSpectra: SpectrumSource {
    private let all: [Spectrum]

    var count: Int { all.count }

    func spectra(_ range: Range<Int>) throws -> [Spectrum] { Array(all[range]) }

    init(_ data: Data, url: URL, instrument: Instrument?) throws {
        let table = try TextTable(data, url: url)
        let parser = Parser(table: table, url: url, instrument: instrument)
        all = try parser.spectra()
        guard !all.isEmpty else {
            throw Diagnostic(url, problem: "has a header but no data", remedy: "check that it was saved completely")
        }
    }
}

private struct Parser {
    let table: TextTable
    let url: URL
    let instrument: Instrument?

    func spectra() throws -> [Spectrum] {
        let first = table.records[0].fields
        if first.allSatisfy({ number($0) != nil }) {
            return [first.count > 10 ? try twoRows() : try columns(0, 1, from: 0, name: nil)]
        }
        let names = first.map(String.init)
        guard let flux = ColumnRole.flux.index(in: names) else { return [try unnamed(names)] }
        let sample = table.records.dropFirst().lazy.compactMap { flux < $0.fields.count ? $0.fields[flux] : nil }
            .first { !$0.isEmpty }
        if let sample, "([{".contains(sample.first ?? " ") { return try archive(names, flux: flux) }
        return try pixels(names, flux: flux)
    }

    // MARK: - Shapes

    private func twoRows() throws -> Spectrum {
        guard table.records.count >= 2 else {
            throw Diagnostic(
                url, problem: "holds one row of \(table.records[0].fields.count) numbers",
                remedy: "give wavelengths in the first row and flux in the second, or two columns")
        }
        var builder = SpectrumBuilder(origin: url.path)
        builder.wavelength = try numbers(table.records[0])
        builder.flux = try numbers(table.records[1])
        builder.unit = unit(nil, builder.wavelength)
        return builder.build()
    }

    /// A header that names no flux: the first two columns are taken, if they are numbers and nothing else is known of
    /// the table.
    private func unnamed(_ names: [String]) throws -> Spectrum {
        try ColumnRole.refuseCoefficients(names, url)
        guard names.count >= 2, table.records.count > 1, ColumnRole.sourceID.index(in: names) == nil,
            table.records[1].fields.prefix(2).allSatisfy({ number($0) != nil }), table.records[1].fields.count >= 2
        else {
            throw Diagnostic(
                url, field: "flux", problem: "no such column; there are " + names.prefix(12).joined(separator: ", "),
                remedy: "name the columns wavelength and flux")
        }
        return try columns(0, 1, from: 1, name: names[0])
    }

    private func columns(_ wavelength: Int, _ flux: Int, from start: Int, name: String?) throws -> Spectrum {
        var builder = SpectrumBuilder(origin: url.path)
        for record in table.records.dropFirst(start) {
            builder.wavelength.append(try number(wavelength, "wavelength", of: record))
            builder.flux.append(try number(flux, "flux", of: record))
        }
        builder.unit = unit(name, builder.wavelength)
        return builder.build()
    }

    /// One row per pixel; rows of one source follow each other.
    private func pixels(_ names: [String], flux: Int) throws -> [Spectrum] {
        guard let wavelength = ColumnRole.wavelength.index(in: names) else {
            throw Diagnostic(
                url, field: "wavelength",
                problem: "no such column; there are " + names.prefix(12).joined(separator: ", "),
                remedy: "name it wavelength, wave, lambda or loglam")
        }
        let source = ColumnRole.sourceID.index(in: names)
        let optional: [(ColumnRole, WritableKeyPath<SpectrumBuilder, [Double]?>)] = [
            (.ivar, \.ivar), (.error, \.error), (.mask, \.flags),
        ]
        let extras = optional.compactMap { role, path in role.index(in: names).map { ($0, path) } }
        let arrays = Set([wavelength, flux] + extras.map(\.0))
        var builders: [SpectrumBuilder] = []
        var current: Substring?
        for record in table.records.dropFirst() {
            let id = source.flatMap { $0 < record.fields.count ? record.fields[$0] : nil }
            if builders.isEmpty || id != current {
                current = id
                var builder = SpectrumBuilder(header: facts(names, record, except: arrays), origin: url.path)
                for (_, path) in extras { builder[keyPath: path] = [] }
                builders.append(builder)
            }
            let last = builders.count - 1
            builders[last].wavelength.append(try number(wavelength, names[wavelength], of: record))
            builders[last].flux.append(try number(flux, names[flux], of: record))
            for (column, path) in extras {
                builders[last][keyPath: path]?.append(try number(column, names[column], of: record))
            }
        }
        return finish(builders, unitFrom: names[wavelength])
    }

    /// One row per spectrum, arrays written as text.
    private func archive(_ names: [String], flux: Int) throws -> [Spectrum] {
        let roles: [ColumnRole] = [.wavelength, .ivar, .error, .mask]
        let columns = roles.map { $0.index(in: names) }
        var builders: [SpectrumBuilder] = []
        for record in table.records.dropFirst() {
            var builder = SpectrumBuilder(
                header: facts(names, record, except: Set(columns.compactMap { $0 } + [flux])), origin: url.path)
            if table.records.count > 2 { builder.origin += "#\(builders.count + 1)" }
            builder.flux = try array(flux, names[flux], of: record)
            let values = try columns.map { try $0.map { try array($0, names[$0], of: record) } }
            (builder.ivar, builder.error, builder.flags) = (values[1], values[2], values[3])
            if let wavelength = values[0] {
                builder.wavelength = wavelength
            } else {
                try builder.assumeGaiaXPSampling()
            }
            builders.append(builder)
        }
        guard let wavelength = columns[0] else { return builders.map { $0.build() } }
        return finish(builders, unitFrom: names[wavelength])
    }

    private func finish(_ builders: [SpectrumBuilder], unitFrom name: String) -> [Spectrum] {
        builders.enumerated().map { index, builder in
            var builder = builder
            builder.unit = unit(name, builder.wavelength)
            if builders.count > 1 { builder.origin = "\(url.path)#\(index + 1)" }
            return builder.build()
        }
    }

    // MARK: - Fields

    /// The unit a column's name states; else, for XP's own sampling or an instrument whose files are in nm, nm.
    private func unit(_ name: String?, _ wavelength: [Double]) -> WavelengthUnit {
        if let name, let stated = ColumnRole.unit(ofWavelengthColumn: name) ?? statedInECSV(name) { return stated }
        guard let first = wavelength.first, let last = wavelength.last, first > 100, last < 2000 else {
            return .angstrom
        }
        return instrument?.fileUnit ?? (wavelength.count == 343 ? .nanometre : .angstrom)
    }

    /// The unit an ECSV header gives for a column: `name: …` followed by `unit: …`.
    private func statedInECSV(_ column: String) -> WavelengthUnit? {
        let lines = table.comments.map { $0.trimmingCharacters(in: .whitespaces) }
        guard let start = lines.firstIndex(of: "name: \(column)") else { return nil }
        let own = lines[(start + 1)...].prefix { !$0.hasPrefix("name:") && $0 != "-" }
        return own.first { $0.hasPrefix("unit:") }.flatMap { WavelengthUnit(parsing: String($0.dropFirst(5))) }
    }

    private func facts(_ names: [String], _ record: TextTable.Record, except arrays: Set<Int>) -> [String: String] {
        var facts: [String: String] = [:]
        for (index, (name, field)) in zip(names, record.fields).enumerated() where !arrays.contains(index) {
            facts[name.uppercased()] = String(field)
        }
        return facts
    }

    private func number(_ field: Substring) -> Double? {
        if field.isEmpty || field == "null" || field == "--" { return .nan }
        return Double(field)
    }

    private func number(_ column: Int, _ name: String, of record: TextTable.Record) throws -> Double {
        guard column < record.fields.count else {
            throw Diagnostic(
                url, field: "line \(record.line)", problem: "ends before column \(name)", remedy: "complete the line")
        }
        guard let value = number(record.fields[column]) else {
            throw Diagnostic(
                url, field: "line \(record.line)",
                problem: "\(name) is \"\(record.fields[column].prefix(40))\", not a number", remedy: "correct the line")
        }
        return value
    }

    private func numbers(_ record: TextTable.Record) throws -> [Double] {
        try record.fields.indices.map { try number($0, "\($0 + 1)", of: record) }
    }

    private func array(_ column: Int, _ name: String, of record: TextTable.Record) throws -> [Double] {
        guard column < record.fields.count else {
            throw Diagnostic(
                url, field: "line \(record.line)", problem: "ends before column \(name)", remedy: "complete the line")
        }
        // By bytes, since these fields hold hundreds of numbers and characters are slow.
        let marks = Set("([{)]}\"', \t".utf8)
        return try record.fields[column].utf8.split { marks.contains($0) }.map { part in
            let part = Substring(part)
            if let value = number(part) { return value }
            throw Diagnostic(
                url, field: "line \(record.line)", problem: "\(name) holds \"\(part.prefix(40))\", not a number",
                remedy: "correct the line")
        }
    }
}
