import Tables

extension StarCatalogue {
    /// Stars and the stars found for them, one row a neighbour: the star that was given, then what was found.
    /// - Parameters:
    ///   - stars: that were given.
    ///   - found: per star, as `LookAlikes` finds them.
    ///   - labels: of those found.
    public static func neighbours(_ stars: [Observation], _ found: [[FoundStar]], _ labels: [StellarLabel]) -> Table {
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
}
