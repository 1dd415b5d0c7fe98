import Foundation
import Support

extension HDF5File {
    /// The data sets of a group as sources of a table, sorted by name; those of compound and other types are left out.
    package func sources(in group: String) throws -> [ArrayTable.Source] {
        let sources = try members(of: group).compactMap { name -> ArrayTable.Source? in
            let path = group == "/" ? name : group + "/" + name
            guard let set = try? dataSet(path), set.element != .other, !set.shape.isEmpty else { return nil }
            let kind: Field.Kind =
                switch set.element {
                case .float32: .single
                case .float64: .double
                case .int64: .integer
                case .string, .variableString: .text
                case .other: .other
                }
            let unit = attribute("unit", of: path) ?? attribute("units", of: path) ?? ""
            return ArrayTable.Source(name, kind, unit: unit, shape: set.shape) {
                try set.doubles($0)
            } texts: { rows in
                switch set.element {
                case .float32, .float64: try set.doubles(rows).map { $0.isNaN ? "" : "\($0)" }
                default: try set.strings(rows)
                }
            }
        }
        // A unit that could not be read is no unit that is not there.
        try requireAskedTexts(group)
        return sources
    }

    /// The groups within a group, sorted by name.
    package func groups(in group: String) -> [String] {
        members(of: group).map { group == "/" ? $0 : group + "/" + $0 }.filter { (try? dataSet($0)) == nil }
    }
}
