import StarReading
import Tables

/// Stars and the stars found for them.
enum NeighbourTable {
    /// One row a neighbour: the star that was given, then what was found.
    /// - Parameter found: per star.
    static func rows(_ stars: [Observation], _ found: [[FoundStar]], _ labels: [StellarLabel]) -> Table {
        let pairs = zip(stars, found).flatMap { star, own in own.map { (star: star, found: $0) } }
        let all = pairs.map(\.found)
        return Table(
            [
                Column("file", .text(pairs.map(\.star.name))),
                Column("query_source_id", .text(pairs.map(\.star.sourceID))),
                Column("rank", .integers(all.map(\.rank))),
                Column("source_id", .text(all.map(\.sourceID))),
                Column("instrument", .text(all.map(\.instrument.name))),
                Column("similarity", .numbers(all.map(\.similarity)), digits: 4),
            ]
                + labels.map { label in
                    Column(
                        label.name, unit: label.unit, .numbers(all.map { $0.labels[label.name] ?? .nan }),
                        digits: label.digits)
                })
    }

    /// The same for people: a heading for each star, its neighbours below.
    static func report(_ table: Table) -> String {
        guard case .text(let files)? = table["file"]?.values, case .text(let ids)? = table["query_source_id"]?.values
        else { return table.text(.table) }
        let neighbours = table.without("file", "query_source_id")
        var text = ""
        var start = 0
        while start < files.count {
            let end = files[start...].firstIndex { $0 != files[start] } ?? files.count
            text += (start > 0 ? "\n" : "") + files[start]
            text += (ids[start].isEmpty ? "" : "  (source \(ids[start]))") + "\n"
            text += neighbours.rows(start..<end).text(.table)
            start = end
        }
        return text
    }
}
