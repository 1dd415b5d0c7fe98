import Foundation
import Support
import Torch

/// Rows of an instrument as they came, in three files: embeddings, identifiers, columns.
final class StagedEmbeddings {
    /// What was told of all rows.
    struct Told {
        /// Whether all identifiers are whole numbers.
        var areNumbers = true
        /// Bytes of the longest identifier.
        var longest = 0
        /// Rows whose identifier another has.
        var repeats = 0
        /// Columns of which any row has a number.
        var columns: [Int] = []
    }

    private(set) var rows: Int, textBytes: Int
    private let width: Int, columnCount: Int
    private let embeddingFile: FileHandle, textFile: FileHandle, columnFile: FileHandle
    private let textURL: URL

    /// Opens the files, cut to what is known to be whole.
    init(_ folder: URL, _ key: String, _ width: Int, _ columns: Int, rows: Int, textBytes: Int) throws {
        (self.rows, self.textBytes, self.width, columnCount) = (rows, textBytes, width, columns)
        func open(_ ending: String, _ length: Int) throws -> FileHandle {
            let url = folder.appending(path: "\(key).\(ending)")
            if !FileManager.default.fileExists(atPath: url.path) {
                _ = FileManager.default.createFile(atPath: url.path, contents: nil)
            }
            do {
                let handle = try FileHandle(forUpdating: url)
                try handle.truncate(atOffset: UInt64(length))
                try handle.seekToEnd()
                return handle
            } catch {
                throw Diagnostic(cannotWrite: url.path, errno: errno)
            }
        }
        embeddingFile = try open("rows", rows * width * 2)
        textFile = try open("ids", textBytes)
        columnFile = try open("columns", rows * columns * 8)
        textURL = folder.appending(path: "\(key).ids")
    }

    func append(_ halves: Tensor, _ ids: [String], _ columns: [[Double]]) throws {
        let text = Data(
            ids.map { $0.replacing("\n", with: " ").replacing("\0", with: " ") + "\n" }.joined().utf8)
        let values = ids.indices.flatMap { row in columns.map { $0[row] } }
        do {
            try halves.withUnsafeBytes { try embeddingFile.write(contentsOf: Data($0)) }
            try textFile.write(contentsOf: text)
            try values.withUnsafeBytes { try columnFile.write(contentsOf: Data($0)) }
        } catch {
            throw Diagnostic(cannotWrite: textURL.deletingLastPathComponent().path, errno: errno)
        }
        rows += ids.count
        textBytes += text.count
    }

    func synchronise() throws {
        for file in [embeddingFile, textFile, columnFile] { try file.synchronize() }
    }

    /// Bytes of a file; all of them are there, or it was cut behind our back.
    private func read(_ file: FileHandle, _ range: Range<Int>) throws -> Data {
        try file.seek(toOffset: UInt64(range.lowerBound))
        guard let data = try file.read(upToCount: range.count), data.count == range.count else {
            throw Diagnostic(
                textURL.deletingLastPathComponent(), problem: "was cut off", remedy: "begin anew with --restart")
        }
        return data
    }

    /// Rows as they are kept, `[n, E]`.
    func halves(_ range: Range<Int>) throws -> Tensor {
        let data = try read(embeddingFile, range.lowerBound * width * 2..<range.upperBound * width * 2)
        return data.withUnsafeBytes { Tensor(bytes: $0, dtype: .float16, shape: [range.count, width]) }
    }

    /// Rows of unit length, `[n, E]`.
    func embeddings(_ range: Range<Int>) throws -> Tensor { unitDirections(try halves(range).to(.float32)) }

    /// The same of rows far from each other.
    func embeddings(_ rows: [Int]) throws -> Tensor {
        guard rows.count < self.rows else { return try embeddings(0..<self.rows) }
        return unitDirections(Tensor.cat(try rows.map { try halves($0..<$0 + 1) }, dim: 0).to(.float32))
    }

    /// Columns of rows, row after row.
    func columns(_ range: Range<Int>) throws -> [Double] {
        let size = 8 * columnCount
        return try read(columnFile, range.lowerBound * size..<range.upperBound * size)
            .withUnsafeBytes { Array($0.bindMemory(to: Double.self)) }
    }

    /// Identifiers from the first row on.
    func identifiers() throws -> IdentifierLines { try IdentifierLines(textURL) }

    /// Looks at all rows once.
    func told(_ names: [String]) throws -> Told {
        var told = Told()
        var numbers: [Int64] = []
        var texts: Set<String> = []
        var ids = try identifiers()
        var isKnown = [Bool](repeating: false, count: columnCount)
        for start in stride(from: 0, to: rows, by: 1 << 16) {
            let range = start..<min(start + 1 << 16, rows)
            let own = try ids.next(range.count)
            if told.areNumbers {
                let values = own.map { text in Int64(text).flatMap { String($0) == text ? $0 : nil } }
                if values.contains(nil) {
                    told.areNumbers = false
                    texts = Set(numbers.map(String.init))
                    numbers = []
                } else {
                    numbers += values.compactMap(\.self)
                }
            }
            told.longest = max(told.longest, own.map(\.utf8.count).max() ?? 0)
            if !told.areNumbers { texts.formUnion(own) }
            for (place, value) in try columns(range).enumerated() where value.isFinite {
                isKnown[place % columnCount] = true
            }
        }
        numbers.sort()
        told.repeats =
            told.areNumbers
            ? zip(numbers, numbers.dropFirst()).count { $0 == $1 } : rows - texts.count
        told.columns = isKnown.indices.filter { isKnown[$0] }
        return told
    }
}

/// Lines of identifiers, some at a time.
struct IdentifierLines {
    private let file: FileHandle
    private var rest: [UInt8] = []

    init(_ url: URL) throws { file = try FileHandle(forReadingFrom: url) }

    mutating func next(_ count: Int) throws -> [String] {
        var found: [String] = []
        found.reserveCapacity(count)
        var start = 0
        while found.count < count {
            if let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                found.append(String(decoding: rest[start..<end], as: UTF8.self))
                start = end + 1
            } else {
                rest.removeFirst(start)
                start = 0
                guard let more = try file.read(upToCount: 1 << 20), !more.isEmpty else { break }
                rest += more
            }
        }
        rest.removeFirst(start)
        return found
    }
}
