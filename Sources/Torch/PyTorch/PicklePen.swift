/// Writes values as a pickle of protocol 2, with the calls that `torch.load(weights_only=True)` allows.
struct PicklePen {
    private(set) var bytes: [UInt8] = [0x80, 2]

    /// Writes the last instruction.
    mutating func finish() { put(".") }

    /// Writes a value; containers that appear twice are written twice.
    mutating func write(_ value: PickleValue) {
        switch value {
        case .none: put("N")
        case .bool(let value): bytes.append(value ? 0x88 : 0x89)
        case .integer(let value): write(value)
        case .double(let value):
            put("G")
            bytes += withUnsafeBytes(of: value.bitPattern.bigEndian, Array.init)
        case .string(let value): write(value)
        case .bytes(let value): write(.list(PickleList(value.map { .integer(Int($0)) })))
        case .list(let list):
            put(list.isTuple ? "(" : "](")
            for value in list.values { write(value) }
            put(list.isTuple ? "t" : "e")
        case .dictionary(let dictionary):
            put("}(")
            for (key, value) in dictionary.entries {
                write(key)
                write(value)
            }
            put("u")
        case .global(let module, let name): global(module, name)
        case .tensor(let tensor): write(tensor)
        case .storage(let storage): write(storage)
        case .object: put("N")
        }
    }

    /// A dictionary of plain entries, and one that is an `OrderedDict`.
    mutating func write(entries: [(String, PickleValue)], ordered: (name: String, entries: [(String, PickleValue)])) {
        put("}(")
        for (name, value) in entries {
            write(name)
            write(value)
        }
        write(ordered.name)
        write(ordered: ordered.entries)
        put("u")
    }

    /// An `OrderedDict` of names and values.
    private mutating func write(ordered entries: [(String, PickleValue)]) {
        global("collections", "OrderedDict")
        put(")R(")
        for (name, value) in entries {
            write(name)
            write(value)
        }
        put("u")
    }

    private mutating func write(_ value: Int) {
        if let small = Int32(exactly: value) {
            put("J")
            bytes += withUnsafeBytes(of: small.littleEndian, Array.init)
        } else {
            bytes += [0x8a, 8] + withUnsafeBytes(of: Int64(value).littleEndian, Array.init)
        }
    }

    private mutating func write(_ text: String) {
        put("X")
        bytes += withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian, Array.init) + Array(text.utf8)
    }

    private mutating func write(_ tensor: PickledTensor) {
        global("torch._utils", "_rebuild_tensor_v2")
        put("(")
        write(tensor.storage)
        write(tensor.offset)
        write(.list(PickleList(tensor.shape.map { .integer($0) }, isTuple: true)))
        write(.list(PickleList(tensor.strides.map { .integer($0) }, isTuple: true)))
        bytes.append(0x89)
        write(ordered: [])
        put("tR")
    }

    private mutating func write(_ storage: PickledStorage) {
        put("(")
        write("storage")
        global("torch", PickledTensors.storageName(of: storage.dtype))
        write(storage.key)
        write("cpu")
        write(storage.count)
        put("tQ")
    }

    private mutating func global(_ module: String, _ name: String) { put("c\(module)\n\(name)\n") }

    private mutating func put(_ text: String) { bytes += Array(text.utf8) }
}

/// The bytes of a pickle, taken from the front; nothing beyond the end is ever touched.
struct PickleBytes {
    private let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func byte() throws -> UInt8 {
        guard position < bytes.count else { throw Unpickler.Problem(text: "the pickle is cut short") }
        position += 1
        return bytes[position - 1]
    }

    mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count >= 0, count <= bytes.count - position else {
            throw Unpickler.Problem(text: "the pickle is cut short, or a length in it is wrong")
        }
        position += count
        return bytes[position - count..<position]
    }

    /// A little-endian number of `width` bytes.
    mutating func count(_ width: Int) throws -> Int {
        let value = try take(width).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let count = Int(exactly: value) else { throw Unpickler.Problem(text: "a length in it is impossible") }
        return count
    }

    /// Text up to the end of the line.
    mutating func line() throws -> String {
        guard let end = bytes[position...].firstIndex(of: 0x0A), end - position <= 4096 else {
            throw Unpickler.Problem(text: "a line in it has no end")
        }
        defer { position = end + 1 }
        return String(decoding: bytes[position..<end], as: UTF8.self)
    }
}
