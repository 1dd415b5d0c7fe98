import Foundation

/// The rows of a table that is being made, on disk beside the file they are for, so that a command that is interrupted,
/// even killed, goes on where it was.
///
/// A text file under a hidden name: what decides the result in its first line, then one line per row or failure, with
/// its place in the input. A last line without an end is of a write that was cut off, and is dropped.
final class Journal {
    /// Rows that the file holds.
    private(set) var rowCount = 0
    /// Where in the input the last row stood.
    private(set) var last: InputPosition?
    private var failed: Set<InputPosition> = []

    private let url: URL
    private let file: URL
    private let columns: [OutputTable.Column]
    private var handle: FileHandle?

    /// Spectra that failed up to the last row.
    var failures: Int { failed.filter { $0 < last ?? InputPosition(part: 0, row: 0) }.count }

    /// Opens the journal for `url`, going on with an earlier one under the same settings.
    /// - Parameters:
    ///   - columns: of the table, without rows.
    ///   - settings: what decides the result; a journal is gone on with only under the same.
    ///   - restart: begin anew, whatever there is.
    init(for url: URL, columns: [OutputTable.Column], settings: String, restart: Bool) throws {
        self.url = url
        self.columns = columns
        file = Self.file(for: url)
        let first = "specclip journal " + settings.split(whereSeparator: \.isNewline).joined(separator: " ")
        let manager = FileManager.default
        if restart { try? manager.removeItem(at: file) }
        do {
            if !manager.fileExists(atPath: file.path) { try Data().write(to: file) }
            handle = try FileHandle(forUpdating: file)
        } catch { throw failure(error) }
        guard let handle, flock(handle.fileDescriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
            throw CommandError(
                subject: url.path, problem: "is being written by another process",
                remedy: "wait for it, or name another file")
        }
        try read(first)
    }

    /// The hidden file beside `url`.
    static func file(for url: URL) -> URL {
        url.deletingLastPathComponent().appending(path: ".\(url.lastPathComponent).journal")
    }

    /// Takes in what an earlier run wrote.
    private func read(_ first: String) throws {
        guard let handle else { return }
        do {
            var end: UInt64 = 0
            var isFirst = true
            try eachLine { line in
                if isFirst {
                    guard line == first else {
                        throw CommandError(
                            subject: url.path,
                            problem: "was begun with another model, input or settings (\(file.lastPathComponent))",
                            remedy: "repeat that command to go on with it, or give --restart to begin anew")
                    }
                    isFirst = false
                } else if let (position, cells) = Self.entry(line) {
                    if cells == nil {
                        failed.insert(position)
                    } else {
                        rowCount += 1
                        last = position
                    }
                }
                end += UInt64(line.utf8.count + 1)
            }
            try handle.truncate(atOffset: end)
            try handle.seek(toOffset: end)
            if isFirst { try handle.write(contentsOf: Data((first + "\n").utf8)) }
        } catch let error as CommandError {
            throw error
        } catch { throw failure(error) }
    }

    /// Adds the rows of a table with this journal's columns.
    func append(_ table: OutputTable, at positions: [InputPosition]) throws {
        var text = ""
        for (row, position) in positions.enumerated() {
            let cells = table.columns.map { Self.clean($0.exact(row)) }
            text += "\(position.part)\t\(position.row)\t" + cells.joined(separator: "\t") + "\n"
        }
        try write(text)
        rowCount += positions.count
        last = positions.last ?? last
    }

    /// Notes a spectrum that failed.
    func append(failureAt position: InputPosition) throws { try write("\(position.part)\t\(position.row)\n") }

    /// Writes the table in the format of its extension, whole or not at all, and removes the journal. Text grows line by
    /// line; other formats take shape in memory.
    func finish() throws {
        if url.pathExtension.lowercased() == "csv" {
            let output = try AtomicOutputFile(url)
            try eachTable(of: 4096) { table, isFirst in try output.write(table.csv(withHeader: isFirst)) }
            try output.finish()
        } else {
            var whole = OutputTable(columns: columns)
            try eachTable(of: Int.max) { table, _ in whole = table }
            try whole.write(to: url)
        }
        discard()
    }

    /// Removes the journal.
    func discard() {
        close()
        try? FileManager.default.removeItem(at: file)
    }

    /// Ends the writing; what is there stays, to be gone on with.
    func close() {
        try? handle?.close()
        handle = nil
    }

    private func eachTable(of size: Int, _ body: (OutputTable, _ isFirst: Bool) throws -> Void) throws {
        var rows: [[Substring]] = []
        var isFirst = true
        func hand() throws {
            let filled = columns.enumerated().map { index, column in column.filled(rows.map { $0[index] }) }
            try body(OutputTable(columns: filled), isFirst)
            isFirst = false
            rows.removeAll(keepingCapacity: true)
        }
        try eachLine { line in
            guard let cells = Self.entry(line)?.cells, cells.count == columns.count else { return }
            rows.append(cells)
            if rows.count == size { try hand() }
        }
        if !rows.isEmpty || isFirst { try hand() }
    }

    /// A line's place in the input and its cells; no cells for a failure, nil for anything else.
    private static func entry(_ line: String) -> (position: InputPosition, cells: [Substring]?)? {
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
        guard fields.count >= 2, let part = Int(fields[0]), let row = Int(fields[1]) else { return nil }
        return (InputPosition(part: part, row: row), fields.count == 2 ? nil : Array(fields[2...]))
    }

    /// The complete lines of the file, a block at a time.
    private func eachLine(_ body: (String) throws -> Void) throws {
        let reader = try FileHandle(forReadingFrom: file)
        defer { try? reader.close() }
        var rest = Data()
        while let block = try reader.read(upToCount: 1 << 20), !block.isEmpty {
            rest.append(block)
            var start = rest.startIndex
            while let end = rest[start...].firstIndex(of: 0x0A) {
                try body(String(decoding: rest[start..<end], as: UTF8.self))
                start = rest.index(after: end)
            }
            rest = Data(rest[start...])
        }
    }

    private func write(_ text: String) throws {
        do { try handle?.write(contentsOf: Data(text.utf8)) } catch { throw failure(error) }
    }

    private func failure(_ error: any Error) -> CommandError {
        CommandError(
            subject: file.path, problem: "cannot be written (\(error.localizedDescription))",
            remedy: "check free space and permissions")
    }

    private static func clean(_ cell: String) -> String {
        cell.contains(where: { $0 == "\t" || $0.isNewline })
            ? String(cell.map { $0 == "\t" || $0.isNewline ? " " : $0 }) : cell
    }
}

extension OutputTable.Column {
    /// A row's cell with all digits.
    fileprivate func exact(_ row: Int) -> String {
        switch values {
        case .text(let values): values[row]
        case .integers(let values): "\(values[row])"
        case .numbers(let values, _): values[row].isFinite ? "\(values[row])" : ""
        case .vectors(let values, let width):
            values[row * width..<(row + 1) * width].map { "\($0)" }.joined(separator: " ")
        }
    }

    /// The column with rows read back.
    fileprivate func filled(_ cells: [Substring]) -> OutputTable.Column {
        var column = self
        switch values {
        case .text: column.values = .text(cells.map(String.init))
        case .integers: column.values = .integers(cells.map { Int($0) ?? 0 })
        case .numbers(_, let digits): column.values = .numbers(cells.map { Double($0) ?? .nan }, digits: digits)
        case .vectors(_, let width):
            column.values = .vectors(cells.flatMap { $0.split(separator: " ").map { Float($0) ?? .nan } }, width: width)
        }
        return column
    }
}
