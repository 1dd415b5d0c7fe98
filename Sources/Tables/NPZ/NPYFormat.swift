import Foundation

/// An array as NumPy's `.npy` format stores it: a shape and its values in row-major (C) order.
public struct NPYArray: Sendable, Equatable {
    /// The values, by type.
    public enum Values: Sendable, Equatable {
        /// 32-bit floating point (`<f4`).
        case float32([Float])
        /// 64-bit floating point (`<f8`).
        case float64([Double])
        /// 64-bit integers (`<i8`); narrower integers and booleans are read as these.
        case int64([Int64])
        /// Text (`<U`).
        case string([String])

        /// Number of values.
        public var count: Int {
            switch self {
            case .float32(let values): values.count
            case .float64(let values): values.count
            case .int64(let values): values.count
            case .string(let values): values.count
            }
        }
    }

    /// Length of each axis; empty for a single number.
    public var shape: [Int]
    /// The values, last axis fastest.
    public var values: Values

    /// An array; `shape` defaults to one axis.
    ///
    /// - Precondition: the product of `shape` is the number of values.
    public init(_ values: Values, shape: [Int]? = nil) {
        self.shape = shape ?? [values.count]
        self.values = values
        precondition(
            self.shape.reduce(1, *) == values.count, "shape \(self.shape) does not hold \(values.count) values")
    }

    /// The values as 64-bit numbers; nil for text.
    public var doubles: [Double]? {
        switch values {
        case .float32(let values): values.map { Double($0) }
        case .float64(let values): values
        case .int64(let values): values.map { Double($0) }
        case .string: nil
        }
    }

    /// The values as 32-bit numbers; nil for text.
    public var floats: [Float]? {
        if case .float32(let values) = values { return values }
        return doubles?.map { Float($0) }
    }

    /// The values as text; nil for numbers.
    public var strings: [String]? {
        if case .string(let values) = values { values } else { nil }
    }
}

/// The `.npy` format, versions 1 to 3 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
enum NPYFormat {
    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// Why bytes are not an array; the caller adds the file.
    struct Failure: Error { var problem: String }

    /// The bytes of an array in format version 1.0, little-endian.
    static func encode(_ array: NPYArray) -> Data {
        let (type, body) = encode(array.values)
        return header(type: type, shape: array.shape) + body
    }

    /// What comes before the values of an array.
    /// - Parameter size: its least length; it is a multiple of 64 bytes anyway.
    static func header(type: String, shape: [Int], size: Int = 64) -> Data {
        let shape = shape.map { "\($0)," }.joined(separator: " ")
        var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(shape)), }"
        // The values start at a multiple of 64 bytes.
        let length = max(size, (magic.count + 4 + header.utf8.count + 1 + 63) / 64 * 64)
        header += String(repeating: " ", count: length - magic.count - 4 - header.utf8.count - 1) + "\n"
        let count = UInt16(header.utf8.count)
        return Data(magic + [1, 0, UInt8(count & 0xff), UInt8(count >> 8)]) + Data(header.utf8)
    }

    private static func encode(_ values: NPYArray.Values) -> (type: String, body: Data) {
        switch values {
        case .float32(let values): return ("<f4", bytes(values.map(\.bitPattern.littleEndian)))
        case .float64(let values): return ("<f8", bytes(values.map(\.bitPattern.littleEndian)))
        case .int64(let values): return ("<i8", bytes(values.map(\.littleEndian)))
        case .string(let values):
            let width = max(1, values.map(\.unicodeScalars.count).max() ?? 1)
            var scalars: [UInt32] = []
            scalars.reserveCapacity(values.count * width)
            for value in values {
                let own = value.unicodeScalars.map(\.value.littleEndian)
                scalars += own + [UInt32](repeating: 0, count: width - own.count)
            }
            return ("<U\(width)", bytes(scalars))
        }
    }

    private static func bytes<Element: BitwiseCopyable>(_ values: [Element]) -> Data {
        values.withUnsafeBytes { Data($0) }
    }

    /// The array in `data`; big-endian, narrow integer and Fortran-ordered arrays are converted.
    static func decode(_ data: Data) throws -> NPYArray {
        let bytes = [UInt8](data)
        guard bytes.count >= 10, bytes.starts(with: magic) else { throw Failure(problem: "is not an .npy array") }
        let long = bytes[6] >= 2
        guard !long || bytes.count >= 12 else { throw Failure(problem: "is truncated") }
        let start = long ? 12 : 10
        let size = (8..<start).reversed().reduce(0) { $0 << 8 | Int(bytes[$1]) }
        guard size <= bytes.count - start else { throw Failure(problem: "is truncated in its header") }
        let header = try Header(parsing: String(decoding: bytes[start..<start + size], as: UTF8.self))
        let values = try decode(bytes[(start + size)...], header)
        return NPYArray(header.isFortran ? rowMajor(values, header.shape) : values, shape: header.shape)
    }

    private static func decode(_ body: ArraySlice<UInt8>, _ header: Header) throws -> NPYArray.Values {
        let width = header.itemSize
        let (size, overflow) = header.count.multipliedReportingOverflow(by: width)
        guard !overflow, size <= body.count else {
            throw Failure(problem: "is truncated: \(body.count) bytes for shape \(header.shape) of \(header.type)")
        }
        func words<Word: FixedWidthInteger>(_: Word.Type, per item: Int = 1) -> [Word] {
            body.withUnsafeBytes { buffer in
                (0..<header.count * item).map {
                    let raw = buffer.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Word>.size, as: Word.self)
                    return header.isBigEndian ? Word(bigEndian: raw) : Word(littleEndian: raw)
                }
            }
        }
        switch header.type {
        case "f4": return .float32(words(UInt32.self).map { Float(bitPattern: $0) })
        case "f8": return .float64(words(UInt64.self).map { Double(bitPattern: $0) })
        case "i8": return .int64(words(Int64.self))
        case "i4": return .int64(words(Int32.self).map { Int64($0) })
        case "i2": return .int64(words(Int16.self).map { Int64($0) })
        case "i1": return .int64(words(Int8.self).map { Int64($0) })
        case "u4": return .int64(words(UInt32.self).map { Int64($0) })
        case "u2": return .int64(words(UInt16.self).map { Int64($0) })
        case "u1", "b1": return .int64(words(UInt8.self).map { Int64($0) })
        case "u8":
            return .int64(
                try words(UInt64.self).map {
                    guard let value = Int64(exactly: $0) else { throw Failure(problem: "holds integers above 2⁶³") }
                    return value
                })
        default: break
        }
        let length = width / (header.type.hasPrefix("U") ? 4 : 1)
        let scalars =
            header.type.hasPrefix("U")
            ? words(UInt32.self, per: length) : words(UInt8.self, per: length).map { UInt32($0) }
        return .string(
            (0..<header.count).map { item in
                var text = String.UnicodeScalarView()
                for code in scalars[item * length..<(item + 1) * length] where code != 0 {
                    text.append(Unicode.Scalar(code) ?? "\u{fffd}")
                }
                return String(text)
            })
    }

    /// Values whose first axis is fastest, put in the order in which the last one is.
    private static func rowMajor(_ values: NPYArray.Values, _ shape: [Int]) -> NPYArray.Values {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropFirst() { strides[axis] = strides[axis - 1] * shape[axis - 1] }
        let order = (0..<values.count).map { position in
            var rest = position
            var source = 0
            for axis in shape.indices.reversed() {
                source += rest % shape[axis] * strides[axis]
                rest /= shape[axis]
            }
            return source
        }
        switch values {
        case .float32(let values): return .float32(order.map { values[$0] })
        case .float64(let values): return .float64(order.map { values[$0] })
        case .int64(let values): return .int64(order.map { values[$0] })
        case .string(let values): return .string(order.map { values[$0] })
        }
    }

    /// The dictionary at the start of an array: `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`.
    private struct Header {
        var type = ""
        var itemSize = 0
        var isBigEndian = false
        var isFortran = false
        var shape: [Int] = []
        var count = 1

        init(parsing text: String) throws {
            guard let descr = text.firstMatch(of: /'descr'\s*:\s*'([<>|=])([fiubUS])(\d{1,9})'/),
                let order = text.firstMatch(of: /'fortran_order'\s*:\s*(True|False)/),
                let tuple = text.firstMatch(of: /'shape'\s*:\s*\(([\d,\s]*)\)/),
                let size = Int(descr.3)
            else { throw Failure(problem: "has a type this program does not read (\(text.prefix(80)))") }
            let isText = descr.2 == "U" || descr.2 == "S"
            type = String(descr.2) + (isText ? "" : String(descr.3))
            guard isText || ["f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"].contains(type) else {
                throw Failure(problem: "has type \(type), which this program does not read")
            }
            itemSize = descr.2 == "U" ? 4 * size : size
            isBigEndian = descr.1 == ">"
            isFortran = order.1 == "True"
            for part in tuple.1.split(separator: ",") {
                let digits = part.trimmingCharacters(in: .whitespaces)
                guard let length = Int(digits),
                    case let (product, overflow) = count.multipliedReportingOverflow(by: length),
                    !overflow
                else { throw Failure(problem: "has a malformed shape (\(tuple.1))") }
                shape.append(length)
                count = product
            }
            // Items of no width would let a tiny file ask for any number of them.
            guard itemSize > 0 || count == 0 || count <= 1 << 20 else { throw Failure(problem: "has empty items") }
        }
    }
}
