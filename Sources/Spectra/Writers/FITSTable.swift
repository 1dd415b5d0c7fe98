import CCFITSIO
import Foundation

/// Writes one binary table through cfitsio.
enum FITSTable {
    /// Writes a new file `file`; `url` is its final name, for messages.
    static func write(
        _ columns: [TableColumn], name: String, facts: [(key: String, value: String)], to file: URL, named url: URL
    ) throws {
        try FITSLibrary.serialised {
            var status: Int32 = 0
            var handle: UnsafeMutablePointer<fitsfile>?
            ffdkinit(&handle, file.path, &status)
            guard status == 0, let handle else { throw failure(status, "", url) }
            var field = ""
            create(columns, name, handle, &status)
            for (key, value) in facts where status == 0 {
                field = key
                ffplsw(handle, &status)
                ffpkls(handle, key, value, nil, &status)
            }
            for (index, column) in columns.enumerated() where status == 0 {
                field = column.name
                fill(column.values, Int32(index + 1), handle, &status)
                if !column.meaning.isEmpty { ffpkys(handle, "TCOMM\(index + 1)", column.meaning, nil, &status) }
            }
            // The file must be closed in any case; its status tells whether the last blocks reached the disk.
            var closing: Int32 = 0
            ffclos(handle, &closing)
            guard status == 0, closing == 0 else { throw failure(status != 0 ? status : closing, field, url) }
        }
    }

    private static func create(
        _ columns: [TableColumn], _ name: String, _ handle: UnsafeMutablePointer<fitsfile>, _ status: inout Int32
    ) {
        withCStrings(columns.map(\.name)) { names in
            withCStrings(columns.map { format($0.values) }) { formats in
                withCStrings(columns.map(\.unit)) { units in
                    let rows = Int64(columns.first?.values.rowCount ?? 0)
                    _ = ffcrtb(
                        handle, BINARY_TBL, rows, Int32(columns.count), names, formats, units, name, &status)
                }
            }
        }
    }

    private static func format(_ values: TableColumn.Values) -> String {
        switch values {
        case .double: "1D"
        case .float: "1E"
        case .integer: "1K"
        case .text(let values): "\(max(1, values.map(\.utf8.count).max() ?? 1))A"
        case .vector(_, let width): "\(width)E"
        }
    }

    private static func fill(
        _ values: TableColumn.Values, _ column: Int32, _ handle: UnsafeMutablePointer<fitsfile>, _ status: inout Int32
    ) {
        switch values {
        case .double(var values): ffpcld(handle, column, 1, 1, Int64(values.count), &values, &status)
        case .float(var values), .vector(var values, _):
            ffpcle(handle, column, 1, 1, Int64(values.count), &values, &status)
        case .integer(var values): ffpcljj(handle, column, 1, 1, Int64(values.count), &values, &status)
        case .text(let values):
            withCStrings(values) { _ = ffpcls(handle, column, 1, 1, Int64(values.count), $0, &status) }
        }
    }

    /// Lends an array of C strings.
    private static func withCStrings(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Void
    ) {
        var copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        copies.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    }

    private static func failure(_ status: Int32, _ field: String, _ url: URL) -> SpectrumError {
        var text = [CChar](repeating: 0, count: 64)
        ffgerr(status, &text)
        ffcmsg()
        return SpectrumError(
            url, field: field, problem: "cannot be written (cfitsio: \(FITSLibrary.string(text)))",
            remedy: "check free space and permissions")
    }
}
