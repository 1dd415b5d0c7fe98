import CCFITSIO
import Foundation
import Support

/// A FITS file, read through cfitsio: a large one from disk, others and packed ones from memory. Not for use from several
/// threads at once; different files may be.
package final class FITSFile {
    /// Whether these are the first bytes of a FITS file.
    package static func recognises(_ head: Data) -> Bool { head.starts(with: Data("SIMPLE  =".utf8)) }

    /// What an HDU holds.
    package enum Content: Equatable {
        /// An image of these axes, fastest first; none if the HDU has a header only.
        case image(axes: [Int])
        /// A table of so many rows.
        case table(rows: Int)
    }

    /// A header-data unit.
    package struct HDU {
        package var number: Int
        package var name: String
        package var content: Content
        package var columns: [FITSColumn]
    }

    package let url: URL
    package private(set) var hdus: [HDU] = []
    private var handle: UnsafeMutablePointer<fitsfile>?
    // cfitsio keeps the addresses of these two variables as long as the file is open.
    private let buffer = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: 1)
    private let size = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    private let byteCount: Int

    /// The most that the memory may grow to stands this many bytes before it.
    private static let limitPlace = 16

    /// Opens the FITS file of these bytes; `url` serves in messages.
    package init(_ data: Data, url: URL) throws {
        try data.withUnsafeBytes { try FITSLayout.requireSoundNames($0, url) }
        (self.url, byteCount) = (url, data.count)
        // cfitsio reads whole blocks: what is cut short is filled up here and found out by `checkExtent`.
        let blocks = (data.count + 2879) / 2880 * 2880
        guard let whole = malloc(Self.limitPlace + blocks) else { throw Diagnostic(url, problem: "finds no memory") }
        whole.storeBytes(of: max(1 << 26, 16 * blocks), as: Int.self)
        let memory = whole + Self.limitPlace
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: blocks)
        data.withUnsafeBytes { if let base = $0.baseAddress { memory.copyMemory(from: base, byteCount: data.count) } }
        buffer.initialize(to: memory)
        size.initialize(to: blocks)
        try FITSLibrary.serialised {
            var status: Int32 = 0
            // Where a header claims more than there is, cfitsio makes room for it: what is cut short is found out afterwards, and
            // what is absurd is refused.
            let grow: @convention(c) (UnsafeMutableRawPointer?, Int) -> UnsafeMutableRawPointer? = { memory, size in
                guard let whole = memory.map({ $0 - FITSFile.limitPlace }), size <= whole.load(as: Int.self) else {
                    return nil
                }
                return realloc(whole, FITSFile.limitPlace + size).map { $0 + FITSFile.limitPlace }
            }
            ffomem(&handle, "memory.fits", READONLY, buffer, size, 2880, grow, &status)
            try list(status)
        }
    }

    /// Opens a file, which stays where it is if it is a large one.
    package convenience init(_ file: InputFile) throws {
        if let size = file.plainSize, size >= 1 << 24 {
            try self.init(diskFile: file.location, size: size, url: file.url)
        } else {
            try self.init(file.all(), url: file.url)
        }
    }

    private init(diskFile location: URL, size: Int, url: URL) throws {
        if let bytes = try? Data(contentsOf: location, options: .alwaysMapped) {
            // Headers of tables that stay on disk stand at their beginning; what is rows is not read for this.
            try bytes.prefix(1 << 24).withUnsafeBytes { try FITSLayout.requireSoundNames($0, url) }
        }
        (self.url, byteCount) = (url, size)
        buffer.initialize(to: nil)
        self.size.initialize(to: 0)
        try FITSLibrary.serialised {
            var status: Int32 = 0
            // A path is one, whatever brackets it has.
            ffdkopn(&handle, location.path, READONLY, &status)
            try list(status)
        }
    }

    private func list(_ status: Int32) throws {
        try check(status, "header")
        hdus = try listHDUs(byteCount: byteCount)
    }

    deinit {
        FITSLibrary.serialised {
            var status: Int32 = 0
            if let handle { ffclos(handle, &status) }
            ffcmsg()
        }
        buffer.pointee.map { free($0 - Self.limitPlace) }
        buffer.deallocate()
        size.deallocate()
    }

    /// Header cards with a value, by keyword, of an HDU; later cards win over earlier ones of the same name.
    package func header(_ hdu: HDU) throws -> [String: String] {
        try FITSLibrary.serialised {
            try move(to: hdu)
            var status: Int32 = 0
            var count: Int32 = 0
            var more: Int32 = 0
            ffghsp(handle, &count, &more, &status)
            var header: [String: String] = [:]
            var keyword = [CChar](repeating: 0, count: 128)
            var value = [CChar](repeating: 0, count: 128)
            for card in 1..<max(2, count + 1) where card <= count {
                (keyword[0], value[0], status) = (0, 0, 0)
                ffgkyn(handle, card, &keyword, &value, nil, &status)
                guard status == 0, keyword[0] != 0, value[0] != 0 else { continue }
                header[FITSLibrary.string(keyword)] = FITSLibrary.unquoted(value)
            }
            ffcmsg()
            return header
        }
    }

    /// Row `row` (counted from 0 along the slow axis) of an image, as 64-bit numbers; blanks become NaN.
    package func imageRow(_ row: Int, of hdu: HDU) throws -> [Double] {
        guard case .image(let axes) = hdu.content, let width = axes.first else { return [] }
        return try FITSLibrary.serialised {
            try move(to: hdu)
            var values = [Double](repeating: .nan, count: width)
            var null = Double.nan
            var anyNull: Int32 = 0
            var status: Int32 = 0
            ffgpv(handle, TDOUBLE, Int64(row) * Int64(width) + 1, Int64(width), &null, &values, &anyNull, &status)
            try check(status, "image of HDU \(hdu.number)")
            return values
        }
    }

    /// What stands at a place (counted from 0) along the second of three axes of an image, [third × first].
    package func imageLine(_ line: Int, of hdu: HDU) throws -> [Double] {
        guard case .image(let axes) = hdu.content, axes.count == 3 else { return [] }
        return try FITSLibrary.serialised {
            try move(to: hdu)
            var values = [Double](repeating: .nan, count: axes[0] * axes[2])
            var (first, last, step) = ([1, line + 1, 1], [axes[0], line + 1, axes[2]], [1, 1, 1])
            var (null, anyNull, status) = (Double.nan, Int32(0), Int32(0))
            ffgsv(handle, TDOUBLE, &first, &last, &step, &null, &values, &anyNull, &status)
            try check(status, "image of HDU \(hdu.number)")
            return values
        }
    }

    /// Values of `column` in each of `rows` (counted from 0): one array per row.
    package func arrays(_ column: FITSColumn, of hdu: HDU, rows: Range<Int>) throws -> [[Double]] {
        try FITSLibrary.serialised {
            try move(to: hdu)
            if column.isVariable { return try rows.map { try variableArray(column, row: $0) } }
            let flat = try numbers(column, row: rows.lowerBound, count: rows.count * column.count)
            return rows.indices.map { row in
                let start = (row - rows.lowerBound) * column.count
                return Array(flat[start..<start + column.count])
            }
        }
    }

    /// Values of `column` in each of `rows`, rounded to 32 bits.
    package func singles(_ column: FITSColumn, of hdu: HDU, rows: Range<Int>) throws -> RowNumbers {
        guard column.kind == .single || column.kind == .double else {
            return try RowNumbers(joining: arrays(column, of: hdu, rows: rows).map { $0.map { Float($0) } })
        }
        return try FITSLibrary.serialised {
            try move(to: hdu)
            var numbers = RowNumbers()
            for row in rows {
                let count = column.isVariable ? try length(column, row: row) : column.count
                var values = [Float](repeating: .nan, count: count)
                var (null, anyNull, status) = (Float.nan, Int32(0), Int32(0))
                if count > 0 {
                    ffgcv(
                        handle, TFLOAT, column.number, Int64(row) + 1, 1, Int64(count), &null, &values, &anyNull,
                        &status)
                }
                try check(status, column.name)
                numbers.append(values)
            }
            return numbers
        }
    }

    /// Values of a column of one number per row.
    package func scalars(_ column: FITSColumn, of hdu: HDU, rows: Range<Int>) throws -> [Double] {
        guard column.isScalar else {
            // Of several flags one is enough.
            let isFlags = column.kind == .bit || column.kind == .logical
            return try arrays(column, of: hdu, rows: rows).map { isFlags ? $0.contains(1) ? 1 : 0 : $0.first ?? .nan }
        }
        return try FITSLibrary.serialised {
            try move(to: hdu)
            return try numbers(column, row: rows.lowerBound, count: rows.count)
        }
    }

    /// Values of a column of one value per row, as text; empty where null.
    package func strings(_ column: FITSColumn, of hdu: HDU, rows: Range<Int>) throws -> [String] {
        try FITSLibrary.serialised {
            try move(to: hdu)
            switch column.kind {
            case .text: return try text(column, rows: rows)
            case .integer:
                var values = [Int64](repeating: 0, count: rows.count)
                var nulls = [CChar](repeating: 0, count: rows.count)
                var anyNull: Int32 = 0
                var status: Int32 = 0
                ffgcfjj(
                    handle, column.number, Int64(rows.lowerBound) + 1, 1, Int64(rows.count), &values, &nulls, &anyNull,
                    &status)
                try check(status, column.name)
                return zip(values, nulls).map { $1 != 0 ? "" : String($0) }
            case .single, .double:
                let isSingle = column.kind == .single
                return try numbers(column, row: rows.lowerBound, count: rows.count)
                    .map { $0.isNaN ? "" : isSingle ? "\(Float($0))" : "\($0)" }
            case .logical, .bit:
                return try numbers(column, row: rows.lowerBound, count: rows.count)
                    .map { $0.isNaN ? "" : $0 == 0 ? "false" : "true" }
            case .other: return [String](repeating: "", count: rows.count)
            }
        }
    }

    // MARK: - Within the lock

    private func numbers(_ column: FITSColumn, row: Int, count: Int) throws -> [Double] {
        var values = [Double](repeating: .nan, count: count)
        guard count > 0 else { return values }
        if column.kind == .logical || column.kind == .bit { return try logicals(column, row: row, count: count) }
        var null = Double.nan
        var anyNull: Int32 = 0
        var status: Int32 = 0
        ffgcv(handle, TDOUBLE, column.number, Int64(row) + 1, 1, Int64(count), &null, &values, &anyNull, &status)
        try check(status, column.name)
        return values
    }

    /// 1 for true, 0 for false.
    private func logicals(_ column: FITSColumn, row: Int, count: Int) throws -> [Double] {
        let undefined: CChar = 2
        var (values, null) = ([CChar](repeating: 0, count: count), undefined)
        var anyNull: Int32 = 0
        var status: Int32 = 0
        let type = column.kind == .bit ? TBIT : TLOGICAL
        ffgcv(handle, type, column.number, Int64(row) + 1, 1, Int64(count), &null, &values, &anyNull, &status)
        try check(status, column.name)
        return values.map { $0 == undefined ? .nan : $0 == 0 ? 0 : 1 }
    }

    private func variableArray(_ column: FITSColumn, row: Int) throws -> [Double] {
        try numbers(column, row: row, count: length(column, row: row))
    }

    /// Number of values in a row of a column where it varies.
    private func length(_ column: FITSColumn, row: Int) throws -> Int {
        var length: Int64 = 0
        var offset: Int64 = 0
        var status: Int32 = 0
        ffgdesll(handle, column.number, Int64(row) + 1, &length, &offset, &status)
        try check(status, column.name)
        // The descriptor is part of the data and may claim anything.
        guard length >= 0, offset >= 0, length <= byteCount, offset <= byteCount else {
            throw Diagnostic(
                url, field: column.name, problem: "row \(row + 1) points outside the file", remedy: "download it again")
        }
        return Int(length)
    }

    private func text(_ column: FITSColumn, rows: Range<Int>) throws -> [String] {
        let width = column.width + 1
        var bytes = [CChar](repeating: 0, count: width * rows.count)
        try bytes.withUnsafeMutableBufferPointer { storage in
            var pointers = rows.indices.map { row in
                storage.baseAddress.map { $0 + (row - rows.lowerBound) * width }
            }
            var null: CChar = 0
            var anyNull: Int32 = 0
            var status: Int32 = 0
            ffgcvs(
                handle, column.number, Int64(rows.lowerBound) + 1, 1, Int64(rows.count), &null, &pointers, &anyNull,
                &status)
            try check(status, column.name)
        }
        return rows.indices.map { row in
            let start = (row - rows.lowerBound) * width
            return FITSLibrary.string(Array(bytes[start..<start + width])).trimmingCharacters(in: .whitespaces)
        }
    }

    private func move(to hdu: HDU) throws {
        var status: Int32 = 0
        ffmahd(handle, Int32(hdu.number + 1), nil, &status)
        try check(status, "HDU \(hdu.number)")
    }

    private func check(_ status: Int32, _ field: String) throws {
        guard status != 0 else { return }
        throw Diagnostic(
            url, field: field, problem: "is damaged or cut short (cfitsio: \(FITSLibrary.message(status)))",
            remedy: "download it again")
    }

    private func listHDUs(byteCount: Int) throws -> [HDU] {
        var status: Int32 = 0
        var count: Int32 = 0
        ffthdu(handle, &count, &status)
        // A damaged later HDU does not spoil the ones before it; one whose data are not there is none of those.
        ffmahd(handle, count + 1, nil, &status)
        ffcmsg()
        if status == MEMORY_ALLOCATION {
            throw Diagnostic(
                url, field: "HDU \(count)", problem: "is cut short: its header claims far more than the file holds",
                remedy: "download it again")
        }
        guard count > 0 else { throw Diagnostic(url, problem: "holds no HDU", remedy: "download it again") }
        return try (0..<Int(count)).map { number in
            try FITSLayout.hdu(number, of: handle, url: url, byteCount: byteCount)
        }
    }
}
