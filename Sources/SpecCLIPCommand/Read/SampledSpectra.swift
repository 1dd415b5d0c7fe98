import Foundation
import Instruments
import Spectra
import StarReading
import Support
import Tables

/// Spectra of Gaia XP as they are before any model sees them: coefficients turned into flux, as GaiaXPy's `calibrate` does.
struct SampledSpectra {
    /// The formats, by extension.
    static let extensions = ["fits", "ecsv", "vot", "csv", "npz", "parquet"]

    let inputs: [String]
    let options: ReadingOptions
    let settings: String
    /// nm.
    private let wavelengths: [Double]

    init(_ inputs: [String], _ options: ReadingOptions, settings: String) throws {
        (self.inputs, self.options, self.settings) = (inputs, options, settings)
        wavelengths = options.xpSampling?.wavelengths ?? Instrument.gaiaXP.grid.wavelengths.map { $0 / 10 }
    }

    /// Writes the spectra of all inputs, a row each.
    func write(to url: URL, restart: Bool) throws {
        let wavelengths = wavelengths
        // Gaia's own sampling goes without saying, as in Gaia's files.
        let isNamed = options.xpSampling != nil
        let output = try RowOutput(
            table([], []), to: url, settings: ["sampled", settings], restart: restart,
            as: { url, columns, widths in
                let isText = ["csv", "ecsv"].contains(url.pathExtension.lowercased())
                let all = isNamed ? Self.naming(wavelengths, columns) : columns
                let writer: any TableWriter =
                    isText
                    ? try ArrayText(url, all, isECSV: url.pathExtension.lowercased() == "ecsv")
                    : try TableFile.create(url, columns: all, widths: widths)
                return NamedSampling(writer, isNamed ? wavelengths : nil)
            })
        var (count, notes) = (0, PreparationNotes())
        let progress = ProgressLine("sample")
        for (part, path) in inputs.enumerated() {
            let (url, options) = options.resolving(path)
            let first = output.last.map { part < $0.part ? Int.max : part == $0.part ? $0.row + 1 : 0 } ?? 0
            guard first < Int.max else { continue }
            try SpectrumReader.stream(url, as: .gaiaXP, options: options, rows: first..<Int.max, batch: 512) {
                spectra, start in
                for spectrum in spectra {
                    try check(spectrum)
                    notes.add(spectrum.notes, about: spectrum.origin)
                }
                try output.append(
                    table(spectra.map { $0.sourceID ?? "" }, spectra),
                    at: spectra.indices.map { RowPosition(part: part, row: start + $0) })
                count += spectra.count
                progress.update(count, of: nil)
            }
        }
        progress.finish()
        notes.finish()
        try output.finish(isEmpty: count == 0 && output.inputCount == 0)
    }

    private func check(_ spectrum: Spectrum) throws {
        guard spectrum.flux.count == wavelengths.count || spectrum.flux.isEmpty else {
            throw Diagnostic(
                spectrum.origin, field: "flux", problem: "has \(spectrum.flux.count) samples, not \(wavelengths.count)",
                remedy: "--sampled is for Gaia XP spectra")
        }
    }

    private func table(_ ids: [String], _ spectra: [Spectrum]) -> Table {
        let width = wavelengths.count
        func vectors(width: Int, _ values: (Spectrum) -> [Float]?) -> Column.Values {
            .vectors(
                spectra.flatMap { spectrum -> [Float] in
                    let values = values(spectrum) ?? []
                    return values.isEmpty ? [Float](repeating: .nan, count: width) : values
                }, width: width)
        }
        func error(_ ivar: Double) -> Float { ivar > 0 ? Float(1 / ivar.squareRoot()) : .nan }
        var columns = [
            Column("source_id", .integers(ids.map { Int($0) ?? 0 })),
            Column("flux", unit: "W.m**-2.nm**-1", vectors(width: width) { $0.flux.map { Float($0) } }),
            Column("flux_error", unit: "W.m**-2.nm**-1", vectors(width: width) { $0.ivar?.map(error) }),
        ]
        if options.correlatesXP {
            columns.append(Column("correlation", vectors(width: width * (width - 1) / 2) { $0.correlation }))
        }
        return Table(columns)
    }

    /// A table whose rows repeat the wavelengths.
    static func naming(_ wavelengths: [Double], _ rows: Table) -> Table {
        var table = rows
        let repeated = (0..<rows.rowCount).flatMap { _ in wavelengths.map { Float($0) } }
        table.columns.insert(Column("wavelength", unit: "nm", .vectors(repeated, width: wavelengths.count)), at: 1)
        return table
    }
}

/// Adds the wavelengths to rows that are not on Gaia's own.
private final class NamedSampling: TableWriter {
    private let writer: any TableWriter
    private let wavelengths: [Double]?

    init(_ writer: any TableWriter, _ wavelengths: [Double]?) {
        (self.writer, self.wavelengths) = (writer, wavelengths)
    }

    func append(_ rows: Table) throws {
        try writer.append(wavelengths.map { SampledSpectra.naming($0, rows) } ?? rows)
    }

    func finish() throws { try writer.finish() }
}
