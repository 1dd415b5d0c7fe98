import CParquet
import Foundation
import Support

/// What a HATS catalogue says of its partitions, written when these are there; `hats.properties` comes last, and with it the
/// catalogue.
public enum HATSMetadata {
    /// The columns that place a row: degrees, and the finest cell.
    public static let places = ["ra", "dec", "_healpix_29"]

    /// Describes the partitions that are in a folder.
    /// - Parameters:
    ///   - folder: of the catalogue.
    ///   - facts: further keys of `hats.properties`: where the rows come from.
    /// - Returns: rows of all partitions.
    /// - Throws: `Diagnostic` for a partition that cannot be read, and where there are no rows.
    @discardableResult
    public static func write(in folder: URL, facts: [(key: String, value: String)]) throws -> Int {
        var found: [(cell: HEALPixCell, rows: Int, bytes: Int)] = []
        for cell in HATSCatalogue.cells(in: folder) {
            let file = HATSCatalogue.file(of: cell, in: folder)
            let rows = try ParquetTable(InputFile(file)).rowCount ?? 0
            guard rows > 0 else { continue }
            let size = try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int
            found.append((cell, rows, size ?? 0))
        }
        found.sort { $0.cell < $1.cell }
        guard let first = found.first else {
            throw Diagnostic(folder, problem: "holds no rows", remedy: "give spectra that can be read")
        }
        let dataset = folder.appending(path: "dataset")
        try ParquetWriter.writeSchema(
            of: HATSCatalogue.file(of: first.cell, in: folder), to: dataset.appending(path: "_common_metadata"))
        let list = found.map { "\($0.cell.order),\($0.cell.index)\n" }.joined()
        try AtomicFile.write("Norder,Npix\n" + list, to: folder.appending(path: "partition_info.csv"))
        let rows = found.reduce(0) { $0 + $1.rows }
        let share = found.reduce(0) { $0 + 1 / Double(12 << (2 * $1.cell.order)) }
        let now = Date().formatted(.iso8601)
        let own: [(key: String, value: String)] = [
            ("obs_collection", folder.deletingPathExtension().lastPathComponent), ("dataproduct_type", "object"),
            ("hats_nrows", "\(rows)"), ("hats_col_ra", places[0]), ("hats_col_dec", places[1]),
            ("hats_col_healpix", places[2]), ("hats_col_healpix_order", "\(HEALPixCell.finest)"),
            ("hats_npix_suffix", ".parquet"), ("hats_order", "\(found.map(\.cell.order).max() ?? 0)"),
            ("hats_max_rows", "\(found.map(\.rows).max() ?? 0)"), ("moc_sky_fraction", "\(share)"),
            ("hats_estsize", "\(found.reduce(0) { $0 + $1.bytes } / 1024)"),
            ("hats_builder", "specclip \(Release.version)"), ("hats_creation_date", now),
        ]
        let lines = (own + facts).map { key, value in
            key + "=" + value.split(whereSeparator: \.isNewline).joined(separator: " ") + "\n"
        }
        try AtomicFile.write(
            "#HATS catalogue\n" + lines.joined(), to: folder.appending(path: HATSCatalogue.propertiesName))
        return rows
    }

    /// Names that a catalogue of ours has in its folder.
    private static let members: Set = [HATSCatalogue.propertiesName, "partition_info.csv", "dataset", recordName]
    /// What a run says of itself, where shards meet.
    public static let recordName = "specclip.json"

    /// Whether a folder holds nothing but a catalogue, or a part of one, and may be written into.
    /// - Parameter folder: one that exists.
    public static func isOurs(_ folder: URL) -> Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? ["?"]
        return names.allSatisfy { members.contains($0) || $0.hasPrefix(".") }
    }

    /// Makes the folder of a catalogue; what it says of its partitions goes, since these change.
    /// - Throws: `Diagnostic` for a folder of other files, and where it cannot be made.
    static func prepare(_ folder: URL, removingPartitions: Bool) throws {
        let manager = FileManager.default
        if manager.fileExists(atPath: folder.path), !isOurs(folder) {
            throw Diagnostic(folder, problem: "holds other files", remedy: "name a folder that is none yet")
        }
        do {
            let gone =
                [HATSCatalogue.propertiesName, "partition_info.csv"]
                + (removingPartitions ? ["dataset", recordName] : [])
            for name in gone where manager.fileExists(atPath: folder.appending(path: name).path) {
                try manager.removeItem(at: folder.appending(path: name))
            }
            try manager.createDirectory(
                at: folder.appending(path: "dataset"), withIntermediateDirectories: true)
        } catch {
            throw Diagnostic(
                folder, problem: "cannot be written (\(error.localizedDescription))",
                remedy: "choose a folder that can be written")
        }
    }

    /// The file of a cell's rows, whose folder is made.
    static func newFile(of cell: HEALPixCell, in folder: URL) throws -> URL {
        let file = HATSCatalogue.file(of: cell, in: folder)
        do {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        } catch { throw Diagnostic(cannotWrite: file.path, errno: errno) }
        return file
    }
}

extension Table {
    /// The finest cell of each row, of its own column or else its place.
    /// - Throws: `Diagnostic` where nothing places the rows, or a row has no place.
    func cells(for url: URL) throws -> [Int] {
        if case .integers(let cells)? = self[HATSMetadata.places[2]]?.values { return cells }
        guard case .numbers(let ra)? = self["ra"]?.values, case .numbers(let dec)? = self["dec"]?.values else {
            throw Diagnostic(
                url, field: "ra", problem: "no such column, which a HATS catalogue needs to place its rows",
                remedy: "give --positions to the command that writes the table, or name a .parquet or .fits file")
        }
        return try zip(ra, dec).enumerated().map { row, place in
            guard let cell = HEALPixCell(ra: place.0, dec: place.1) else {
                throw Diagnostic(
                    url, field: "ra", problem: "row \(row + 1) has no place on the sky, which a HATS catalogue needs",
                    remedy: "leave the row out, or name a .parquet or .fits file")
            }
            return cell.index
        }
    }

    /// These rows with the column of cells, where they lack it.
    func placed(for url: URL) throws -> Table {
        let name = HATSMetadata.places[2]
        return self[name] != nil
            ? self : Table([Column(name, .integers(try cells(for: url)))] + columns)
    }

    /// Identifiers as whole numbers, which most catalogues have; −1 where there is none.
    /// - Parameter names: columns of text that hold whole numbers alone.
    public func withWholeNumbers(in names: Set<String>) -> Table {
        var table = self
        for (place, column) in columns.enumerated() where names.contains(column.name) {
            if case .text(let ids) = column.values {
                table.columns[place].values = .integers(ids.map { Int($0) ?? -1 })
            }
        }
        return table
    }

    /// Columns that may be whole numbers in a catalogue of stars.
    public static let identifiers = ["source_id", "query_source_id"]
}
