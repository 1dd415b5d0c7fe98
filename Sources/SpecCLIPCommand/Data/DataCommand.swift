import ArgumentParser
import Datasets
import Foundation
import StarReading
import Statistics
import Support
import Tables
import Torch

struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Fetch stellar libraries, make paired data sets, look into them.",
        subcommands: [
            DataFetchCommand.self, DataPairsCommand.self, DataStarsCommand.self, DataInfoCommand.self,
            DataFormatsCommand.self,
        ])
}

struct DataInfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Print what a file of spectra, a data set or the cache holds.",
        usage: "specclip data info [<file>] [<options>]",
        discussion: """
            EXAMPLES
              specclip data info            (the libraries in the cache)
              specclip data info pairs.h5
              specclip data info star.fits --json

            Of spectra it says what was understood: layout, range and sampling, air or
            vacuum, units, errors, bad pixels, ids. What it says is what predict reads.
            """)

    @Argument(help: ArgumentHelp("A data set (HDF5), or a file of spectra.", valueName: "file")) var file: String?
    @OptionGroup(title: "What files do not say") var reading: ReadingArguments
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        if let file, !ObservationStream.isDataSet(file) {
            let report = try SpectrumFileReport(file, reading.options())
            print(json ? try JSONText.encode(report) : report.text)
        } else if let file {
            let report = try DataSetReport(PairedDataSet(opening: URL(fileURLWithPath: file)), shown: file)
            print(json ? try JSONText.encode(report) : report.text)
        } else {
            let report = CacheReport()
            print(json ? try JSONText.encode(report) : report.text)
        }
    }
}

/// What a data set holds.
struct DataSetReport: Encodable {
    struct Label: Encodable {
        var name: String
        var unit: String
        /// Stars that have it, per split.
        var known: [String: Int]
        /// Over all splits.
        var lowest: Double
        var median: Double
        var highest: Double
    }

    var file: String
    var tier: String
    var instruments: [String]
    /// Sources per split.
    var sources: [String: Int]
    var labels: [Label]
    var provenance: String

    /// - Parameter shown: the path as the user wrote it.
    init(_ data: PairedDataSet, shown: String) throws {
        file = shown
        tier = data.tier
        instruments = data.instruments.map(\.name)
        sources = Dictionary(uniqueKeysWithValues: data.splits.map { ($0.rawValue, data.count($0)) })
        labels = try data.labelNames.map { name in
            var known: [String: Int] = [:]
            var all: [Double] = []
            for split in data.splits {
                let values = try data.labels(name, split: split).filter(\.isFinite)
                known[split.rawValue] = values.count
                all += values
            }
            all.sort()
            return Label(
                name: name, unit: StellarLabel(named: name).unit, known: known, lowest: all.first ?? .nan,
                median: all.isEmpty ? .nan : all[all.count / 2], highest: all.last ?? .nan)
        }
        provenance = data.provenance
    }

    private var counts: String {
        Split.allCases.compactMap { split in sources[split.rawValue].map { "\($0) \(split.rawValue)" } }
            .joined(separator: ", ")
    }

    /// One line.
    var summary: String { "\(file): \(tier), \(instruments.joined(separator: " + ")); \(counts)" }

    /// For people, with the label ranges and the provenance as it is stored.
    var text: String {
        let table = Table([
            .init("label", .text(labels.map(\.name))),
            .init("unit", .text(labels.map(\.unit))),
            .init("known", .integers(labels.map { $0.known.values.reduce(0, +) })),
            .init("lowest", .numbers(labels.map(\.lowest)), digits: 2),
            .init("median", .numbers(labels.map(\.median)), digits: 2),
            .init("highest", .numbers(labels.map(\.highest)), digits: 2),
        ])
        return [
            "Data set     \(file)", "Tier         \(tier)", "Instruments  \(instruments.joined(separator: ", "))",
            "Sources      \(counts)", "", labels.isEmpty ? "No labels" : table.text(.table),
            "Provenance", provenance,
        ].joined(separator: "\n")
    }
}
