import Spectra
import StellarLabels

/// The parameters of stars as a table, one row a star in the order of the input.
struct StarCatalogue {
    private let labels: [StellarLabel]

    /// A catalogue with columns for these labels.
    init(_ labels: [StellarLabel]) { self.labels = labels }

    /// The columns without rows.
    var columns: [OutputTable.Column] { table([], []).columns }

    /// A table of some stars.
    /// - Parameter found: per star; what is missing there is empty.
    func table(_ stars: [Sightings], _ found: [StarLabels]) -> OutputTable {
        func joined(_ text: (Star) -> String) -> [String] {
            stars.map { star in
                var all: [String] = []
                for own in star.spectra.map(text) where !own.isEmpty && !all.contains(own) { all.append(own) }
                return all.joined(separator: "+")
            }
        }
        var columns = [OutputTable.Column(name: "file", values: .text(joined(\.name)))]
        for label in labels {
            let own = found.map { $0.estimates.first { $0.label == label } }
            func column(_ name: String, _ values: [Double?], canYield: Bool = false) -> OutputTable.Column {
                let numbers = OutputTable.Values.numbers(values.map { $0 ?? .nan }, digits: label.digits)
                return .init(name: name, unit: label.unit, values: numbers, canYield: canYield)
            }
            columns += [
                column(label.name, own.map { $0?.value }), column("e_" + label.name, own.map { $0?.error }),
                column(label.name + "_16", own.map { $0?.interval?.lowerBound }, canYield: true),
                column(label.name + "_84", own.map { $0?.interval?.upperBound }, canYield: true),
            ]
        }
        return OutputTable(
            columns: columns + [
                .init(name: "flag", values: .integers(found.map(\.flags.rawValue))),
                .init(name: "source_id", values: .text(joined(\.sourceID)), canYield: true),
                .init(name: "instrument", values: .text(joined(\.instrument.name)), canYield: true),
                // Two instruments have two.
                .init(
                    name: "snr",
                    values: .numbers(
                        stars.map { $0.spectra.count == 1 ? $0.spectra[0].prepared.snr ?? .nan : .nan }, digits: 1)),
            ])
    }
}
