import Atlas
import Foundation
import SpecCLIP
import Spectra
import Torch

/// A star of a data set that was found, with what the data set knows of it.
struct FoundStar {
    var rank: Int
    var row: Int
    var sourceID: String
    var instrument: Instrument
    var similarity: Double
    /// By name; NaN where missing.
    var labels: [String: Double]
}

/// Exact search among the stars of one split of a data set.
struct NeighbourSearch {
    /// Labels of the data set that are shown, in the order of a catalogue.
    let labelNames: [String]
    let data: PairedDataSet
    let split: Split
    private let atlas: EmbeddingAtlas
    private let model: SpecCLIPModel
    private let instruments: [Instrument]
    private let labels: [String: [Double]]
    private let rowsOfSource: [String: [Int]]
    private let top: Int

    /// Embeds the data set: seconds for thousands of stars.
    init(_ options: SearchOptions, split: Split, _ loaded: LoadedModel) throws {
        try self.init(
            URL(fileURLWithPath: options.dataSet), split, among: options.among, top: options.top, loaded)
    }

    init(_ url: URL, _ split: Split, among: String, top: Int, _ loaded: LoadedModel) throws {
        data = try PairedDataSet(opening: url)
        model = loaded.model
        self.split = split
        self.top = top
        guard data.count(split) > 0 else {
            let filled = Split.allCases.filter { [data] in data.count($0) > 0 }.map(\.rawValue)
            throw CommandError(
                subject: url.relativePath, field: split.rawValue, problem: "the split is empty",
                remedy: "give --in-split " + filled.joined(separator: " or "))
        }
        let present = loaded.model.instruments.filter { [data] in data.has($0) }
        instruments = among == "both" ? present : present.filter { $0.name == among || $0.embeddingKey == among }
        guard !instruments.isEmpty else {
            throw CommandError(
                subject: "--among \(among)", problem: "neither model nor data set \(url.lastPathComponent) has it",
                remedy: "they share "
                    + (present.isEmpty ? "no instrument" : present.map(\.name).joined(separator: ", ")))
        }
        for instrument in present { try data.checkGrid(of: instrument) }
        Program.progress("embedding \(data.count(split)) stars of \(url.lastPathComponent) to search among them")
        atlas = try EmbeddingAtlas(loaded.model, data, split: split)
        rowsOfSource = Dictionary(grouping: atlas.sourceIDs.indices) { [atlas] in atlas.sourceIDs[$0] }
        let catalogue = ["teff", "logg", "fe_h", "alpha_m"]
        labelNames = catalogue.filter(data.labelNames.contains)
        labels = try Dictionary(
            uniqueKeysWithValues: labelNames.map { [data] in ($0, try data.labels($0, split: split)) })
    }

    /// For each star its neighbours, instrument by instrument, best first.
    func nearest(to embeddings: Tensor, of stars: [Star], excludingSelf: Bool) throws -> [[FoundStar]] {
        var found = [[FoundStar]](repeating: [], count: stars.count)
        // A star can be there several times (repeat visits): all its rows are left out.
        let own = excludingSelf ? stars.map { $0.sourceID.isEmpty ? [] : rowsOfSource[$0.sourceID] ?? [] } : []
        for instrument in instruments {
            let neighbours = try catchingTorchErrors {
                try atlas.nearest(to: model.shared(embeddings), among: instrument, top: top, excluding: own)
            }
            for (star, kept) in neighbours.enumerated() {
                found[star] += kept.enumerated().map { rank, neighbour in
                    FoundStar(
                        rank: rank + 1, row: neighbour.row, sourceID: neighbour.sourceID, instrument: instrument,
                        similarity: neighbour.similarity, labels: labels.mapValues { $0[neighbour.row] })
                }
            }
        }
        return found
    }
}
