import Foundation
import Support

/// Writes rows in any order as a HATS catalogue: they are spread over files by their place on the sky, and cells are divided until
/// none has more rows than wanted. Memory does not grow with the rows, which lie on disk until the end.
public final class HATSWriter: TableWriter {
    /// Rows of a partition at the most, as hats-import has it.
    public static let usualRows = 1_000_000

    private let url: URL
    private let columns: Table
    private let most: Int
    private let partition: RowJournal.Format
    private let counts: CellCounts
    private let spill: URL
    private var facts: [(key: String, value: String)] = []
    /// Rows that wait, by the cell whose file they go to.
    private var waiting: [Int: Table] = [:]
    private var waitingBytes = 0
    private var spilled: Set<Int> = []
    /// Columns of identifiers that have been whole numbers so far.
    private var whole: Set<String>

    /// Order of the cells whose rows lie in one file until the end: 768.
    private static let spillOrder = 3
    /// Bytes of rows that wait in memory.
    private let room: Int
    /// Partitions that are written at once, each of which holds a row group in memory.
    private static let writersAtOnce = 8

    /// - Parameters:
    ///   - url: the folder, which is made.
    ///   - columns: without rows; with `ra` and `dec`.
    ///   - most: rows of a partition at the most.
    ///   - facts: further keys of `hats.properties`.
    ///   - partition: how the file of a partition is written.
    /// - Throws: `Diagnostic` for columns that place no row, and a folder that holds other files.
    public convenience init(
        _ url: URL, _ columns: Table, most: Int = usualRows, facts: [(key: String, value: String)] = [],
        partition: @escaping RowJournal.Format = TableFile.create
    ) throws {
        try self.init(url, columns, most: most, facts: facts, room: 1 << 26, partition: partition)
    }

    /// As above, with room for so many bytes of rows in memory.
    init(
        _ url: URL, _ columns: Table, most: Int, facts: [(key: String, value: String)] = [], room: Int,
        partition: @escaping RowJournal.Format = TableFile.create
    ) throws {
        self.room = room
        _ = try ParquetLibrary.functions(for: url)
        self.url = url
        self.columns = try columns.placed(for: url)
        (self.most, self.facts, self.partition) = (max(1, most), facts, partition)
        counts = try CellCounts(for: url)
        whole = Set(columns.columns.map(\.name)).intersection(Table.identifiers)
        try HATSMetadata.prepare(url, removingPartitions: true)
        spill = url.appending(path: ".rows-\(getpid())")
        Abandoned.remove(in: url, prefix: ".rows-")
        try? FileManager.default.removeItem(at: spill)
    }

    deinit { try? FileManager.default.removeItem(at: spill) }

    /// Adds rows.
    public func append(_ rows: Table) throws {
        let rows = try rows.placed(for: url)
        let cells = try rows.cells(for: url)
        for name in whole {
            guard case .text(let ids)? = rows[name]?.values, ids.allSatisfy({ $0.isEmpty || Int($0) != nil }) else {
                whole.remove(name)
                continue
            }
        }
        var groups: [Int: [Int]] = [:]
        for (row, cell) in cells.enumerated() {
            guard cell >= 0, cell >> (2 * HEALPixCell.finest) < 12 else {
                throw Diagnostic(url, field: HATSMetadata.places[2], problem: "\(cell) is no cell")
            }
            counts.add(cell)
            groups[cell >> (2 * (HEALPixCell.finest - Self.spillOrder)), default: []].append(row)
        }
        for (cell, chosen) in groups {
            waiting[cell, default: columns].append(rows.rows(chosen))
        }
        waitingBytes += rows.roughSize
        if waitingBytes > room { try flush() }
    }

    /// Adds keys of `hats.properties`.
    public func state(_ facts: [(key: String, value: String)]) throws { self.facts += facts }

    /// Writes the partitions, then what the catalogue says of them.
    public func finish() throws {
        let cells = counts.cells(most: most)
        // Rows of a coarse cell lie in several files, those of fine ones in the same.
        for group in cells.chunked(on: { $0.order <= Self.spillOrder ? $0 : $0.within(order: Self.spillOrder) }) {
            for start in stride(from: 0, to: group.count, by: Self.writersAtOnce) {
                try write(Array(group[start..<min(start + Self.writersAtOnce, group.count)]))
            }
        }
        waiting = [:]
        try? FileManager.default.removeItem(at: spill)
        try HATSMetadata.write(in: url, facts: facts)
    }

    /// Writes partitions that lie in one cell of a file, or one that holds several.
    private func write(_ cells: [HEALPixCell]) throws {
        guard let first = cells.first else { return }
        let files: Range<Int>
        if first.order <= Self.spillOrder {
            let shift = 2 * (Self.spillOrder - first.order)
            files = first.index << shift..<(first.index + 1) << shift
        } else {
            let own = first.within(order: Self.spillOrder).index
            files = own..<own + 1
        }
        let emptied = columns.withWholeNumbers(in: whole)
        let writers = try cells.map { try partition(HATSMetadata.newFile(of: $0, in: url), emptied, [:]) }
        for file in files where waiting[file] != nil || spilled.contains(file) {
            try eachTable(of: file) { rows in
                let places = try rows.cells(for: url)
                for (cell, writer) in zip(cells, writers) {
                    let shift = 2 * (HEALPixCell.finest - cell.order)
                    let own = places.indices.filter { places[$0] >> shift == cell.index }
                    guard !own.isEmpty else { continue }
                    let chosen = own.count == places.count ? rows : rows.rows(own)
                    try writer.append(chosen.withWholeNumbers(in: whole))
                }
            }
        }
        for writer in writers { try writer.finish() }
    }

    // MARK: - Rows on disk

    private func file(_ cell: Int) -> URL { spill.appending(path: "\(cell)") }

    private func flush() throws {
        do {
            try FileManager.default.createDirectory(at: spill, withIntermediateDirectories: true)
            for (cell, table) in waiting where table.rowCount > 0 {
                var bytes = ByteWriter()
                bytes.put(table)
                let head = [table.rowCount, bytes.data.count].withUnsafeBytes { Data($0) }
                if !spilled.contains(cell) { try Data().write(to: file(cell)) }
                let handle = try FileHandle(forWritingTo: file(cell))
                defer { try? handle.close() }
                try handle.seekToEnd()
                try handle.write(contentsOf: head + bytes.data)
                spilled.insert(cell)
            }
        } catch {
            throw Diagnostic(
                url, problem: "cannot be written (\(error.localizedDescription))",
                remedy: "check free space and permissions")
        }
        (waiting, waitingBytes) = ([:], 0)
    }

    private func eachTable(of cell: Int, _ body: (Table) throws -> Void) throws {
        if spilled.contains(cell) {
            let handle = try FileHandle(forReadingFrom: file(cell))
            defer { try? handle.close() }
            let size = 2 * MemoryLayout<Int>.stride
            while let head = try handle.read(upToCount: size), head.count == size {
                let numbers = head.withUnsafeBytes {
                    [$0.loadUnaligned(as: Int.self), $0.loadUnaligned(fromByteOffset: 8, as: Int.self)]
                }
                var bytes = ByteReader(try handle.read(upToCount: numbers[1]) ?? Data())
                guard let table = bytes.rows(numbers[0], of: columns) else {
                    throw Diagnostic(url, problem: "its rows were lost on disk", remedy: "repeat the command")
                }
                try body(table)
            }
        }
        if let table = waiting[cell], table.rowCount > 0 { try body(table) }
    }
}

/// How many rows stand in each cell of order 10: 12.6 million, of which only those that are met take memory.
private final class CellCounts {
    private static let order = 10
    private static let size = 12 << (2 * order)
    private let counts: UnsafeMutablePointer<Int32>

    init(for url: URL) throws {
        // Pages come when they are written to.
        guard let memory = calloc(Self.size, MemoryLayout<Int32>.stride) else {
            throw Diagnostic(url, problem: "cannot be sorted: there is no memory", remedy: "free some memory")
        }
        counts = memory.bindMemory(to: Int32.self, capacity: Self.size)
    }

    deinit { free(counts) }

    func add(_ finest: Int) { counts[finest >> (2 * (HEALPixCell.finest - Self.order))] &+= 1 }

    /// The largest cells with so many rows at the most, in the order of the sphere; cells of order 10 are not divided.
    func cells(most: Int) -> [HEALPixCell] {
        func divided(_ cell: HEALPixCell) -> [HEALPixCell] {
            let shift = 2 * (Self.order - cell.order)
            let rows = (cell.index << shift..<(cell.index + 1) << shift).reduce(0) { $0 + Int(counts[$1]) }
            if rows == 0 { return [] }
            if rows <= most || cell.order == Self.order { return [cell] }
            return (0..<4).flatMap { divided(HEALPixCell(order: cell.order + 1, index: 4 * cell.index + $0)) }
        }
        return (0..<12).flatMap { divided(HEALPixCell(order: 0, index: $0)) }
    }
}

extension Table {
    /// Bytes of the values, about.
    fileprivate var roughSize: Int {
        columns.reduce(0) { size, column in
            switch column.values {
            case .text(let values): size + values.reduce(0) { $0 + 16 + $1.utf8.count }
            case .integers(let values): size + 8 * values.count
            case .numbers(let values): size + 8 * values.count
            case .vectors(let values, _): size + 4 * values.count
            }
        }
    }
}

extension [HEALPixCell] {
    /// Neighbours that agree in something.
    fileprivate func chunked(on key: (HEALPixCell) -> HEALPixCell) -> [[HEALPixCell]] {
        var chunks: [[HEALPixCell]] = []
        for cell in self {
            if let last = chunks.last?.first, key(last) == key(cell) {
                chunks[chunks.count - 1].append(cell)
            } else {
                chunks.append([cell])
            }
        }
        return chunks
    }
}
