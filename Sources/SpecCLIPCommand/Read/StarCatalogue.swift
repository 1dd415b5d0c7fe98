import Spectra
import StellarLabels

/// The parameters of stars as a table, one row a star in the order of the input.
struct StarCatalogue {
    private var files: [String] = []
    private var sourceIDs: [String] = []
    private var instruments: [String] = []
    private var snr: [Double] = []
    /// Labels in the order in which they were first met, each with a value and an error per star.
    private var labels: [(label: StellarLabel, values: [Double], errors: [Double])] = []

    mutating func append(_ stars: [Star], _ estimates: [[LabelEstimate]]) {
        for (star, estimates) in zip(stars, estimates) {
            for estimate in estimates where !labels.contains(where: { $0.label == estimate.label }) {
                let none = [Double](repeating: .nan, count: files.count)
                labels.append((estimate.label, none, none))
            }
            for i in labels.indices {
                let own = estimates.first { $0.label == labels[i].label }
                labels[i].values.append(own?.value ?? .nan)
                labels[i].errors.append(own?.error ?? .nan)
            }
            files.append(star.name)
            sourceIDs.append(star.sourceID)
            instruments.append(star.instrument.name)
            snr.append(star.prepared.snr ?? .nan)
        }
    }

    var table: OutputTable {
        var columns = [OutputTable.Column(name: "file", values: .text(files))]
        for (label, values, errors) in labels {
            columns.append(.init(name: label.name, unit: label.unit, values: .numbers(values, digits: label.digits)))
            columns.append(
                .init(name: "e_" + label.name, unit: label.unit, values: .numbers(errors, digits: label.digits)))
        }
        return OutputTable(
            columns: columns + [
                .init(name: "source_id", values: .text(sourceIDs), canYield: true),
                .init(name: "instrument", values: .text(instruments), canYield: true),
                .init(name: "snr", values: .numbers(snr, digits: 1)),
            ])
    }
}
