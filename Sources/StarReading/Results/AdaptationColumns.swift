import Spectra
import Tables

extension StarCatalogue {
    /// What was tried and chosen to read labels of somebody's own, a row a label and instrument.
    /// - Parameter results: what was learned from the spectra of each instrument.
    public static func adaptation(_ results: [(instrument: Instrument, description: AdaptationDescription)]) -> Table {
        let rows = results.flatMap { result in
            result.description.labels.map { (result.instrument, result.description, $0) }
        }
        func numbers(_ value: (AdaptationDescription.Label) -> Double?) -> Column.Values {
            .numbers(rows.map { value($0.2) ?? .nan })
        }
        let methods = AdaptationMethod.allCases.map { method in
            Column("sigma_\(method.rawValue)", numbers { $0.scatter[method.rawValue] })
        }
        return Table(
            [
                Column("label", .text(rows.map { $0.2.label.name })),
                Column("unit", .text(rows.map { $0.2.label.unit })),
                Column("instrument", .text(rows.map { $0.0.name })),
                Column("stars", .integers(rows.map { $0.2.stars })),
                Column("groups", .integers(rows.map { $0.1.groups })),
            ] + methods + [
                Column("chosen", .text(rows.map { $0.2.chosen.key })),
                Column("sigma", numbers { $0.scatter[$0.chosen.key] }), Column("gain", numbers { $0.gain?.value }),
                Column("e_gain", numbers { $0.gain?.error }),
            ])
    }
}
