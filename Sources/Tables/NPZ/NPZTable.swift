import Foundation
import Support

extension NPZ {
    /// The arrays as sources of a table, in the order of the archive.
    package var sources: [ArrayTable.Source] {
        names.compactMap { name in self[name].map { $0.source(name) } }
    }
}

extension NPYArray {
    fileprivate func source(_ name: String) -> ArrayTable.Source {
        let width = shape.dropFirst().reduce(1, *)
        let kind: Field.Kind =
            switch values {
            case .float32: .single
            case .float64: .double
            case .int64: .integer
            case .string: .text
            }
        return ArrayTable.Source(name, kind, shape: shape) { rows in
            let range = rows.lowerBound * width..<rows.upperBound * width
            return switch values {
            case .float32(let values): values[range].map { Double($0) }
            case .float64(let values): Array(values[range])
            case .int64(let values): values[range].map { Double($0) }
            case .string: [Double](repeating: .nan, count: range.count)
            }
        } texts: { rows in
            switch values {
            case .float32(let values): values[rows].map { $0.isNaN ? "" : "\($0)" }
            case .float64(let values): values[rows].map { $0.isNaN ? "" : "\($0)" }
            case .int64(let values): values[rows].map { "\($0)" }
            case .string(let values): Array(values[rows])
            }
        }
    }
}
