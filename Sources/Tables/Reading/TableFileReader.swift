import Foundation
import Support

/// Tables of whatever container, told by its content, never by its name.
package enum TableFileReader {
    /// The first table of a file.
    /// - Throws: `Diagnostic` where there is none.
    package static func open(_ url: URL) throws -> any TableSource {
        let file = try InputFile(url)
        let head = Data(file.head.prefix(4096))
        let parts: [FilePart]
        if head.starts(with: Data("SIMPLE  =".utf8)) {
            parts = try FileParts(FITSFile(file)).parts
        } else if VOTable.recognises(head) {
            parts = try VOTable.read(try file.all(), url: url).parts
        } else if AvroTable.recognises(head) {
            return try AvroTable(file)
        } else if ParquetTable.recognises(head) {
            return try ParquetTable(file)
        } else {
            return try DelimitedTable(TextLines(url: url) { try file.next() }, url: url)
        }
        guard let table = parts.lazy.compactMap(\.table).first else {
            throw Diagnostic(url, problem: "holds no table", remedy: "give CSV, ECSV, FITS, VOTable, Avro or Parquet")
        }
        return table
    }
}
