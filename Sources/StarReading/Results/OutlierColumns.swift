import Spectra
import Tables

extension StarCatalogue {
    /// How odd spectra are, a row each. The column `q`, which is known when all rows are, stands after `p` and is NaN.
    package static func outliers(_ stars: [Observation], _ found: [OutlierFinder.Outlier]) -> Table {
        func probability(_ name: String, _ value: (OutlierFinder.Outlier) -> Double) -> Column {
            Column(name, .numbers(found.map { threeDigits(value($0)) }), canYield: name.hasPrefix("p_"))
        }
        return Table([
            Column("file", .text(stars.map(\.name))), Column("source_id", .text(stars.map(\.sourceID)), canYield: true),
            Column("instrument", .text(stars.map(\.instrument.name)), canYield: true),
            probability("p", \.p), probability("q") { _ in .nan },
            probability("p_density", \.density), probability("p_spectrum", \.spectrum),
            probability("p_instruments", \.instruments), probability("p_repeats", \.repeats),
            Column("snr", .numbers(stars.map { $0.prepared.snr ?? .nan }), digits: 1, canYield: true),
            Column("reason", .text(found.map(\.reason))),
        ])
    }
}
