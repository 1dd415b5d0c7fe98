import Foundation
import Support

extension FileParts {
    /// The HDUs of a FITS file.
    package init(_ file: FITSFile) throws {
        self.init(
            url: file.url, container: "FITS",
            parts: try file.hdus.map { hdu in
                let content: FilePart.Content =
                    switch hdu.content {
                    case .table(let rows): .table(FITSTable(file, hdu, rowCount: rows))
                    case .image(let axes): axes.isEmpty ? .nothing : .image(FITSImage(file, hdu, axes: axes))
                    }
                return FilePart(
                    content, number: hdu.number, name: hdu.name, facts: try file.header(hdu))
            })
    }
}

/// A FITS table.
private final class FITSTable: TableSource {
    let fields: [Field]
    var rowCount: Int? { rows }
    private let file: FITSFile
    private let hdu: FITSFile.HDU
    private let rows: Int
    private var position = 0

    init(_ file: FITSFile, _ hdu: FITSFile.HDU, rowCount: Int) {
        (self.file, self.hdu, rows) = (file, hdu, rowCount)
        fields = hdu.columns.map { column in
            let kind: Field.Kind =
                switch column.kind {
                case .text: .text
                case .integer: .integer
                case .single: .single
                case .double: .double
                case .logical, .bit: .logical
                case .other: .other
                }
            return Field(
                column.name, kind, isArray: column.isVector, unit: column.unit, ucd: column.ucd,
                meaning: column.comment)
        }
    }

    func next(_ count: Int) throws -> any TableRows {
        let range = position..<min(rows, position + max(0, count))
        position = range.upperBound
        return FITSRows(file: file, hdu: hdu, range: range)
    }

    func skip(_ count: Int) { position = min(rows, position + max(0, count)) }
}

private struct FITSRows: TableRows {
    let file: FITSFile
    let hdu: FITSFile.HDU
    let range: Range<Int>

    var count: Int { range.count }

    func scalars(_ column: Int) throws -> [Double] {
        let column = hdu.columns[column]
        if column.kind == .text { return try file.strings(column, of: hdu, rows: range).map { Double($0) ?? .nan } }
        return try file.scalars(column, of: hdu, rows: range)
    }

    func arrays(_ column: Int) throws -> [[Double]] { try file.arrays(hdu.columns[column], of: hdu, rows: range) }

    func singles(_ column: Int) throws -> RowNumbers { try file.singles(hdu.columns[column], of: hdu, rows: range) }

    func texts(_ column: Int) throws -> [String] { try file.strings(hdu.columns[column], of: hdu, rows: range) }
}

/// A FITS image; one that is compressed into tiles reads as any other.
private final class FITSImage: ImageSource {
    let axes: [Int]
    private let file: FITSFile
    private let hdu: FITSFile.HDU

    init(_ file: FITSFile, _ hdu: FITSFile.HDU, axes: [Int]) { (self.file, self.hdu, self.axes) = (file, hdu, axes) }

    func row(_ index: Int) throws -> [Double] { try file.imageRow(index, of: hdu) }

    func line(_ index: Int) throws -> [Double] { try file.imageLine(index, of: hdu) }
}
