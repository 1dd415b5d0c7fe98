import Foundation

/// FITS files put together byte by byte, to test the reader with layouts we do not write.
package struct FITSBytes {
    package init() {}

    package private(set) var data = Data()

    /// Appends a header of these cards (END is added).
    package mutating func header(_ cards: [(String, String)]) {
        var text = ""
        for (key, value) in cards + [("END", "")] {
            let card = value.isEmpty ? key : key.padding(toLength: 8, withPad: " ", startingAt: 0) + "= " + value
            text += card.padding(toLength: 80, withPad: " ", startingAt: 0)
        }
        append(Data(text.utf8), fill: 0x20)
    }

    /// Appends data, filled up to a whole block.
    package mutating func append(_ bytes: Data, fill: UInt8 = 0) {
        data += bytes + Data(repeating: fill, count: (2880 - bytes.count % 2880) % 2880)
    }

    package static func floats(_ values: [Double]) -> Data {
        Data(values.flatMap { value in withUnsafeBytes(of: Float(value).bitPattern.bigEndian, Array.init) })
    }

    /// A LAMOST-like primary image.
    package static func image(_ rows: [[Double]], _ extra: [(String, String)]) -> Data {
        var file = FITSBytes()
        file.header(
            [
                ("SIMPLE", "T"), ("BITPIX", "-32"), ("NAXIS", "2"), ("NAXIS1", "\(rows[0].count)"),
                ("NAXIS2", "\(rows.count)"),
            ] + extra)
        file.append(floats(rows.flatMap { $0 }))
        return file.data
    }

    /// An SDSS-like table of 32-bit columns, one row per pixel.
    package static func table(_ columns: [(name: String, values: [Double])], name: String = "COADD") -> Data {
        var file = FITSBytes()
        file.header([("SIMPLE", "T"), ("BITPIX", "8"), ("NAXIS", "0"), ("EXTEND", "T"), ("PLUG_RA", "10.5")])
        let rows = columns[0].values.count
        var cards = [
            ("XTENSION", "'BINTABLE'"), ("BITPIX", "8"), ("NAXIS", "2"), ("NAXIS1", "\(4 * columns.count)"),
            ("NAXIS2", "\(rows)"), ("PCOUNT", "0"), ("GCOUNT", "1"), ("TFIELDS", "\(columns.count)"),
            ("EXTNAME", "'\(name)'"),
        ]
        for (n, column) in columns.enumerated() {
            cards += [("TTYPE\(n + 1)", "'\(column.name)'"), ("TFORM\(n + 1)", "'1E      '")]
        }
        file.header(cards)
        file.append(floats((0..<rows).flatMap { row in columns.map { $0.values[row] } }))
        return file.data
    }
}
