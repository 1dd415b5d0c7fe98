import Tables

/// Results of the reader as tables, one row a star in the order of the input.
public enum StarCatalogue {
    /// The columns of ``labels(_:_:_:sets:)``, without rows.
    public static func columns(_ labels: [StellarLabel], sets: [String] = []) -> Table {
        self.labels(labels, [], [], sets: sets)
    }

    /// The parameters of stars.
    /// - Parameters:
    ///   - labels: columns of the catalogue.
    ///   - stars: one row each.
    ///   - found: per star; what is missing there is empty.
    ///   - sets: names of the sets of labels that somebody taught the model: each has a flag of its own.
    public static func labels(
        _ labels: [StellarLabel], _ stars: [ObservedStar], _ found: [StarLabels], sets: [String] = []
    ) -> Table {
        func joined(_ text: (Observation) -> String) -> [String] {
            stars.map { star in
                var all: [String] = []
                for own in star.observations.map(text) where !own.isEmpty && !all.contains(own) { all.append(own) }
                return all.joined(separator: "+")
            }
        }
        var columns = [Column("file", .text(joined(\.name)))]
        for label in labels {
            let own = found.map { $0.estimates.first { $0.label == label } }
            func column(_ name: String, _ values: [Double?], canYield: Bool = false) -> Column {
                Column(
                    name, unit: label.unit, .numbers(values.map { $0 ?? .nan }), digits: label.digits,
                    canYield: canYield)
            }
            columns += [
                column(label.name, own.map { $0?.value }), column("e_" + label.name, own.map { $0?.error }),
                column(label.name + "_16", own.map { $0?.interval?.lowerBound }, canYield: true),
                column(label.name + "_84", own.map { $0?.interval?.upperBound }, canYield: true),
            ]
        }
        // Two instruments have two.
        let snr = stars.map { $0.observations.count == 1 ? $0.observations[0].prepared.snr ?? .nan : .nan }
        return Table(
            columns + [
                Column("flag", .integers(found.map(\.flags.rawValue)))
            ]
                + sets.map { set in
                    Column("flag_" + set, .integers(found.map { $0.adaptedFlags[set]?.rawValue ?? 0 }))
                } + [
                    Column("source_id", .text(joined(\.sourceID)), canYield: true),
                    Column("instrument", .text(joined(\.instrument.name)), canYield: true),
                    Column("snr", .numbers(snr), digits: 1),
                ])
    }

    /// Vectors of observations: embeddings, spectra.
    /// - Parameters:
    ///   - name: of the vectors' column.
    ///   - observations: one row each.
    ///   - values: `width` values an observation, row after row.
    ///   - width: numbers of a vector.
    public static func vectors(
        _ name: String, _ observations: [Observation], _ values: [Float], width: Int
    ) -> Table {
        Table([
            Column("file", .text(observations.map(\.name))),
            Column("source_id", .text(observations.map(\.sourceID))),
            Column("instrument", .text(observations.map(\.instrument.name))),
            Column(name, .vectors(values, width: width)),
        ])
    }
}
