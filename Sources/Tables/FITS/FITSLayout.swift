import CCFITSIO
import Foundation
import Support

/// Finds out what an HDU of an open file holds, believing no number of its header before checking it.
enum FITSLayout {
    /// Refuses names of columns, without quotation marks, that fill their card: cfitsio (4.2) copies them into one byte less
    /// than that takes.
    /// - Parameter bytes: of the file, as far as headers are looked for.
    static func requireSoundNames(_ bytes: UnsafeRawBufferPointer, _ url: URL) throws {
        let (card, value, name) = (80, 70, Array("TTYPE".utf8))
        for start in stride(from: 0, to: bytes.count - card + 1, by: card) {
            guard bytes[start] == name[0], bytes[start..<start + name.count].elementsEqual(name) else { continue }
            let text = bytes[(start + card - value)..<(start + card)]
            guard text.first == UInt8(ascii: "'") || text.contains(UInt8(ascii: " ")) else {
                throw Diagnostic(
                    url, field: "TTYPE", problem: "is no name of a column: it fills its whole card",
                    remedy: "download the file again, or correct its header")
            }
        }
    }

    /// HDU `number` (from 0) of `handle`. Called within the lock of ``FITSLibrary``.
    static func hdu(
        _ number: Int, of handle: UnsafeMutablePointer<fitsfile>?, url: URL, byteCount: Int
    ) throws -> FITSFile.HDU {
        var status: Int32 = 0
        var kind: Int32 = 0
        ffmahd(handle, Int32(number + 1), &kind, &status)
        var start: Int64 = 0
        var dataStart: Int64 = 0
        var dataEnd: Int64 = 0
        ffghadll(handle, &start, &dataStart, &dataEnd, &status)
        guard status == 0 else {
            ffcmsg()
            throw Diagnostic(url, field: "HDU \(number)", problem: "cannot be read", remedy: "download it again")
        }
        let name = keyword("EXTNAME", handle) ?? ""
        var hdu = FITSFile.HDU(number: number, name: name, content: .image(axes: []), columns: [])
        let needed: Int
        if kind == IMAGE_HDU {
            let (axes, bytes) = try image(handle, url, number)
            hdu.content = .image(axes: axes)
            needed = bytes
        } else {
            let (rows, columns, bytes) = try table(handle, url, number)
            hdu.content = .table(rows: rows)
            hdu.columns = columns
            needed = bytes
        }
        guard needed <= byteCount, Int(dataStart) <= byteCount - needed || needed == 0 else {
            throw Diagnostic(
                url, field: "HDU \(number)",
                problem: "is cut short: its data need \(needed) bytes, the file has "
                    + "\(max(0, byteCount - Int(dataStart))) there",
                remedy: "download it again")
        }
        return hdu
    }

    /// A keyword's value, if the current HDU has it.
    private static func keyword(_ key: String, _ handle: UnsafeMutablePointer<fitsfile>?) -> String? {
        var status: Int32 = 0
        var value = [CChar](repeating: 0, count: 128)
        ffgkey(handle, key, &value, nil, &status)
        ffcmsg()
        return status == 0 ? FITSLibrary.unquoted(value) : nil
    }

    private static func comment(_ key: String, _ handle: UnsafeMutablePointer<fitsfile>?) -> String {
        var status: Int32 = 0
        var value = [CChar](repeating: 0, count: 128)
        var comment = [CChar](repeating: 0, count: 128)
        ffgkey(handle, key, &value, &comment, &status)
        ffcmsg()
        return status == 0 ? FITSLibrary.string(comment) : ""
    }

    /// A product of sizes, or an error if it is negative or overflows.
    private static func product(_ sizes: [Int], _ url: URL, _ number: Int) throws -> Int {
        var total = 1
        for size in sizes {
            let (next, overflow) = total.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflow else {
                throw Diagnostic(
                    url, field: "HDU \(number)", problem: "states impossible sizes \(sizes)",
                    remedy: "download it again")
            }
            total = next
        }
        return total
    }

    private static func image(
        _ handle: UnsafeMutablePointer<fitsfile>?, _ url: URL, _ number: Int
    ) throws -> (axes: [Int], bytes: Int) {
        var status: Int32 = 0
        var bits: Int32 = 0
        var dimensions: Int32 = 0
        ffgidt(handle, &bits, &status)
        ffgidm(handle, &dimensions, &status)
        guard status == 0, (0...16).contains(dimensions) else {
            ffcmsg()
            throw Diagnostic(
                url, field: "HDU \(number)", problem: "its BITPIX or NAXIS cannot be read", remedy: "download it again")
        }
        guard dimensions > 0 else { return ([], 0) }
        var axes = [Int64](repeating: 0, count: Int(dimensions))
        ffgiszll(handle, dimensions, &axes, &status)
        ffcmsg()
        let sizes = axes.map { Int($0) }
        let count = try product(sizes, url, number)
        let isCompressed = fits_is_compressed_image(handle, &status) != 0
        return (count == 0 ? [] : sizes, isCompressed ? 0 : try product([count, abs(Int(bits)) / 8], url, number))
    }

    private static func table(
        _ handle: UnsafeMutablePointer<fitsfile>?, _ url: URL, _ number: Int
    ) throws -> (rows: Int, columns: [FITSColumn], bytes: Int) {
        var status: Int32 = 0
        var rows: Int64 = 0
        var count: Int32 = 0
        ffgnrwll(handle, &rows, &status)
        ffgncl(handle, &count, &status)
        guard status == 0, rows >= 0, (0...999).contains(count) else {
            ffcmsg()
            throw Diagnostic(
                url, field: "HDU \(number)", problem: "its table cannot be read", remedy: "download it again")
        }
        let width = Int(keyword("NAXIS1", handle) ?? "") ?? 0
        let bytes = try product([Int(rows), width], url, number)
        let columns = (1...max(1, count)).filter { $0 <= count }.compactMap {
            column($0, handle, rowWidth: width)
        }
        return (Int(rows), columns, bytes)
    }

    /// Nil for a column whose description makes no sense; it is then as if absent.
    private static func column(
        _ number: Int32, _ handle: UnsafeMutablePointer<fitsfile>?, rowWidth: Int
    ) -> FITSColumn? {
        var status: Int32 = 0
        var type: Int32 = 0
        var `repeat`: Int64 = 0
        var width: Int64 = 0
        ffgtclll(handle, number, &type, &`repeat`, &width, &status)
        defer { ffcmsg() }
        // Eight bits lie in a byte.
        let most = abs(type) == TBIT ? 8 * rowWidth : rowWidth
        guard status == 0, `repeat` >= 0, `repeat` <= most, width >= 0, width <= max(8, rowWidth) else {
            return nil
        }
        let kind: FITSColumn.Kind =
            switch abs(type) {
            case TSTRING: .text
            case TBYTE, TSBYTE, TSHORT, TUSHORT, TINT, TUINT, TLONG, TULONG, TLONGLONG, TULONGLONG: .integer
            case TFLOAT: .single
            case TDOUBLE: .double
            case TLOGICAL: .logical
            case TBIT: .bit
            default: .other
            }
        return FITSColumn(
            number: number, name: keyword("TTYPE\(number)", handle) ?? "", kind: kind, count: Int(`repeat`),
            width: max(Int(`repeat`), Int(width)), isVariable: type < 0, unit: keyword("TUNIT\(number)", handle) ?? "",
            ucd: keyword("TUCD\(number)", handle) ?? "", comment: comment("TTYPE\(number)", handle))
    }
}
