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
        var names: Set<String> = ["__metadata__"]
        for (name, tensor) in tensors {
            guard names.insert(name).inserted else {
                throw Diagnostic(path, problem: "cannot be written: the name '\(name)' is used twice or reserved")
            }
            guard tensor.isDefined else {
                throw Diagnostic(path, problem: "cannot be written: tensor '\(name)' is undefined")
            }
        }
        // Wide types first: every tensor then begins on a boundary of its type.
        let stored = tensors.enumerated().sorted {
            ($1.element.1.dtype.byteCount, $0.offset) < ($0.element.1.dtype.byteCount, $1.offset)
        }.map(\.element)
        let file = try AtomicFile(URL(fileURLWithPath: path))
        try file.write(header(tensors, stored: stored, metadata: metadata))
        for (_, tensor) in stored { try tensor.withUnsafeBytes { try file.write($0) } }
        try file.commit()
    }

    /// Length and JSON, padded with spaces to a multiple of 8 bytes.
    private static func header(
        _ tensors: [(String, Tensor)], stored: [(String, Tensor)], metadata: [String: String]
    ) -> [UInt8] {
        var offsets: [String: Range<Int>] = [:]
        var end = 0
        for (name, tensor) in stored {
            offsets[name] = end..<end + tensor.count * tensor.dtype.byteCount
            end += tensor.count * tensor.dtype.byteCount
        }
        var fields: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
            fields.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        for (name, tensor) in tensors {
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            let range = offsets[name] ?? 0..<0
            fields.append(
                "\(quoted(name)):{\"dtype\":\"\(tensor.dtype.safetensorsName)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(range.lowerBound),\(range.upperBound)]}")
        }
        var json = Array("{\(fields.joined(separator: ","))}".utf8)
        json += Array(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
        return withUnsafeBytes(of: UInt64(json.count).littleEndian, Array.init) + json
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
