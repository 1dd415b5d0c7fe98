import Foundation
import Support

/// Tables of whatever container, told by its content, never by its name.
package enum TableFileReader {
    /// The first table of a file.
    /// - Throws: `Diagnostic` where there is none.
    package static func open(_ url: URL) throws -> any TableSource {
        let file = try InputFile(url)
        let table: (any TableSource)? =
            switch TableContainer(head: Data(file.head.prefix(4096))) {
            case .fits: try FileParts(FITSFile(file)).parts.lazy.compactMap(\.table).first
            case .votable: try VOTable.read(try file.all(), url: url).parts.lazy.compactMap(\.table).first
            case .avro: try AvroTable(file)
            case .parquet: try ParquetTable(file)
            case .hdf5: try ofArrays(file)
            case .npz: try ArrayTable(NPZ.read(url).sources) { _ in false }
            case .npy: nil
            case .text: try DelimitedTable(TextLines(url: url) { try file.next() }, url: url)
            }
        guard let table else {
            throw Diagnostic(
                url, problem: "holds no table",
                remedy: "give CSV, ECSV, FITS, VOTable, Avro, Parquet, HDF5 or NPZ with a row for each star")
        }
        return table
    }

    /// The first table of records, else the arrays at the root.
    private static func ofArrays(_ file: InputFile) throws -> (any TableSource)? {
        // A copy may go when it is open.
        let disk = try DiskFile(file)
        let opened = try withExtendedLifetime(disk) { try HDF5File(opening: disk.url, named: file.url) }
        return try ArrayTable(opened.tables(in: "/").first?.sources ?? opened.sources(in: "/")) { _ in false }
    }
}
