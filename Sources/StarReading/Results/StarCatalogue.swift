import Foundation
import Spectra
import Tables

/// Results of the reader as tables, one row a star in the order of the input.
public enum StarCatalogue {
    /// The parameters of stars.
    /// - Parameters:
    ///   - labels: columns of the catalogue.
    ///   - stars: one row each.
    ///   - found: per star; what is missing there is empty.
    ///   - sets: names of the sets of labels that somebody taught the model: each has a flag of its own.
    ///   - scale: that labels are told on, and which are; it has a flag of its own.
    ///   - together: whether there are columns of what the observations of a star are beside each other.
    public static func labels(
        _ labels: [StellarLabel], _ stars: [ObservedStar], _ found: [StarLabels], sets: [String] = [],
        scale: (name: String, labels: Set<String>)? = nil, together: Bool = false
    ) -> Table {
        func meaning(_ label: StellarLabel) -> String {
            guard let scale, scale.labels.contains(label.name) else { return "" }
            return "on the scale of \(scale.name)"
        }
        func joined(_ text: (Observation) -> String) -> [String] {
            stars.map { Self.joined($0.observations.map(text)) }
        }
        let scales: [String] = scale.map { [$0.name] } ?? []
        let flagged = sets + scales
        var columns = [Column("file", .text(joined(\.name)))]
        for label in labels {
            let own = found.map { $0.estimates.first { $0.label == label } }
            func column(_ name: String, _ values: [Double?], canYield: Bool = false) -> Column {
                Column(
                    name, unit: label.unit,
                    meaning: meaning(label),
                    .numbers(values.map { $0 ?? .nan }), digits: label.digits, canYield: canYield)
            }
            columns += [
                column(label.name, own.map { $0?.value }), column("e_" + label.name, own.map { $0?.error }),
                column(label.name + "_16", own.map { $0?.interval?.lowerBound }, canYield: true),
                column(label.name + "_84", own.map { $0?.interval?.upperBound }, canYield: true),
            ]
        }
        if together { columns += compared(labels, stars, found) }
        return Table(
            columns + [
                Column("flag", .integers(found.map(\.flags.rawValue)))
            ]
                + flagged.map { set in
                    Column("flag_" + set, .integers(found.map { $0.adaptedFlags[set]?.rawValue ?? 0 }))
                } + [
                    Column("source_id", .text(joined(\.sourceID)), canYield: true),
                    Column("instrument", .text(joined(\.instrument.name)), canYield: true),
                    Column("snr", .numbers(stars.map(signalToNoise)), digits: 1),
                ]
                + scales.map { name in
                    Column("scale", .text([String](repeating: name, count: stars.count)), canYield: true)
                })
    }

    /// Different names of a star's observations, as the catalogue has them.
    static func joined(_ names: [String]) -> String {
        var all: [String] = []
        for own in names where !own.isEmpty && !all.contains(own) { all.append(own) }
        return all.joined(separator: "+")
    }

    /// Of the visits together; two instruments have two.
    private static func signalToNoise(_ star: ObservedStar) -> Double {
        guard Set(star.observations.map(\.instrument.name)).count == 1 else { return .nan }
        let own = star.observations.map { $0.prepared.snr ?? .nan }
        return own.count == 1 ? own[0] : own.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    private static func compared(
        _ labels: [StellarLabel], _ stars: [ObservedStar], _ found: [StarLabels]
    ) -> [Column] {
        let contradictions = found.map { star in
            (star.compared?.contradictions ?? []).map(\.description).joined(separator: " ")
        }
        let probabilities = found.map { star in
            // Three digits: they range over many powers of ten.
            star.compared?.velocities.map { threeDigits($0.probability) } ?? .nan
        }
        let velocities =
            labels.contains { $0.name == RadialVelocity.label } ? [Column("rv_p", .numbers(probabilities))] : []
        return velocities + [
            Column("visits", .integers(stars.map(\.observations.count)), canYield: true),
            Column("disagree", .text(contradictions)),
        ]
    }

    /// Each observation of stars by itself, with which star it is of (the first of its observations) and its number there.
    /// - Parameters:
    ///   - labels: columns of the catalogue.
    ///   - stars: whose observations are the rows.
    ///   - found: per star.
    ///   - sets: as of ``labels(_:_:_:sets:scale:together:)``.
    ///   - scale: as there.
    public static func visits(
        _ labels: [StellarLabel], _ stars: [ObservedStar], _ found: [StarLabels], sets: [String] = [],
        scale: (name: String, labels: Set<String>)? = nil
    ) -> Table {
        let all = stars.flatMap(\.observations)
        let alone = zip(stars, found).flatMap { $1.compared?.alone ?? [$1] }
        return Table(
            [
                Column(
                    "star", .text(stars.flatMap { star in star.observations.map { _ in star.observations[0].name } })),
                Column("visit", .integers(stars.flatMap { star in star.observations.indices.map { $0 + 1 } })),
            ] + self.labels(labels, ObservedStar.apart(all), alone, sets: sets, scale: scale).columns)
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
        vectors([(name, values)], observations, width: width)
    }

    /// As ``vectors(_:_:_:width:)``, several of each observation.
    public static func vectors(
        _ columns: [(name: String, values: [Float])], _ observations: [Observation], width: Int
    ) -> Table {
        Table(
            [
                Column("file", .text(observations.map(\.name))),
                Column("source_id", .text(observations.map(\.sourceID))),
                Column("instrument", .text(observations.map(\.instrument.name))),
            ] + columns.map { Column($0.name, .vectors($0.values, width: width)) })
    }
}
