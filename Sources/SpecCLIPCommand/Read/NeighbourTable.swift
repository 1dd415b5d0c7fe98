import StellarLabels

/// Stars and the stars found for them.
struct NeighbourTable {
    private let labels: [StellarLabel]
    private var rows: [(file: String, sourceID: String, found: FoundStar)] = []

    init(labels: [String]) { self.labels = labels.map { StellarLabel(named: $0) } }

    mutating func append(_ star: Star, _ neighbours: [FoundStar]) {
        rows += neighbours.map { (star.name, star.sourceID, $0) }
    }

    /// One row a neighbour: the star that was given, then what was found.
    var table: OutputTable {
        OutputTable(
            columns: [
                .init(name: "file", values: .text(rows.map(\.file))),
                .init(name: "query_source_id", values: .text(rows.map(\.sourceID))),
            ] + Self.columns(rows.map(\.found), labels))
    }

    /// The same for people: a heading for each star, its neighbours below.
    var report: String {
        var text = ""
        var start = 0
        while start < rows.count {
            let end = rows[start...].firstIndex { $0.file != rows[start].file } ?? rows.count
            let part = rows[start..<end]
            text += (start > 0 ? "\n" : "") + rows[start].file
            text += (rows[start].sourceID.isEmpty ? "" : "  (source \(rows[start].sourceID))") + "\n"
            text += AlignedText(OutputTable(columns: Self.columns(part.map(\.found), labels))).text
            start = end
        }
        return text
    }

    private static func columns(_ found: [FoundStar], _ labels: [StellarLabel]) -> [OutputTable.Column] {
        [
            .init(name: "rank", values: .integers(found.map(\.rank))),
            .init(name: "source_id", values: .text(found.map(\.sourceID))),
            .init(name: "instrument", values: .text(found.map(\.instrument.name))),
            .init(name: "similarity", values: .numbers(found.map(\.similarity), digits: 4)),
        ]
            + labels.map { label in
                .init(
                    name: label.name, unit: label.unit,
                    values: .numbers(found.map { $0.labels[label.name] ?? .nan }, digits: label.digits))
            }
    }
}
