import CHDF5
import Foundation
import Support

/// A data set of records (compound elements): a table, as astropy, h5py and PyTables (pandas) write them.
struct HDF5Records {
    /// What each record has under a name.
    private struct Member {
        let name: String
        let element: HDF5DataSet.Element
        /// As the file has it.
        let type: HDF5Handle
        /// Lengths of the axes of an array within each record.
        let axes: [Int]

        var count: Int { axes.reduce(1, *) }
        var kind: Field.Kind { element.kind }
    }

    private let set: HDF5DataSet
    private let members: [Member]

    /// - Returns: nil where the elements are no records, or do not lie along one axis.
    init?(_ set: HDF5DataSet) {
        guard set.element == .other, set.shape.count == 1 else { return nil }
        let members = HDF5.locked { () -> [Member] in
            guard let type = set.storedType, H5Tget_class(type.id) == H5T_COMPOUND else { return [] }
            return (0..<UInt32(max(0, H5Tget_nmembers(type.id)))).compactMap { Self.member($0, of: type) }
        }
        guard !members.isEmpty else { return nil }
        (self.set, self.members) = (set, members)
    }

    /// nil for what fits no column: records within records, references.
    private static func member(_ index: UInt32, of record: HDF5Handle) -> Member? {
        guard let name = H5Tget_member_name(record.id, index) else { return nil }
        defer { _ = H5free_memory(name) }
        guard var type = HDF5Handle.type(H5Tget_member_type(record.id, index)) else { return nil }
        var axes: [Int] = []
        if H5Tget_class(type.id) == H5T_ARRAY {
            let rank = H5Tget_array_ndims(type.id)
            guard (1...32).contains(rank) else { return nil }
            var lengths = [hsize_t](repeating: 0, count: Int(rank))
            guard H5Tget_array_dims2(type.id, &lengths) >= 0, let inner = HDF5Handle.type(H5Tget_super(type.id)) else {
                return nil
            }
            (axes, type) = (lengths.map { Int(clamping: $0) }, inner)
        }
        // Truth values of h5py are an enumeration of numbers.
        let element: HDF5DataSet.Element =
            H5Tget_class(type.id) == H5T_ENUM ? .int64 : HDF5DataSet.Element(of: type)
        guard element != .other, axes.isEmpty || (element.kind != .text && axes.allSatisfy { $0 > 0 }) else {
            return nil
        }
        return Member(name: String(cString: name), element: element, type: type, axes: axes)
    }

    /// The columns of the table.
    func sources(unit: (String) -> String) -> [ArrayTable.Source] {
        members.map { member in
            ArrayTable.Source(
                member.name, member.kind, unit: unit(member.name),
                shape: [set.count] + (member.axes.isEmpty ? [] : [member.count])
            ) {
                member.kind == .text
                    ? try texts(member, $0).map { TextNumber($0)?.value ?? .nan } : try numbers(member, $0)
            } texts: {
                switch member.element {
                case .int64: try integers(member, $0).map { String($0) }
                case .float32, .float64:
                    try numbers(member, $0).map { Field(member.name, member.kind).text($0) }
                default: try texts(member, $0)
                }
            }
        }
    }

    private func numbers(_ member: Member, _ rows: Range<Int>) throws -> [Double] {
        var values = [Double](repeating: .nan, count: rows.count * member.count)
        try values.withUnsafeMutableBytes { try read(member, as: .float64, rows, into: $0) }
        return values
    }

    private func integers(_ member: Member, _ rows: Range<Int>) throws -> [Int64] {
        var values = [Int64](repeating: 0, count: rows.count * member.count)
        try values.withUnsafeMutableBytes { try read(member, as: .int64, rows, into: $0) }
        return values
    }

    private func texts(_ member: Member, _ rows: Range<Int>) throws -> [String] {
        guard case .string(let width) = member.element else { return try variableTexts(member, rows) }
        var bytes = [UInt8](repeating: 0, count: rows.count * width)
        try bytes.withUnsafeMutableBytes { try read(member, as: member.element, rows, into: $0) }
        return stride(from: 0, to: bytes.count, by: width).map { start in
            String(decoding: bytes[start..<start + width].prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private func variableTexts(_ member: Member, _ rows: Range<Int>) throws -> [String] {
        guard set.file.hasSoundHeaps else {
            throw set.file.failure(set.path, "its texts of variable length are damaged")
        }
        var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: rows.count)
        return try HDF5.locked {
            try pointers.withUnsafeMutableBytes { try read(member, as: .variableString, rows, into: $0) }
            defer { pointers.forEach { $0.map { _ = H5free_memory($0) } } }
            return pointers.map { $0.map { String(cString: $0) } ?? "" }
        }
    }

    /// Reads one member of each record, and nothing else of them into memory.
    private func read(
        _ member: Member, as element: HDF5DataSet.Element, _ rows: Range<Int>,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws {
        guard !rows.isEmpty else { return }
        let isRead = HDF5.locked { () -> Bool in
            // Texts are taken as they are: the library converts no sets of characters.
            guard var type = element.kind == .text ? member.type : element.makeType() else { return false }
            if !member.axes.isEmpty {
                let lengths = member.axes.map { hsize_t($0) }
                guard let array = HDF5Handle.type(H5Tarray_create2(type.id, UInt32(lengths.count), lengths)) else {
                    return false
                }
                type = array
            }
            guard let record = HDF5Handle.type(H5Tcreate(H5T_COMPOUND, H5Tget_size(type.id))),
                H5Tinsert(record.id, member.name, 0, type.id) >= 0
            else { return false }
            return set.read(rows, as: record, into: buffer.baseAddress)
        }
        guard isRead else { throw set.unreadable(rows, field: "\(set.path).\(member.name)") }
    }
}
