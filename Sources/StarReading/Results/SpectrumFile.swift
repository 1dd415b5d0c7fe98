import Foundation
import Spectra
import Support
import Tables

/// Files of spectra on the grid of one instrument, from rows of file, source_id, instrument, flux and what else there is of each pixel.
public enum SpectrumFile {
    /// The formats, by extension.
    public static let extensions = ["npz", "fits", "csv", "parquet"]

    /// Where the rows of spectra go.
    public static func format(_ instrument: Instrument) -> RowJournal.Format {
        { url, columns, widths in
            switch url.pathExtension.lowercased() {
            case "csv": try LongCSV(url, columns, instrument)
            case "npz": try SpectrumNPZ(url, columns, widths, instrument)
            case "parquet": try NestedSpectra(url, columns, widths, instrument)
            default: try GridColumn(url, columns, widths, instrument)
            }
        }
    }
}

extension Table {
    /// The columns that have a number a pixel.
    fileprivate var spectra: [(name: String, values: [Float], pixels: Int)] {
        columns.compactMap { column in
            guard case .vectors(let values, let pixels) = column.values else { return nil }
            return (column.name, values, pixels)
        }
    }
}

/// Long form, one pixel a line.
private final class LongCSV: TableWriter {
    private let file: AtomicFile
    private let wavelengths: [String]

    init(_ url: URL, _ columns: Table, _ instrument: Instrument) throws {
        file = try AtomicFile(url)
        wavelengths = instrument.grid.wavelengths.map { fixed($0, 3) }
        try file.write(CSV.line(["file", "source_id", "wavelength"] + columns.spectra.map(\.name)))
    }

    func append(_ rows: Table) throws {
        guard case .text(let files)? = rows["file"]?.values, case .text(let ids)? = rows["source_id"]?.values else {
            return
        }
        let spectra = rows.spectra
        for (row, (name, id)) in zip(files, ids).enumerated() {
            let start = CSV.line([name, id]).dropLast() + ","
            for (pixel, wavelength) in wavelengths.enumerated() {
                // Of a pixel of which nothing is known the field is empty.
                let values = spectra.map { spectrum -> String in
                    let value = spectrum.values[row * spectrum.pixels + pixel]
                    return value.isNaN ? "" : "\(value)"
                }
                try file.write("\(start)\(wavelength),\(values.joined(separator: ","))\n")
            }
        }
    }

    func finish() throws { try file.commit() }
}

/// Arrays, the wavelengths once.
private final class SpectrumNPZ: TableWriter {
    private let url: URL
    private let wavelengths: [Double]
    private let arrays: [(name: String, rows: NPYRows)]

    init(_ url: URL, _ columns: Table, _ widths: [String: TextWidth], _ instrument: Instrument) throws {
        self.url = url
        wavelengths = instrument.grid.wavelengths
        arrays = try (["source_id", "file"] + columns.spectra.map(\.name)).compactMap { columns[$0] }
            .map { ($0.name, try NPYRows($0, widths, for: url)) }
    }

    func append(_ rows: Table) throws {
        for (name, array) in arrays { if let column = rows[name] { try array.append(column) } }
    }

    func finish() throws {
        try NPZ.write(arrays: [("wavelength", NPYArray(.float64(wavelengths)))], rows: arrays, to: url)
    }
}

/// A structure of lists a row, as nested-pandas and LSDB have spectra: wavelength, flux, ivar, mask (true where nothing is
/// known), and what else there is of each pixel.
private final class NestedSpectra: TableWriter {
    private let writer: any TableWriter
    private let wavelengths: [Float]

    init(_ url: URL, _ columns: Table, _ widths: [String: TextWidth], _ instrument: Instrument) throws {
        wavelengths = instrument.grid.wavelengths.map { Float($0) }
        writer = try TableFile.create(url, columns: Self.nested(columns, wavelengths), widths: widths)
    }

    private static func nested(_ rows: Table, _ wavelengths: [Float]) -> Table {
        let spectra = rows.spectra
        let errors = spectra.first { $0.name == "flux_error" }?.values
        var fields: [(name: String, unit: String, values: [Float])] = [
            ("wavelength", "Å", (0..<rows.rowCount).flatMap { _ in wavelengths })
        ]
        for spectrum in spectra where spectrum.name != "flux_error" {
            fields.append((spectrum.name, "", spectrum.values))
            guard spectrum.name == "flux" else { continue }
            if let errors { fields.append(("ivar", "", errors.map { $0 > 0 ? 1 / ($0 * $0) : 0 })) }
            fields.append(("mask", "", spectrum.values.map { $0.isFinite ? 0 : 1 }))
        }
        return Table(
            rows.columns.filter { if case .vectors = $0.values { false } else { true } }
                + fields.map {
                    Column("spectrum.\($0.name)", unit: $0.unit, .vectors($0.values, width: wavelengths.count))
                })
    }

    func append(_ rows: Table) throws { try writer.append(Self.nested(rows, wavelengths)) }

    func state(_ facts: [(key: String, value: String)]) throws { try writer.state(facts) }

    func finish() throws { try writer.finish() }
}

/// A table whose rows repeat the wavelengths, as FITS spectra do.
private final class GridColumn: TableWriter {
    private let writer: any TableWriter
    private let wavelengths: [Float]

    init(_ url: URL, _ columns: Table, _ widths: [String: TextWidth], _ instrument: Instrument) throws {
        wavelengths = instrument.grid.wavelengths.map { Float($0) }
        writer = try TableFile.create(url, columns: Self.adding(wavelengths, to: columns), widths: widths)
    }

    private static func adding(_ wavelengths: [Float], to rows: Table) -> Table {
        var table = rows
        let repeated = (0..<rows.rowCount).flatMap { _ in wavelengths }
        table.columns.insert(
            Column("wavelength", unit: "Å", .vectors(repeated, width: wavelengths.count)),
            at: max(0, rows.columns.count - rows.spectra.count))
        return table
    }

    func append(_ rows: Table) throws { try writer.append(Self.adding(wavelengths, to: rows)) }

    func finish() throws { try writer.finish() }
}
