import CHDF5
import Foundation
import Support

/// One data set of an HDF5 file, read and written by rows (its first axis).
package final class HDF5DataSet: @unchecked Sendable {
    /// What one element is, coarsely: HDF5 converts between sizes and byte orders by itself.
    package enum Element: Equatable {
        case float32
        case float64
        case int64
        /// UTF-8 in a fixed number of bytes, padded with zeros.
        case string(bytes: Int)
        /// Strings of variable length (read only).
        case variableString
        case other

        package var byteCount: Int {
            switch self {
            case .float32: 4
            case .float64, .int64, .variableString: 8
            case .string(let bytes): bytes
            case .other: 1
            }
        }

        package var name: String {
            switch self {
            case .float32, .float64: "floating-point"
            case .int64: "integer"
            case .string, .variableString: "text"
            case .other: "of another type"
            }
        }

        /// What a type of a file is.
        init(of type: HDF5Handle) {
            let size = H5Tget_size(type.id)
            switch H5Tget_class(type.id) {
            case H5T_FLOAT: self = size <= 4 ? .float32 : .float64
            case H5T_INTEGER: self = .int64
            case H5T_STRING where H5Tis_variable_str(type.id) > 0: self = .variableString
            case H5T_STRING where size > 0 && size < 65536: self = .string(bytes: size)
            default: self = .other
            }
        }

        /// The same as a column of a table.
        var kind: Field.Kind {
            switch self {
            case .float32: .single
            case .float64: .double
            case .int64: .integer
            case .string, .variableString: .text
            case .other: .other
            }
        }

        /// The type to keep in memory and in new files.
        package func makeType() -> HDF5Handle? {
            switch self {
            case .float32: return .type(H5Tcopy(chdf5_native_float()))
            case .float64: return .type(H5Tcopy(chdf5_native_double()))
            case .int64: return .type(H5Tcopy(chdf5_native_int64()))
            case .string(let bytes):
                guard let type = HDF5Handle.type(H5Tcopy(chdf5_c_string())) else { return nil }
                _ = H5Tset_size(type.id, bytes)
                _ = H5Tset_strpad(type.id, H5T_STR_NULLPAD)
                _ = H5Tset_cset(type.id, H5T_CSET_UTF8)
                return type
            case .variableString, .other: return nil
            }
        }
    }

    package let path: String
    package let element: Element
    /// Shape, rows first; grows with `append`.
    package private(set) var shape: [Int]
    private let handle: HDF5Handle
    let file: HDF5File

    /// Number of rows.
    package var count: Int { shape.first ?? 0 }
    /// Elements in one row.
    package var rowLength: Int { shape.dropFirst().reduce(1, *) }

    package init(_ handle: HDF5Handle, path: String, file: HDF5File) throws {
        self.handle = handle
        self.path = path
        self.file = file
        guard Self.liesInItsFile(handle) else {
            throw Diagnostic(
                file.name, field: path, problem: "keeps its numbers in other files",
                remedy: "copy it whole: h5repack OLD NEW")
        }
        guard let (shape, element) = Self.describe(handle) else {
            throw file.failure(path, "shape or element type cannot be read")
        }
        self.shape = shape
        self.element = element
    }

    /// Whether its elements are in the file itself, not in others that it names.
    private static func liesInItsFile(_ handle: HDF5Handle) -> Bool {
        HDF5.locked {
            guard let list = HDF5Handle.properties(H5Dget_create_plist(handle.id)) else { return false }
            return H5Pget_external_count(list.id) == 0 && H5Pget_layout(list.id) != H5D_VIRTUAL
        }
    }

    private static func describe(_ handle: HDF5Handle) -> ([Int], Element)? {
        HDF5.locked {
            guard let space = HDF5Handle.space(H5Dget_space(handle.id)),
                let type = HDF5Handle.type(H5Dget_type(handle.id))
            else { return nil }
            let rank = H5Sget_simple_extent_ndims(space.id)
            guard rank >= 0, rank <= 32 else { return nil }
            var dimensions = [hsize_t](repeating: 0, count: Int(rank))
            guard H5Sget_simple_extent_dims(space.id, &dimensions, nil) >= 0 else { return nil }
            let size = H5Tget_size(type.id)
            guard isPlausible(dimensions, size: size, stored: H5Dget_storage_size(handle.id)) else { return nil }
            return (dimensions.map { Int($0) }, Element(of: type))
        }
    }

    /// Whether a shape fits the bytes stored for it. A damaged shape would otherwise ask for any amount of memory;
    /// the best compression HDF5 offers shrinks about a thousandfold.
    private static func isPlausible(_ dimensions: [hsize_t], size: Int, stored: hsize_t) -> Bool {
        var bytes = size
        for dimension in dimensions {
            let (product, isTooLarge) = bytes.multipliedReportingOverflow(by: Int(clamping: dimension))
            guard !isTooLarge else { return false }
            bytes = product
        }
        return bytes / 1100 <= Int(clamping: stored) + (1 << 16)
    }

    /// Rows `range` as float32, row-major; float64 and integers are converted.
    package func floats(_ range: Range<Int>) throws -> [Float] {
        try numbers(range, zero: Float(0), type: .float32)
    }

    /// Rows `range` as float64.
    package func doubles(_ range: Range<Int>) throws -> [Double] {
        try numbers(range, zero: 0.0, type: .float64)
    }

    /// Rows given in any order, repeats allowed; neighbouring rows are fetched together.
    package func floats(at indices: [Int]) throws -> [Float] {
        let length = rowLength
        let order = indices.indices.sorted { indices[$0] < indices[$1] }
        guard let first = order.first, let last = order.last else { return [] }
        try check(indices[first]..<indices[last] + 1)
        return try [Float](unsafeUninitializedCapacity: indices.count * length) { buffer, initialized in
            var start = 0
            while start < order.count {
                var end = start + 1
                while end < order.count, indices[order[end]] - indices[order[end - 1]] <= 1 { end += 1 }
                let base = indices[order[start]]
                let run = try floats(base..<indices[order[end - 1]] + 1)
                run.withUnsafeBufferPointer { source in
                    guard let from = source.baseAddress, let to = buffer.baseAddress else { return }
                    for place in order[start..<end] {
                        (to + place * length).initialize(from: from + (indices[place] - base) * length, count: length)
                    }
                }
                start = end
            }
            initialized = indices.count * length
        }
    }

    /// Rows `range` of a one-dimensional data set as text; integers are written out in decimal.
    package func strings(_ range: Range<Int>) throws -> [String] {
        try check(range)
        guard rowLength == 1 else {
            throw file.failure(path, "one text a row expected, shape is \(shape)")
        }
        switch element {
        case .int64: return try numbers(range, zero: Int64(0), type: .int64).map { String($0) }
        case .string(let bytes): return try fixedStrings(range, bytes: bytes)
        case .variableString: return try variableStrings(range)
        case .float32, .float64, .other:
            throw file.failure(path, "text or integers expected, found elements \(element.name)")
        }
    }

    /// Adds rows of numbers at the end, converted to the element type of the data set.
    package func append(_ values: [Float]) throws {
        try appendElements(values, rows: values.count / max(1, rowLength), type: .float32)
    }

    /// Adds rows of numbers at the end, converted to the element type of the data set.
    package func append(_ values: [Double]) throws {
        try appendElements(values, rows: values.count / max(1, rowLength), type: .float64)
    }

    /// Adds rows of integers at the end, converted to the element type of the data set.
    package func append(_ values: [Int64]) throws {
        try appendElements(values, rows: values.count / max(1, rowLength), type: .int64)
    }

    /// Adds rows of text, cut to the bytes the data set has for each.
    package func append(texts: [String]) throws {
        let width = element.byteCount
        var bytes = [UInt8](repeating: 0, count: texts.count * width)
        for (row, text) in texts.enumerated() {
            for (offset, byte) in text.utf8.prefix(width).enumerated() { bytes[row * width + offset] = byte }
        }
        try appendElements(bytes, rows: texts.count, type: element)
    }

    private func appendElements<T: BitwiseCopyable>(_ values: [T], rows: Int, type: Element) throws {
        guard rows > 0 else { return }
        let isWritten = HDF5.locked {
            var extent = shape.map { hsize_t($0) }
            extent[0] += hsize_t(rows)
            guard H5Dset_extent(handle.id, extent) >= 0, let type = type.makeType(),
                let selection = select(count..<count + rows)
            else { return false }
            return values.withUnsafeBytes {
                H5Dwrite(
                    handle.id, type.id, selection.memory.id, selection.file.id, chdf5_default(), $0.baseAddress) >= 0
            }
        }
        guard isWritten else { throw file.failure(path, "\(rows) rows cannot be written") }
        shape[0] += rows
    }

    // MARK: - Parts

    private func check(_ range: Range<Int>) throws {
        guard !shape.isEmpty, range.lowerBound >= 0, range.upperBound <= count else {
            throw Diagnostic(
                file.name, field: path,
                problem: "rows \(range.lowerBound)..<\(range.upperBound) asked of \(count)",
                remedy: "ask for rows inside 0..<\(count)")
        }
    }

    private func select(_ range: Range<Int>) -> (memory: HDF5Handle, file: HDF5Handle)? {
        var start = shape.map { _ in hsize_t(0) }
        var counts = shape.map { hsize_t($0) }
        start[0] = hsize_t(range.lowerBound)
        counts[0] = hsize_t(range.count)
        guard let space = HDF5Handle.space(H5Dget_space(handle.id)),
            H5Sselect_hyperslab(space.id, H5S_SELECT_SET, start, nil, counts, nil) >= 0,
            let memory = HDF5Handle.space(H5Screate_simple(Int32(counts.count), counts, nil))
        else { return nil }
        return (memory, space)
    }

    private func numbers<T>(_ range: Range<Int>, zero: T, type wanted: Element) throws -> [T] {
        try check(range)
        switch element {
        case .float32, .float64, .int64: break
        case .string, .variableString, .other:
            throw file.failure(path, "numbers expected, found elements \(element.name)")
        }
        guard !range.isEmpty, rowLength > 0 else { return [] }
        return try [T](unsafeUninitializedCapacity: range.count * rowLength) { buffer, initialized in
            let isRead = HDF5.locked {
                wanted.makeType().map { read(range, as: $0, into: buffer.baseAddress) } ?? false
            }
            guard isRead else { throw unreadable(range) }
            initialized = range.count * rowLength
        }
    }

    /// The type of the elements, as the file has it.
    var storedType: HDF5Handle? { .type(H5Dget_type(handle.id)) }

    /// Reads rows within the lock, as elements of `type`.
    /// - Parameter memory: has room for them.
    func read(_ range: Range<Int>, as type: HDF5Handle, into memory: UnsafeMutableRawPointer?) -> Bool {
        guard let selection = select(range) else { return false }
        return H5Dread(handle.id, type.id, selection.memory.id, selection.file.id, chdf5_default(), memory) >= 0
    }

    /// Why rows cannot be read: most often a filter that packed them is missing here.
    /// - Parameter field: what of them; the data set where it is nil.
    func unreadable(_ range: Range<Int>, field: String? = nil) -> Diagnostic {
        let missing = HDF5.locked { () -> String? in
            guard let list = HDF5Handle.properties(H5Dget_create_plist(handle.id)) else { return nil }
            return (0..<max(0, H5Pget_nfilters(list.id))).lazy.compactMap { index -> String? in
                var (flags, elements, settings) = (UInt32(0), 0, UInt32(0))
                var name = [CChar](repeating: 0, count: 64)
                let filter = H5Pget_filter2(
                    list.id, UInt32(index), &flags, &elements, nil, name.count - 1, &name, &settings)
                guard filter >= 0, H5Zfilter_avail(filter) <= 0 else { return nil }
                let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                return text.isEmpty ? "number \(filter)" : "\"\(text)\" (number \(filter))"
            }.first
        }
        guard let missing else { return file.failure(field ?? path, "rows \(range) cannot be read") }
        return Diagnostic(
            file.name, field: path, problem: "is packed by the HDF5 filter \(missing), which is not installed",
            remedy: "pack it anew where it was written: h5repack -f GZIP=4 OLD NEW")
    }

    private func fixedStrings(_ range: Range<Int>, bytes: Int) throws -> [String] {
        guard !range.isEmpty else { return [] }
        var buffer = [UInt8](repeating: 0, count: range.count * bytes)
        let isRead = HDF5.locked { storedType.map { read(range, as: $0, into: &buffer) } ?? false }
        guard isRead else { throw unreadable(range) }
        return stride(from: 0, to: buffer.count, by: bytes).map { start in
            String(decoding: buffer[start..<start + bytes].prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private func variableStrings(_ range: Range<Int>) throws -> [String] {
        guard !range.isEmpty else { return [] }
        guard file.hasSoundHeaps else { throw file.failure(path, "its texts of variable length are damaged") }
        var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: range.count)
        return try HDF5.locked {
            guard let type = HDF5Handle.type(H5Dget_type(handle.id)), let selection = select(range),
                H5Dread(
                    handle.id, type.id, selection.memory.id, selection.file.id, chdf5_default(), &pointers) >= 0
            else { throw unreadable(range) }
            defer { _ = H5Dvlen_reclaim(type.id, selection.memory.id, chdf5_default(), &pointers) }
            return pointers.map { $0.map { String(cString: $0) } ?? "" }
        }
    }
}
