import Foundation
import Support

/// A catalogue in HATS (https://hats.readthedocs.io), as LSDB and hats-import write it: a folder of Parquet files,
/// each the stars of a cell of the sphere.
public struct HATSCatalogue: Sendable {
    /// The stars of a cell.
    public struct Partition: Sendable, Hashable {
        /// Where they stand.
        public var cell: HEALPixCell
        /// One file; several where a partition is a folder.
        public var files: [URL]
    }

    /// The folder; of a collection that of its main table.
    public let folder: URL
    /// What `hats.properties` says, by its keys.
    public let properties: [String: String]
    /// In the order of `partition_info.csv`; all files that there are where that is missing.
    public let partitions: [Partition]

    static let propertiesName = "hats.properties"
    private static let collectionName = "collection.properties"

    /// Whether a path is a folder that says it is such a catalogue, or a collection of one with its margins and indices.
    public static func isCatalogue(_ path: String) -> Bool {
        let folder = URL(fileURLWithPath: path)
        return [propertiesName, collectionName].contains {
            FileManager.default.fileExists(atPath: folder.appending(path: $0).path)
        }
    }

    /// Looks at a catalogue; no partition is opened.
    /// - Parameter url: the folder.
    /// - Throws: `Diagnostic` naming the file and the field that is missing or of no use.
    public init(opening url: URL) throws {
        let collection = url.appending(path: Self.collectionName)
        if FileManager.default.fileExists(atPath: collection.path) {
            let table = try Self.properties(of: collection)["hats_primary_table_url"] ?? ""
            guard !table.isEmpty, !table.contains("://") else {
                throw Diagnostic(
                    collection, field: "hats_primary_table_url", problem: "names no folder",
                    remedy: "give the folder of the catalogue itself")
            }
            try self.init(folder: url.appending(path: table))
        } else {
            try self.init(folder: url)
        }
    }

    private init(folder: URL) throws {
        self.folder = folder
        properties = try Self.properties(of: folder.appending(path: Self.propertiesName))
        let kind = properties["dataproduct_type"] ?? "object"
        guard ["object", "source", "nested", ""].contains(kind) else {
            throw Diagnostic(
                folder, field: "dataproduct_type", problem: "is \(kind), not a catalogue of stars",
                remedy: "give the catalogue that it belongs to")
        }
        let list = folder.appending(path: "partition_info.csv")
        let cells: [HEALPixCell] =
            FileManager.default.fileExists(atPath: list.path)
            ? try Self.cells(listedIn: list) : Self.cells(in: folder).sorted()
        let isFolder = properties["hats_npix_suffix"] == "/"
        partitions = cells.map { cell in
            let file = Self.file(of: cell, in: folder)
            guard isFolder else { return Partition(cell: cell, files: [file]) }
            let own = file.deletingPathExtension()
            let names = (try? FileManager.default.contentsOfDirectory(atPath: own.path)) ?? []
            let files = names.filter { $0.hasSuffix(".parquet") }.sorted().map { own.appending(path: $0) }
            return Partition(cell: cell, files: files.isEmpty ? [file] : files)
        }
        guard !partitions.isEmpty else {
            throw Diagnostic(folder, field: "dataset", problem: "holds no partitions", remedy: "write it again")
        }
    }

    /// The columns of its partitions, by the schema that it shares or else the first partition that can be read.
    /// - Throws: `Diagnostic` of that partition where none can.
    package func fields() throws -> [Field] {
        let common = folder.appending(path: "dataset/_common_metadata")
        if let table = try? ParquetTable(InputFile(common)) { return table.fields }
        var problem: (any Error)?
        for file in partitions.flatMap(\.files) {
            do { return try ParquetTable(InputFile(file)).fields } catch { problem = problem ?? error }
        }
        throw problem ?? Diagnostic(folder, problem: "holds no partitions")
    }

    /// Whether its stars are known by whole numbers, as Gaia's are.
    /// - Throws: `Diagnostic` where no partition can be read.
    public var hasWholeIdentifiers: Bool {
        get throws { try fields().first { $0.name.lowercased() == "source_id" }?.kind == .integer }
    }

    /// The file of a cell's stars.
    static func file(of cell: HEALPixCell, in folder: URL) -> URL {
        let directory = cell.index / 10_000 * 10_000
        return folder.appending(path: "dataset/Norder=\(cell.order)/Dir=\(directory)/Npix=\(cell.index).parquet")
    }

    /// Cells of which there are files, in no order.
    static func cells(in folder: URL) -> [HEALPixCell] {
        let dataset = folder.appending(path: "dataset")
        let members = FileManager.default.enumerator(at: dataset, includingPropertiesForKeys: nil)
        guard let members else { return [] }
        return members.compactMap { member -> HEALPixCell? in
            guard let url = member as? URL else { return nil }
            let parts = url.pathComponents.suffix(3)
            guard parts.count == 3, let last = parts.last, last.hasPrefix("Npix="),
                let order = parts.first.flatMap({ Int($0.dropFirst("Norder=".count)) }),
                let index = Int(last.dropFirst("Npix=".count).prefix { $0.isNumber })
            else { return nil }
            return cell(order, index)
        }
    }

    private static func cell(_ order: Int, _ index: Int) -> HEALPixCell? {
        guard (0...HEALPixCell.finest).contains(order), index >= 0, index < 12 << (2 * order) else { return nil }
        return HEALPixCell(order: order, index: index)
    }

    private static func cells(listedIn list: URL) throws -> [HEALPixCell] {
        let table = try TableFileReader.open(list)
        func column(_ name: String) throws -> Int {
            guard let place = table.fields.firstIndex(where: { $0.name.lowercased() == name.lowercased() }) else {
                throw Diagnostic(
                    list, field: name,
                    problem: "no such column; there are "
                        + table.fields.map(\.name).joined(separator: ", "), remedy: "write the catalogue again")
            }
            return place
        }
        let (orders, indices) = (try column("Norder"), try column("Npix"))
        var cells: [HEALPixCell] = []
        while case let rows = try table.next(4096), rows.count > 0 {
            for (order, index) in zip(try rows.scalars(orders), try rows.scalars(indices)) {
                guard let order = Int(exactly: order), let index = Int(exactly: index), let cell = cell(order, index)
                else {
                    throw Diagnostic(
                        list, field: "Npix", problem: "\(index) of order \(order) is no cell",
                        remedy: "write the catalogue again")
                }
                cells.append(cell)
            }
        }
        return cells
    }

    /// Lines of `key=value`.
    static func properties(of file: URL) throws -> [String: String] {
        let text = String(decoding: try FileBytes.read(file), as: UTF8.self)
        var found: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let sides = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2 else { continue }
            found[sides[0].trimmingCharacters(in: .whitespaces)] = sides[1].trimmingCharacters(in: .whitespaces)
        }
        return found
    }
}
