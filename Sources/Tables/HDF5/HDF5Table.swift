import Foundation
import Support

extension HDF5File {
    /// The data sets of a group as sources of a table, sorted by name; those of records and other types are left out.
    package func sources(in group: String) throws -> [ArrayTable.Source] {
        let sources = members(of: group).compactMap { name -> ArrayTable.Source? in
            let path = group == "/" ? name : group + "/" + name
            guard let set = try? dataSet(path), set.element != .other, !set.shape.isEmpty else { return nil }
            let unit = attribute("unit", of: path) ?? attribute("units", of: path) ?? ""
            return ArrayTable.Source(name, set.element.kind, unit: unit, shape: set.shape) {
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

    /// The tables of records that lie in a group or in groups within it, with their columns.
    package func tables(in group: String, depth: Int = 3) throws -> [(path: String, sources: [ArrayTable.Source])] {
        try members(of: group).flatMap { name -> [(String, [ArrayTable.Source])] in
            let path = group == "/" ? name : group + "/" + name
            guard let set = try? dataSet(path) else { return depth > 0 ? try tables(in: path, depth: depth - 1) : [] }
            guard let records = HDF5Records(set) else { return [] }
            // What astropy lays beside a table: its units, in the words of ECSV.
            let header = try? dataSet(path + ".__table_column_meta__")
            let lines = try header.map { try $0.strings(0..<$0.count) } ?? []
            let fields = ECSVHeader(["%ECSV"] + lines.map { " " + $0 })?.fields ?? []
            return [(path, records.sources { name in fields.first { $0.name == name }?.unit ?? "" })]
        }
    }

    /// The groups within a group, sorted by name.
    package func groups(in group: String) -> [String] {
        members(of: group).map { group == "/" ? $0 : group + "/" + $0 }.filter { (try? dataSet($0)) == nil }
    }
}
