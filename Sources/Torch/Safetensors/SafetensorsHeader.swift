/// What the header of a safetensors file says, checked against the size of the data behind it.
///
/// Format: https://github.com/huggingface/safetensors#format — 8 bytes of header length, JSON, then the tensors without gaps.
struct SafetensorsHeader {
    struct Entry {
        let name: String
        let dtype: DType
        let shape: [Int]
        /// Of its bytes within the data.
        let range: Range<Int>
    }

    /// The reference implementation's limit on the header.
    static let longest = 100_000_000

    private(set) var entries: [Entry] = []
    private(set) var metadata: [String: String] = [:]
    /// Where the data begin in the file.
    let dataStart: Int

    /// - Throws: ``Problem``
    init(_ file: UnsafeRawBufferPointer) throws {
        guard file.count >= 8 else { throw Problem("is too short for a safetensors file (\(file.count) bytes)") }
        let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
        guard length <= Self.longest else { throw Problem("is not a safetensors file: its header length is \(length)") }
        guard Int(length) <= file.count - 8 else {
            throw Problem("is cut short: a header of \(length) bytes in a file of \(file.count)")
        }
        dataStart = 8 + Int(length)
        var scanner = JSONScanner(UnsafeRawBufferPointer(rebasing: file[8..<dataStart]))
        var names = Set<String>()
        try scanner.object { scanner, name in
            guard names.insert(name).inserted else { throw Problem("the header names '\(name)' twice") }
            if name == "__metadata__" {
                try scanner.object { scanner, key in metadata[key] = try scanner.string() }
            } else {
                entries.append(try Self.entry(name, &scanner))
            }
        }
        try scanner.end()
        try checkLayout(dataCount: file.count - dataStart)
    }

    private static func entry(_ name: String, _ scanner: inout JSONScanner) throws -> Entry {
        var dtypeName: String?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.object { scanner, field in
            switch field {
            case "dtype" where dtypeName == nil: dtypeName = try scanner.string()
            case "shape" where shape == nil: shape = try scanner.integers()
            case "data_offsets" where offsets == nil: offsets = try scanner.integers()
            default: throw Problem("tensor '\(name)' has an unknown or repeated field '\(field)'")
            }
        }
        guard let dtypeName, let shape, let offsets else {
            throw Problem("tensor '\(name)' lacks dtype, shape or data_offsets")
        }
        guard let dtype = DType(safetensors: dtypeName) else {
            throw Problem("tensor '\(name)' has the unsupported type \(dtypeName)")
        }
        guard shape.count <= 64, let size = byteCount(shape, dtype) else {
            throw Problem("tensor '\(name)' has an impossible shape")
        }
        guard offsets.count == 2, offsets[0] <= offsets[1], offsets[1] - offsets[0] == size else {
            throw Problem("tensor '\(name)' of shape \(shape) needs \(size) bytes; its data_offsets are \(offsets)")
        }
        return Entry(name: name, dtype: dtype, shape: shape, range: offsets[0]..<offsets[1])
    }

    /// `nil` if it, or a stride of the tensor, does not fit an `Int`.
    private static func byteCount(_ shape: [Int], _ dtype: DType) -> Int? {
        var largest = dtype.byteCount
        for size in shape {
            let (product, overflow) = largest.multipliedReportingOverflow(by: max(size, 1))
            if overflow { return nil }
            largest = product
        }
        return shape.contains(0) ? 0 : largest
    }

    /// The tensors must fill the data without gaps or overlaps.
    private func checkLayout(dataCount: Int) throws {
        var end = 0
        for entry in entries.sorted(by: {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }) {
            guard entry.range.lowerBound == end else {
                throw Problem(
                    "tensor '\(entry.name)' begins at byte \(entry.range.lowerBound) of the data, not at \(end)")
            }
            end = entry.range.upperBound
        }
        guard end == dataCount else {
            let what = end > dataCount ? "is cut short" : "has surplus bytes at its end"
            throw Problem("\(what): its tensors take \(end) bytes and \(dataCount) are there")
        }
    }

    /// What is wrong with a file, without its name.
    struct Problem: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }
}

extension DType {
    private static let safetensorsNames: [(DType, String)] = [
        (.float64, "F64"), (.float32, "F32"), (.float16, "F16"), (.bfloat16, "BF16"), (.int64, "I64"), (.int32, "I32"),
        (.int16, "I16"), (.int8, "I8"), (.uint8, "U8"), (.bool, "BOOL"),
    ]

    /// The type with that name in a safetensors header.
    init?(safetensors name: String) {
        guard let match = Self.safetensorsNames.first(where: { $0.1 == name }) else { return nil }
        self = match.0
    }

    /// The name in a safetensors header.
    var safetensorsName: String { Self.safetensorsNames.first { $0.0 == self }?.1 ?? "" }
}
