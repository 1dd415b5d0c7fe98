import CCFITSIO
import Foundation
import Support

/// Writes one binary table through cfitsio, rows as they come.
final class FITSWriter: TableWriter {
    private let url: URL
    private let temporary: URL
    private var handle: UnsafeMutablePointer<fitsfile>?
    private var rows = 0

    /// - Parameters:
    ///   - columns: without rows.
    ///   - widths: of the text columns, by name.
    ///   - name: of the FITS extension.
    ///   - facts: header keywords and values, in order.
    init(
        _ url: URL, _ columns: Table, _ widths: [String: TextWidth], name: String = "SPECCLIP",
        facts: [(key: String, value: String)] = [("CREATOR", "specclip \(Release.version)")]
    ) throws {
        self.url = url
        temporary = url.deletingLastPathComponent()
            .appendingPathComponent(".\(url.lastPathComponent.prefix(200)).\(UUID().uuidString.prefix(8)).tmp")
        try FITSLibrary.serialised {
            var status: Int32 = 0
            ffdkinit(&handle, temporary.path, &status)
            guard status == 0 else { throw failure(status, "") }
            create(columns.columns, widths, name, &status)
            var field = ""
            for (key, value) in facts where status == 0 {
                field = key
                ffplsw(handle, &status)
                ffpkls(handle, key, value, nil, &status)
            }
            for (index, column) in columns.columns.enumerated() where status == 0 && !column.meaning.isEmpty {
                field = column.name
                ffpkys(handle, "TCOMM\(index + 1)", column.meaning, nil, &status)
            }
            guard status == 0 else { throw failure(status, field) }
        }
    }

    deinit {
        guard handle != nil else { return }
        FITSLibrary.serialised { _ = close() }
        unlink(temporary.path)
    }

    func append(_ table: Table) throws {
        guard table.rowCount > 0 else { return }
        try FITSLibrary.serialised {
            var status: Int32 = 0
            for (index, column) in table.columns.enumerated() where status == 0 {
                fill(column.values, Int32(index + 1), &status)
                guard status == 0 else { throw failure(status, column.name) }
            }
            rows += table.rowCount
        }
    }

    func finish() throws {
        // The file must be closed in any case; the status tells whether the last blocks reached the disk.
        let status = FITSLibrary.serialised { close() }
        guard status == 0 else {
            unlink(temporary.path)
            throw failure(status, "")
        }
        guard rename(temporary.path, url.path) == 0 else {
            let reason = errno
            unlink(temporary.path)
            throw Diagnostic(cannotWrite: url.path, errno: reason)
        }
    }

    private func close() -> Int32 {
        var status: Int32 = 0
        ffclos(handle, &status)
        handle = nil
        return status
    }

    private func create(
        _ columns: [Column], _ widths: [String: TextWidth], _ name: String, _ status: inout Int32
    ) {
        withCStrings(columns.map(\.name)) { names in
            withCStrings(columns.map { Self.format($0, widths) }) { formats in
                withCStrings(columns.map(\.asciiUnit)) { units in
                    _ = ffcrtb(handle, BINARY_TBL, 0, Int32(columns.count), names, formats, units, name, &status)
                }
            }
        }
    }

    private static func format(_ column: Column, _ widths: [String: TextWidth]) -> String {
        switch column.values {
        case .numbers: "1D"
        case .integers: "1K"
        case .text: "\(widths[column.name]?.bytes ?? 1)A"
        case .vectors(_, let width): "\(width)E"
        }
    }

    private func fill(_ values: Column.Values, _ column: Int32, _ status: inout Int32) {
        let first = Int64(rows + 1)
        switch values {
        case .numbers(var values): ffpcld(handle, column, first, 1, Int64(values.count), &values, &status)
        case .vectors(var values, _): ffpcle(handle, column, first, 1, Int64(values.count), &values, &status)
        case .integers(let values):
            var values = values.map { Int64($0) }
            ffpcljj(handle, column, first, 1, Int64(values.count), &values, &status)
        case .text(let values):
            withCStrings(values) { _ = ffpcls(handle, column, first, 1, Int64(values.count), $0, &status) }
        }
    }

    /// Lends an array of C strings.
    private func withCStrings(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Void
    ) {
        var copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        copies.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    }

    private func failure(_ status: Int32, _ field: String) -> Diagnostic {
        Diagnostic(
            url, field: field, problem: "cannot be written (cfitsio: \(FITSLibrary.message(status)))",
            remedy: "check free space and permissions")
    }
}
