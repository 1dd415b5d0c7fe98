import Foundation
import Spectra

extension OutputTable {
    /// The formats of `write(to:)`, by extension.
    static let extensions = ["csv", "fits", "npz", "json"]

    /// Writes the table in the format of the file's extension, whole or not at all.
    func write(to url: URL) throws {
        switch url.pathExtension.lowercased() {
        case "json": try AtomicOutputFile.write(text(.json), to: url)
        case "npz": try NPZ.write(arrays: columns.map { ($0.name, $0.array) }, to: url)
        case "fits": try FITSOutput.write(self, to: url)
        default: try AtomicOutputFile.write(text(.csv), to: url)
        }
    }
}

extension OutputTable.Column {
    /// The column as a NumPy array.
    fileprivate var array: NPYArray {
        switch values {
        case .text(let values): NPYArray(.string(values))
        case .integers(let values): NPYArray(.int64(values.map { Int64($0) }))
        case .numbers(let values, _): NPYArray(.float64(values))
        case .vectors(let values, let width): NPYArray(.float32(values), shape: [values.count / max(1, width), width])
        }
    }
}

/// Tables as FITS.
private enum FITSOutput {
    static func write(_ table: OutputTable, to url: URL) throws {
        let columns = table.columns.map { column in
            let values: TableColumn.Values =
                switch column.values {
                case .text(let values): .text(values)
                case .integers(let values): .integer(values.map { Int64($0) })
                case .numbers(let values, _): .double(values)
                case .vectors(let values, let width): .vector(values, width: width)
                }
            return TableColumn(column.name, unit: column.unit == "Å" ? "Angstrom" : column.unit, values)
        }
        try TableWriter.writeFITS(columns, to: url, facts: [("CREATOR", "specclip \(Version.current)")])
    }
}
