import Foundation
import Support

extension SafetensorsFile {
    /// Writes tensors to a file. The same tensors and metadata give the same bytes.
    ///
    /// The file appears complete or not at all: it is written beside its place under another name, then renamed. It is ready
    /// for other programs and for ``init(contentsOf:)``; an existing file is replaced, and tensors mapped from it stay valid.
    /// - Parameters:
    ///   - tensors: in the order in which ``names`` will list them.
    ///   - metadata: any strings.
    ///   - url: where to.
    /// - Throws: `Diagnostic`, for example when the disk is full.
    public static func write(_ tensors: [(String, Tensor)], metadata: [String: String] = [:], to url: URL) throws {
        let path = url.path
        try check(tensors.map(\.0), path)
        for (name, tensor) in tensors where !tensor.isDefined {
            throw Diagnostic(path, problem: "cannot be written: tensor '\(name)' is undefined")
        }
        let parts = tensors.map { SafetensorsDraft.Part($0, $1.dtype, $1.shape) }
        let header = header(parts, metadata: metadata)
        let file = try AtomicFile(URL(fileURLWithPath: path))
        try file.write(header.bytes)
        for place in header.order { try tensors[place].1.withUnsafeBytes { try file.write($0) } }
        try file.commit()
    }

    /// - Throws: `Diagnostic` for a name that is used twice.
    static func check(_ names: [String], _ path: String) throws {
        var known: Set<String> = ["__metadata__"]
        for name in names where !known.insert(name).inserted {
            throw Diagnostic(path, problem: "cannot be written: the name '\(name)' is used twice or reserved")
        }
    }

    /// Length and JSON, padded with spaces to a multiple of 8 bytes; where behind it each tensor lies; and their order in the file.
    static func header(
        _ parts: [SafetensorsDraft.Part], metadata: [String: String]
    ) -> (bytes: [UInt8], offsets: [String: Range<Int>], order: [Int]) {
        // Wide types first: every tensor then begins on a boundary of its type.
        let order = parts.indices.sorted {
            (parts[$1].dtype.byteCount, $0) < (parts[$0].dtype.byteCount, $1)
        }
        var offsets: [String: Range<Int>] = [:]
        var end = 0
        for place in order {
            offsets[parts[place].name] = end..<end + parts[place].byteCount
            end += parts[place].byteCount
        }
        var fields: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
            fields.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        for part in parts {
            let shape = part.shape.map(String.init).joined(separator: ",")
            let range = offsets[part.name] ?? 0..<0
            fields.append(
                "\(quoted(part.name)):{\"dtype\":\"\(part.dtype.safetensorsName)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(range.lowerBound),\(range.upperBound)]}")
        }
        var json = Array("{\(fields.joined(separator: ","))}".utf8)
        json += Array(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
        return (withUnsafeBytes(of: UInt64(json.count).littleEndian, Array.init) + json, offsets, order)
    }

    /// A JSON string.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..<" ": result += String(format: "\\u%04x", scalar.value)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
