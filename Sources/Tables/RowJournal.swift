import Foundation
import Support

/// The place of a spectrum in an input, by which interrupted work finds where to go on.
public struct RowPosition: Comparable, Hashable, Sendable {
    /// The file among those given; in a data set, the instrument.
    public var part: Int
    /// The spectrum within it.
    public var row: Int

    /// A place.
    public init(part: Int, row: Int) {
        self.part = part
        self.row = row
    }

    /// In the order of the input.
    public static func < (a: RowPosition, b: RowPosition) -> Bool { (a.part, a.row) < (b.part, b.row) }
}

/// The rows of a table that is being made, on disk beside the file they are for, so that work that is interrupted, even
/// killed, goes on where it was, and memory does not grow with the rows.
///
/// A file under a hidden name: what decides the result in its first line, then blocks of rows or failures, each with its
/// length and hash. A last block that was cut off is dropped.
public final class RowJournal {
    /// Makes the writer that the rows go to in the end.
    public typealias Format = (_ url: URL, _ columns: Table, _ widths: [String: TextWidth]) throws -> any TableWriter

    /// Rows that the journal holds.
    public private(set) var rowCount = 0
    /// Inputs that these rows are of: one may have several rows.
    public private(set) var inputCount = 0
    /// Of each part of the input: spectra that were read, those that failed, rows.
    public private(set) var parts: [Int: (inputs: Int, failures: Int, rows: Int)] = [:]
    /// Where in the input the last row stood.
    public private(set) var last: RowPosition?
    private var failed: Set<RowPosition> = []
    private var widths: [String: TextWidth] = [:]

    private let url: URL
    private let file: URL
    private let columns: Table
    private var handle: FileHandle?
    /// Whether it was opened: one of another process or of other settings is left alone.
    private var isOurs = false
    /// Length of the first line.
    private let start: UInt64

    /// Inputs that failed up to the last row.
    public var failures: Int { failed.filter { $0 < last ?? RowPosition(part: 0, row: 0) }.count }

    /// Opens the journal for `url`, going on with an earlier one under the same settings.
    /// - Parameters:
    ///   - url: the file that the rows are for.
    ///   - columns: of the table, without rows.
    ///   - settings: what decides the result; a journal is gone on with only under the same.
    ///   - restart: begin anew, whatever there is.
    /// - Throws: `Diagnostic` where another process is at it, or it was begun under other settings.
    public init(for url: URL, columns: Table, settings: String, restart: Bool = false) throws {
        self.url = url
        self.columns = columns
        file = Self.file(for: url)
        let first = "specclip journal 2 " + settings.split(whereSeparator: \.isNewline).joined(separator: " ") + "\n"
        start = UInt64(first.utf8.count)
        let manager = FileManager.default
        if restart { try? manager.removeItem(at: file) }
        do {
            if !manager.fileExists(atPath: file.path) { try Data().write(to: file) }
            handle = try FileHandle(forUpdating: file)
        } catch { throw failure(error) }
        guard let handle, flock(handle.fileDescriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
            throw Diagnostic(
                url, problem: "is being written by another process", remedy: "wait for it, or name another file")
        }
        do {
            try resume(handle, Data(first.utf8))
        } catch let error as Diagnostic { throw error } catch { throw failure(error) }
        isOurs = true
    }

    /// A journal without rows is of no use to a later run.
    deinit { if isOurs, handle != nil, rowCount == 0 { discard() } }

    /// The hidden file beside `url`.
    package static func file(for url: URL) -> URL {
        url.deletingLastPathComponent().appending(path: ".\(url.lastPathComponent).journal")
    }

    /// Takes in what an earlier run wrote.
    private func resume(_ handle: FileHandle, _ first: Data) throws {
        let found = try handle.read(upToCount: first.count) ?? Data()
        // What was cut off within its first line holds nothing.
        if found.count < first.count, first.starts(with: found) {
            try handle.truncate(atOffset: 0)
            try handle.seek(toOffset: 0)
            return try handle.write(contentsOf: first)
        }
        guard found == first else {
            throw Diagnostic(
                url, problem: "was begun with another model, input or settings (\(file.lastPathComponent))",
                remedy: "repeat that command to go on with it, or give --restart to begin anew")
        }
        let end = try eachBlock { block in
            switch block {
            case .failure(let position): note(failureAt: position)
            case .rows(let positions, let table): note(positions, table)
            }
        }
        try handle.truncate(atOffset: end)
        try handle.seek(toOffset: end)
    }

    private func note(_ positions: [RowPosition], _ table: Table) {
        rowCount += positions.count
        for position in positions {
            parts[position.part, default: (0, 0, 0)].rows += 1
            guard position != last else { continue }
            parts[position.part, default: (0, 0, 0)].inputs += 1
            inputCount += 1
            last = position
        }
        for (name, width) in table.textWidths { widths[name, default: TextWidth()].widen(to: width) }
    }

    /// Adds rows of a table with this journal's columns.
    /// - Parameters:
    ///   - table: rows to add.
    ///   - positions: where in the input each row stood.
    public func append(_ table: Table, at positions: [RowPosition]) throws {
        try write(.rows(positions, table))
        note(positions, table)
    }

    /// Notes an input that failed.
    public func append(failureAt position: RowPosition) throws {
        try write(.failure(position))
        note(failureAt: position)
    }

    private func note(failureAt position: RowPosition) {
        guard failed.insert(position).inserted else { return }
        parts[position.part, default: (0, 0, 0)].failures += 1
    }

    /// Writes the file, whole or not at all, and removes the journal.
    public func finish(as format: Format = TableFile.create) throws {
        let writer = try format(url, columns, widths)
        try eachBlock { block in
            if case .rows(_, let table) = block { try writer.append(table) }
        }
        try writer.finish()
        discard()
    }

    /// Looks at all rows, with where in the input they stood, block by block, before they are written.
    public func eachTable(_ body: (Table, [RowPosition]) throws -> Void) throws {
        try eachBlock { block in
            if case .rows(let positions, let table) = block { try body(table, positions) }
        }
    }

    /// Removes the journal.
    public func discard() {
        close()
        try? FileManager.default.removeItem(at: file)
    }

    /// Ends the writing; what is there stays, to be gone on with.
    public func close() {
        try? handle?.close()
        handle = nil
    }

    // MARK: - Blocks

    private enum Block {
        case rows([RowPosition], Table)
        case failure(RowPosition)
    }

    /// The whole blocks of the file; each is read while `body` works on the one before.
    /// - Returns: where the last of them ends.
    @discardableResult
    private func eachBlock(_ body: (Block) throws -> Void) throws -> UInt64 {
        let reader = try FileHandle(forReadingFrom: file)
        let size = try reader.seekToEnd()
        try reader.seek(toOffset: start)
        var read = start
        var end = start
        let blocks = ReadAhead { [self] () -> (block: Block, end: UInt64)? in
            guard let head = try reader.read(upToCount: Self.headSize), head.count == Self.headSize else { return nil }
            let length = head.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard length <= size - min(size, read + UInt64(Self.headSize)),
                let data = try reader.read(upToCount: Int(length)), data.count == Int(length),
                Self.hash(data) == head.suffix(Self.hashSize), let block = decode(data)
            else { return nil }
            read += UInt64(Self.headSize) + length
            return (block, read)
        }
        while let next = try blocks.next() {
            try body(next.block)
            end = next.end
        }
        return end
    }

    /// A block's length (8 bytes, the highest first) and hash.
    private static let headSize = 8 + hashSize
    private static let hashSize = 32

    private static func hash(_ data: Data) -> Data { Data(data.withUnsafeBytes(ContentHash.of).utf8) }

    private func write(_ block: Block) throws {
        let body = encode(block)
        let length = UInt64(body.count)
        let head = Data((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * (7 - UInt64($0)))) }) + Self.hash(body)
        do { try handle?.write(contentsOf: head + body) } catch { throw failure(error) }
    }

    private func encode(_ block: Block) -> Data {
        var bytes = ByteWriter()
        switch block {
        case .failure(let position): bytes.put([1, position.part, position.row])
        case .rows(let positions, let table):
            bytes.put([0, positions.count])
            bytes.put(positions.flatMap { [$0.part, $0.row] })
            bytes.put(table)
        }
        return bytes.data
    }

    private func decode(_ data: Data) -> Block? {
        var bytes = ByteReader(data)
        guard let kind = bytes.values(1, Int.self)?.first else { return nil }
        guard kind == 0 else { return bytes.values(2, Int.self).map { .failure(RowPosition(part: $0[0], row: $0[1])) } }
        guard let count = bytes.values(1, Int.self)?.first, count >= 0, count < 1 << 40,
            let places = bytes.values(2 * count, Int.self)
        else { return nil }
        guard let table = bytes.rows(count, of: columns) else { return nil }
        return .rows((0..<count).map { RowPosition(part: places[2 * $0], row: places[2 * $0 + 1]) }, table)
    }

    private func failure(_ error: any Error) -> Diagnostic {
        // What the user named: the journal's own name means nothing to anyone.
        Diagnostic(
            url, problem: "cannot be written (\(error.localizedDescription))",
            remedy: "check free space and permissions")
    }
}
