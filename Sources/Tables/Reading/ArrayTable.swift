import Foundation
import Support

/// Arrays that lie beside each other, as the columns of a table: NPZ, HDF5. Rows run along the first axis of those of two axes;
/// what has one number for each of their columns, as common wavelengths, is the same in every row.
package final class ArrayTable: TableSource {
    /// A named array of one or two axes.
    package struct Source {
        package var name: String
        package var kind: Field.Kind
        package var unit: String
        /// Rows first.
        package var shape: [Int]
        /// The numbers of some rows, one row after the other.
        package var numbers: (Range<Int>) throws -> [Double]
        /// One text a row, where there is one.
        package var texts: (Range<Int>) throws -> [String]

        package init(
            _ name: String, _ kind: Field.Kind, unit: String = "", shape: [Int],
            numbers: @escaping (Range<Int>) throws -> [Double], texts: @escaping (Range<Int>) throws -> [String]
        ) {
            (self.name, self.kind, self.unit, self.shape) = (name, kind, unit, shape)
            (self.numbers, self.texts) = (numbers, texts)
        }

        fileprivate var rows: Int { shape.first ?? 0 }
        fileprivate var width: Int { shape.count == 2 ? shape[1] : 1 }
    }

    package let fields: [Field]
    package var rowCount: Int? { rows }
    /// What fits no table, and why, each a clause.
    package private(set) var left: [String] = []

    private let columns: [(source: Source, shared: [Double]?)]
    private let rows: Int
    private var position = 0

    /// - Parameters:
    ///   - sources: the arrays.
    ///   - isShared: settles by its name what an array is that has as many numbers as there are rows and columns.
    package init?(_ sources: [Source], isShared: (String) -> Bool) throws {
        func text(_ shape: [Int]) -> String { "[" + shape.map(String.init).joined(separator: ", ") + "]" }
        let flat = sources.filter { $0.shape.count == 1 || ($0.shape.count == 2 && $0.width > 0 && $0.rows > 0) }
        var left = sources.filter { source in !flat.contains { $0.name == source.name } }
            .map { "\($0.name) of shape \(text($0.shape))" }
        // Most arrays of two axes decide; a single row of them may be common to all.
        let shapes = Dictionary(grouping: flat.filter { $0.shape.count == 2 && $0.rows > 1 }, by: \.shape)
        let shape =
            shapes.max { ($0.value.count, $0.key[0]) < ($1.value.count, $1.key[0]) }?.key
            ?? flat.first { $0.shape.count == 2 }?.shape
        var columns: [(Source, [Double]?)] = []
        for source in flat {
            if let shape {
                let isRow = source.shape.count == 1 ? source.rows == shape[1] : source.shape == [1, shape[1]]
                if isRow, source.kind != .text,
                    shape[0] != source.rows || isShared(source.name) || source.shape.count == 2
                {
                    columns.append(
                        (source, shape[0] == 1 && source.shape == shape ? nil : try source.numbers(0..<source.rows)))
                    continue
                }
            }
            let count = shape?[0] ?? flat.map(\.rows).max() ?? 0
            if source.rows == count, shape == nil || source.shape.count == 1 || source.width == shape?[1] {
                columns.append((source, nil))
            } else {
                left.append("\(source.name) of shape \(text(source.shape))")
            }
        }
        guard !columns.isEmpty else { return nil }
        rows = shape?[0] ?? flat.map(\.rows).max() ?? 0
        (self.columns, self.left) = (columns, left)
        fields = columns.map { source, shared in
            Field(source.name, source.kind, isArray: shared != nil || source.shape.count == 2, unit: source.unit)
        }
    }

    package func next(_ count: Int) throws -> any TableRows {
        let range = position..<min(rows, position + max(0, count))
        position = range.upperBound
        return ArrayRows(columns: columns, range: range)
    }

    package func skip(_ count: Int) { position = min(rows, position + max(0, count)) }
}

private struct ArrayRows: TableRows {
    let columns: [(source: ArrayTable.Source, shared: [Double]?)]
    let range: Range<Int>

    var count: Int { range.count }

    func scalars(_ column: Int) throws -> [Double] {
        let (source, shared) = columns[column]
        if let shared { return [Double](repeating: shared.first ?? .nan, count: count) }
        if source.kind == .text { return try source.texts(range).map { TextNumber($0)?.value ?? .nan } }
        return try source.shape.count == 2 ? arrays(column).map { $0.first ?? .nan } : source.numbers(range)
    }

    func arrays(_ column: Int) throws -> [[Double]] {
        let (source, shared) = columns[column]
        if let shared { return [[Double]](repeating: shared, count: count) }
        let (values, width) = (try source.numbers(range), source.shape.count == 2 ? source.shape[1] : 1)
        return (0..<count).map { Array(values[$0 * width..<($0 + 1) * width]) }
    }

    func texts(_ column: Int) throws -> [String] {
        let (source, shared) = columns[column]
        return shared != nil || source.shape.count == 2
            ? [String](repeating: "", count: count) : try source.texts(range)
    }
}
