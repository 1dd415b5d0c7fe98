import Foundation
import Support

/// Writes a HATS catalogue partition by partition, each of those of its input: a finished file is a partition that is done, and
/// says under which settings and from which input. One that was cut off was never there.
public final class HATSPartitions {
    /// What came of a partition.
    public struct Outcome: Sendable, Hashable {
        /// Spectra that were read.
        public var inputs: Int
        /// Those that failed.
        public var failures: Int
        /// Rows of the file.
        public var rows: Int
    }

    /// What is written anew, whatever there is.
    public enum Restart: Sendable {
        /// Nothing; what is done stays.
        case none
        /// The partitions that are begun here; other processes may be at work on others.
        case own
        /// All, and whatever else the catalogue had.
        case all
    }

    /// Spectra of finished partitions, of this run and earlier ones; of these those that failed.
    public private(set) var inputs = 0, failures = 0

    private let url: URL
    private let columns: Table
    private let settings: String
    private let restart: Restart
    private let format: RowJournal.Format
    private var begun: (writer: any TableWriter, cell: HEALPixCell, input: String)?
    private var own = Outcome(inputs: 0, failures: 0, rows: 0)

    /// - Parameters:
    ///   - url: the folder of the catalogue, which is made; other processes may be writing other partitions.
    ///   - columns: without rows; with `ra`, `dec` and `_healpix_29`.
    ///   - settings: what decides the rows.
    ///   - restart: what is written anew.
    ///   - format: how the file of a partition is written.
    /// - Throws: `Diagnostic` for a folder that holds other files.
    public init(
        _ url: URL, columns: Table, settings: String, restart: Restart, as format: @escaping RowJournal.Format
    ) throws {
        (self.url, self.columns, self.settings, self.restart, self.format) = (url, columns, settings, restart, format)
        try HATSMetadata.prepare(url, removingPartitions: restart == .all)
    }

    /// Begins a partition.
    /// - Parameters:
    ///   - cell: where its stars are.
    ///   - files: that they are read from.
    /// - Returns: what came of it in an earlier run, which leaves nothing to do; nil where it is to be written.
    /// - Throws: `Diagnostic` for a partition of other settings, and a folder that cannot be written.
    public func begin(_ cell: HEALPixCell, from files: [URL]) throws -> Outcome? {
        let file = try HATSMetadata.newFile(of: cell, in: url)
        let input = files.map { file in
            let size = try? FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int
            return "\(size ?? 0)"
        }.joined(separator: "+")
        if restart == .none, let found = Self.footer(of: file) {
            guard found.settings == settings else {
                throw Diagnostic(
                    file, problem: "was written with another model, input or options",
                    remedy: "repeat that command to go on with it, or give --restart to begin anew")
            }
            if found.input == input {
                inputs += found.outcome.inputs
                failures += found.outcome.failures
                return found.outcome
            }
        }
        Self.removeTraces(of: file)
        own = Outcome(inputs: 0, failures: 0, rows: 0)
        begun = (try format(file, columns, [:]), cell, input)
        return nil
    }

    /// Removes what a killed process left of a partition.
    private static func removeTraces(of file: URL) {
        let folder = file.deletingLastPathComponent()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        for name in names where name.hasPrefix(".\(file.lastPathComponent).") {
            try? FileManager.default.removeItem(at: folder.appending(path: name))
        }
    }

    /// Adds rows to the partition that was begun.
    /// - Parameters:
    ///   - rows: of the columns.
    ///   - inputs: spectra that they are of.
    /// - Throws: `Diagnostic` for a row that lies elsewhere, and what cannot be written.
    public func append(_ rows: Table, inputs: Int) throws {
        guard let begun else { return }
        let shift = 2 * (HEALPixCell.finest - begun.cell.order)
        if let row = try rows.cells(for: url).firstIndex(where: { $0 >> shift != begun.cell.index }) {
            let names: [String] = if case .text(let names)? = rows["file"]?.values { names } else { [] }
            throw Diagnostic(
                names.indices.contains(row) ? names[row] : url.path, field: "ra",
                problem: "stands outside of its partition, cell \(begun.cell.index) of order \(begun.cell.order)",
                remedy: "write the input anew (hats-import), or name a .parquet file")
        }
        try begun.writer.append(rows)
        own.inputs += inputs
        own.rows += rows.rowCount
    }

    /// Notes a spectrum of the partition that failed.
    public func noteFailure() { own.failures += 1 }

    /// Puts the partition in place.
    public func end() throws {
        guard let begun else { return }
        try begun.writer.state([
            ("specclip_settings", settings), ("specclip_input", begun.input), ("specclip_spectra", "\(own.inputs)"),
            ("specclip_failures", "\(own.failures)"),
        ])
        try begun.writer.finish()
        inputs += own.inputs
        failures += own.failures
        self.begun = nil
    }

    /// Lets the partition go; nothing is left of it.
    public func abandon() { begun = nil }

    /// Writes partitions anew with other values, each whole or not at all.
    /// - Parameters:
    ///   - url: of the catalogue.
    ///   - change: takes the rows of a partition, some at a time, in the order of ``eachTable(in:columns:_:)``.
    public static func rewrite(_ url: URL, _ change: (Table) throws -> Table) throws {
        for cell in HATSCatalogue.cells(in: url).sorted() {
            let file = HATSCatalogue.file(of: cell, in: url)
            let source = try ParquetTable(InputFile(file))
            let columns = source.plainColumns
            guard columns.columns.count == source.fields.count else {
                throw Diagnostic(file, problem: "holds vectors, which are not written anew")
            }
            let places = try source.places(of: columns, in: file)
            let writer = try ParquetWriter(file, columns)
            while case let rows = try source.next(1024), rows.count > 0 {
                try writer.append(change(rows.table(places, like: columns, in: file)))
            }
            let keys = ["specclip_settings", "specclip_input", "specclip_spectra", "specclip_failures"]
            try writer.state(keys.compactMap { key in source.statement(key).map { (key, $0) } })
            try writer.finish()
        }
    }

    /// Hands over the rows of all partitions, some at a time.
    /// - Parameters:
    ///   - url: of the catalogue.
    ///   - names: of the columns that are read, where they are there; all of one value a row where none is named.
    ///   - body: takes the partition's cell and some of its rows.
    public static func eachTable(
        in url: URL, columns names: [String] = [], _ body: (HEALPixCell, Table) throws -> Void
    ) throws {
        for cell in HATSCatalogue.cells(in: url).sorted() {
            let file = HATSCatalogue.file(of: cell, in: url)
            let source = try ParquetTable(InputFile(file))
            let all = source.plainColumns
            let columns = names.isEmpty ? all : Table(all.columns.filter { names.contains($0.name) })
            let places = try source.places(of: columns, in: file)
            while case let rows = try source.next(1024), rows.count > 0 {
                try body(cell, rows.table(places, like: columns, in: file))
            }
        }
    }

    /// What came of a finished partition, and under which settings; nil where there is none.
    /// - Parameters:
    ///   - cell: of the partition.
    ///   - url: of the catalogue.
    public static func outcome(of cell: HEALPixCell, in url: URL) -> (settings: String, outcome: Outcome)? {
        footer(of: HATSCatalogue.file(of: cell, in: url)).map { ($0.settings, $0.outcome) }
    }

    /// Cells of which there are partitions, in the order of the sphere.
    public static func cells(in url: URL) -> [HEALPixCell] { HATSCatalogue.cells(in: url).sorted() }

    /// Rows of a Parquet file; nil of what cannot be read.
    /// - Parameter file: of any catalogue.
    public static func rowCount(of file: URL) -> Int? { (try? ParquetTable(InputFile(file)))?.rowCount }

    /// Puts the partitions of a catalogue into another folder, by a second name where the disk is the same.
    /// - Parameters:
    ///   - folder: of the catalogue.
    ///   - url: the other folder, which is made.
    /// - Throws: `Diagnostic` for a partition that is there already, and what cannot be written.
    public static func copy(_ folder: URL, to url: URL) throws {
        try HATSMetadata.prepare(url, removingPartitions: false)
        for cell in cells(in: folder) {
            let target = try HATSMetadata.newFile(of: cell, in: url)
            let source = HATSCatalogue.file(of: cell, in: folder)
            guard link(source.path, target.path) != 0 else { continue }
            do { try FileManager.default.copyItem(at: source, to: target) } catch {
                throw Diagnostic(
                    target, problem: "cannot be written (\(error.localizedDescription))",
                    remedy: "name a folder that is none yet, on a disk with space")
            }
        }
    }

    private static func footer(of file: URL) -> (settings: String, input: String, outcome: Outcome)? {
        guard FileManager.default.fileExists(atPath: file.path), let table = try? ParquetTable(InputFile(file)) else {
            return nil
        }
        func number(_ key: String) -> Int { table.statement(key).flatMap { Int($0) } ?? 0 }
        let outcome = Outcome(
            inputs: number("specclip_spectra"), failures: number("specclip_failures"), rows: table.rowCount ?? 0)
        return (table.statement("specclip_settings") ?? "", table.statement("specclip_input") ?? "", outcome)
    }
}
