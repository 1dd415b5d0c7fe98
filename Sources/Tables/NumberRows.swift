import Foundation
import Support

/// Rows of numbers from a file of any common kind: NumPy `.npy` and `.npz`, CSV and other text tables, columns of a FITS
/// table, a data set in HDF5. What the file is, its content tells.
public struct NumberRows: Sendable {
    /// Rows first, then the shape of one row.
    public let shape: [Int]
    /// Row after row.
    public let values: [Float]
    /// The array, data set or columns they are from.
    public let name: String
    /// Columns that were not taken, with the reason; those of a choice by name are not told.
    public internal(set) var leftOut: [String] = []

    /// Number of rows.
    public var count: Int { shape[0] }
    /// Numbers per row.
    public var features: Int { shape.dropFirst().reduce(1, *) }

    /// Reads the rows.
    /// - Parameters:
    ///   - url: the file.
    ///   - name: array of an `.npz`, data set of an HDF5 file, or columns separated by commas; may be left out where
    ///     there is only one choice.
    /// - Throws: `Diagnostic` naming file and field: nothing that fits, several that fit, no rows, or numbers that are
    ///   not finite, with their row.
    public static func read(_ url: URL, name: String? = nil) throws -> NumberRows {
        let rows = try unchecked(url, name)
        guard rows.count > 0, rows.features > 0 else {
            throw Diagnostic(url, field: rows.name, problem: "holds no rows", remedy: "give data")
        }
        if let bad = rows.values.firstIndex(where: { !$0.isFinite }) {
            let many = Set(rows.values.indices.lazy.filter { !rows.values[$0].isFinite }.map { $0 / rows.features })
                .count
            throw Diagnostic(
                url, field: rows.name,
                problem: "row \(bad / rows.features) holds a number that is not finite"
                    + (many > 1 ? " (\(many) rows do)" : ""),
                remedy: "leave such rows out")
        }
        return rows
    }

    private static func unchecked(_ url: URL, _ name: String?) throws -> NumberRows {
        switch try container(of: url) {
        case .npy: return try npy(url)
        case .npz: return try npz(url, name)
        case .hdf5: return try hdf5(url, name)
        case .fits: return try fits(url, name)
        case .votable:
            let table = try VOTable.read(try FileBytes.read(url), url: url).parts.lazy.compactMap(\.table).first
            guard let table else { throw Diagnostic(url, problem: "holds no table", remedy: "give another file") }
            return try typed(table, name, url)
        case .avro: return try typed(try AvroTable(InputFile(url)), name, url)
        case .parquet: return try typed(try ParquetTable(InputFile(url)), name, url)
        case .text: return try text(url, name)
        }
    }

    private static func container(of url: URL) throws -> TableContainer {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), !isFolder.boolValue else {
            throw Diagnostic(
                url, problem: isFolder.boolValue ? "is a folder" : "does not exist", remedy: "name a data file")
        }
        return TableContainer(head: Data(try InputFile(url).head.prefix(4096)))
    }

    private static func npy(_ url: URL) throws -> NumberRows {
        do {
            return try rows(of: try NPYFormat.decode(try FileBytes.read(url)), "", url)
        } catch let failure as NPYFormat.Failure {
            throw Diagnostic(url, problem: failure.problem, remedy: "save the array again")
        }
    }

    private static func npz(_ url: URL, _ name: String?) throws -> NumberRows {
        let archive = try NPZ.read(url)
        if let name {
            guard let array = archive[name] else {
                throw Diagnostic(
                    url, field: name, problem: "no such array",
                    remedy: "the file has \(archive.names.joined(separator: ", "))")
            }
            return try rows(of: array, name, url)
        }
        let candidates = archive.names.filter { archive[$0].map { $0.shape.count >= 2 && $0.strings == nil } ?? false }
        let chosen = try only(candidates, of: archive.names, "arrays with rows and columns", url)
        guard let array = archive[chosen] else { throw Diagnostic(url, field: chosen, problem: "no such array") }
        return try rows(of: array, chosen, url)
    }

    private static func rows(of array: NPYArray, _ name: String, _ url: URL) throws -> NumberRows {
        guard let values = array.floats else {
            throw Diagnostic(url, field: name, problem: "holds text", remedy: "give an array of numbers")
        }
        guard (1...4).contains(array.shape.count) else {
            throw Diagnostic(
                url, field: name, problem: "has shape \(array.shape)", remedy: "give rows first, then up to three axes")
        }
        return NumberRows(shape: array.shape.count == 1 ? array.shape + [1] : array.shape, values: values, name: name)
    }

    private static func hdf5(_ url: URL, _ name: String?) throws -> NumberRows {
        let file = try HDF5File(opening: url)
        let all = dataSets(in: "/", of: file, depth: 3)
        let chosen =
            try name
            ?? only(
                all.filter { (try? file.dataSet($0)).map { $0.shape.count >= 2 && $0.element.isNumber } ?? false },
                of: all,
                "data sets of numbers with rows and columns", url)
        let data = try file.dataSet(chosen)
        guard data.element.isNumber, (1...4).contains(data.shape.count) else {
            throw Diagnostic(
                url, field: chosen, problem: "is \(data.element.name) of shape \(data.shape)",
                remedy: "name one of numbers, rows first")
        }
        var shape = data.shape.count == 1 ? data.shape + [1] : data.shape
        // The reference layout stores spectra with a last axis of length 1.
        if shape.count > 2, shape.last == 1 { shape.removeLast() }
        return NumberRows(shape: shape, values: try data.floats(0..<data.count), name: chosen)
    }

    private static func dataSets(in group: String, of file: HDF5File, depth: Int) -> [String] {
        file.members(of: group).flatMap { member -> [String] in
            let path = group == "/" ? member : "\(group)/\(member)"
            if (try? file.dataSet(path)) != nil { return [path] }
            return depth > 0 ? dataSets(in: path, of: file, depth: depth - 1) : []
        }
    }

    private static func fits(_ url: URL, _ name: String?) throws -> NumberRows {
        let file = try FITSFile(try InputFile(url))
        for (hdu, part) in zip(file.hdus, try FileParts(file).parts) {
            guard let table = part.table else { continue }
            let vectors = hdu.columns.indices.filter { hdu.columns[$0].isVector && !hdu.columns[$0].isVariable }
            if let rows = try rows(of: table, name, vectors: vectors, url) { return rows }
            break
        }
        throw Diagnostic(url, problem: "no table with columns of numbers", remedy: "give a FITS table")
    }

    /// Tables that say of their columns what they are.
    private static func typed(_ table: any TableSource, _ name: String?, _ url: URL) throws -> NumberRows {
        let vectors = table.fields.indices.filter { table.fields[$0].isArray }
        if let rows = try rows(of: table, name, vectors: vectors, url) { return rows }
        throw Diagnostic(url, problem: "no columns of numbers", remedy: "give a table that has some")
    }

    /// Rows of the columns that are named; else of the only vectors; else of all numbers but identifiers. Nil where there are none.
    private static func rows(
        of table: any TableSource, _ name: String?, vectors: [Int], _ url: URL
    ) throws -> NumberRows? {
        let fields = table.fields
        let numeric = fields.indices.filter { fields[$0].kind != .other && fields[$0].kind != .text }
        let names = numeric.map { fields[$0].name }
        var (columns, leftOut): ([Int], [String]) = ([], [])
        if let name {
            columns = try name.split(separator: ",").map { wanted in
                guard let column = numeric.first(where: { fields[$0].name.lowercased() == wanted.lowercased() }) else {
                    throw Diagnostic(
                        url, field: String(wanted), problem: "no such column of numbers",
                        remedy: "the table has \(names.joined(separator: ", "))")
                }
                return column
            }
        } else if case let known = vectors.filter(numeric.contains), !known.isEmpty {
            let chosen = try only(known.map { fields[$0].name }, of: names, "columns of vectors", url)
            columns = known.filter { fields[$0].name == chosen }
        } else {
            let scalars = numeric.filter { !fields[$0].isArray }
            columns = scalars.filter { !isIdentifier(fields[$0].name) }
            leftOut = scalars.filter { isIdentifier(fields[$0].name) }.map { "\(fields[$0].name) (an identifier)" }
        }
        guard !columns.isEmpty else { return nil }
        let title = columns.map { fields[$0].name }.joined(separator: ",")
        var (flat, count, width): ([Float], Int, Int?) = ([], 0, nil)
        while case let rows = try table.next(4096), rows.count > 0 {
            let values = try columns.map { column in
                fields[column].isArray ? try rows.arrays(column) : try rows.scalars(column).map { [$0] }
            }
            for row in 0..<rows.count {
                let before = flat.count
                for column in values { flat += column[row].map { Float($0) } }
                guard width == nil || width == flat.count - before else {
                    throw Diagnostic(
                        url, field: title, problem: "its rows differ in length", remedy: "give vectors of one length")
                }
                width = flat.count - before
            }
            count += rows.count
        }
        var result = NumberRows(shape: [count, width ?? 0], values: flat, name: title)
        result.leftOut = leftOut
        return result
    }

    private static func text(_ url: URL, _ name: String?) throws -> NumberRows {
        let input = try InputFile(url)
        let table = try DelimitedTable(TextLines(url: url) { try input.next() }, url: url)
        let names = table.fields.map(\.name)
        let rows = try table.next(.max)
        if let name {
            let chosen = try name.split(separator: ",").map { wanted in
                guard let index = names.firstIndex(of: String(wanted)) else {
                    throw Diagnostic(
                        url, field: String(wanted), problem: "no such column",
                        remedy: "the table has \(names.joined(separator: ", "))")
                }
                return index
            }
            return try columns(chosen, of: rows, names, url)
        }
        // What holds text in all rows is a name; what holds a number in some is data with gaps, and refused by name below.
        var (data, left): ([Int], [String]) = ([], [])
        for index in names.indices {
            let texts = try rows.texts(index)
            let numbers = texts.count { TextNumber($0)?.value.isFinite == true }
            if isIdentifier(names[index], texts) {
                left.append("\(names[index]) (an identifier)")
            } else if numbers > 0 {
                data.append(index)
            } else {
                left.append("\(names[index]) (no numbers)")
            }
        }
        guard !data.isEmpty else {
            throw Diagnostic(url, problem: "no column holds numbers", remedy: "name columns with --name")
        }
        var result = try columns(data, of: rows, names, url)
        result.leftOut = left
        return result
    }

    private static func columns(
        _ chosen: [Int], of rows: any TableRows, _ names: [String], _ url: URL
    ) throws -> NumberRows {
        let values = try chosen.map { index in
            let numbers = try rows.scalars(index)
            if let gap = numbers.firstIndex(where: \.isNaN) {
                throw Diagnostic(
                    url, field: names[index], problem: "row \(gap + 1) holds no number",
                    remedy: "leave that row out, or choose other columns with --name")
            }
            return numbers
        }
        let flat = (0..<rows.count).flatMap { row in values.map { Float($0[row]) } }
        return NumberRows(
            shape: [rows.count, chosen.count], values: flat, name: chosen.map { names[$0] }.joined(separator: ","))
    }

    /// Whether a column tells rows apart instead of measuring them: by its name, or by whole numbers that 32 bits cannot hold
    /// and that all differ.
    static func isIdentifier(_ name: String, _ texts: [String] = []) -> Bool {
        let words = name.lowercased().split { !$0.isLetter && !$0.isNumber }
        if words.last == "id" || words.first == "id" { return true }
        if ["sourceid", "obsid", "targetid", "objid", "index", "row", "specobjid", "healpix", "designation"].contains(
            name.lowercased())
        {
            return true
        }
        guard texts.count > 1 else { return false }
        let whole = texts.compactMap { Int($0) }
        return whole.count == texts.count && whole.allSatisfy { abs($0) > 1 << 31 } && Set(whole).count == whole.count
    }

    /// The one that fits, or an error that lists what there is.
    private static func only(_ fitting: [String], of all: [String], _ what: String, _ url: URL) throws -> String {
        if fitting.count == 1 { return fitting[0] }
        throw Diagnostic(
            url, problem: fitting.isEmpty ? "no \(what)" : "several \(what)",
            remedy: fitting.isEmpty
                ? "the file has \(all.joined(separator: ", "))"
                : "choose with --name: \(fitting.joined(separator: ", "))")
    }
}

extension HDF5DataSet.Element {
    fileprivate var isNumber: Bool { self == .float32 || self == .float64 || self == .int64 }
}
