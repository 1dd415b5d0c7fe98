import Atlas
import Foundation
import SpecCLIP
import Spectra
import Torch

/// A star that was found, with what is known of it.
struct FoundStar {
    var rank: Int
    var row: Int
    var sourceID: String
    var instrument: Instrument
    var similarity: Double
    /// By name; NaN where missing.
    var labels: [String: Double]
}

/// Exact search among known stars: of one split of a data set, or of the atlas in the model file.
struct NeighbourSearch {
    /// Labels that are shown where they are known, in the order of a catalogue.
    static let catalogue = ["teff", "logg", "fe_h", "alpha_m"]

    /// Labels that are known.
    let labelNames: [String]
    private let atlas: EmbeddingAtlas
    private let model: SpecCLIPModel
    /// Whose spectra are searched.
    let instruments: [Instrument]
    /// Labels of all known stars, NaN where missing.
    let labels: [String: [Double]]
    private let rowsOfSource: [String: [Int]]
    private let top: Int

    /// - Parameter split: of the data set, where one is given.
    init(_ options: SearchOptions, split: Split, _ loaded: LoadedModel) throws {
        if let dataSet = options.dataSet {
            try self.init(URL(fileURLWithPath: dataSet), split, among: options.among, top: options.top, loaded)
        } else {
            try self.init(atlasOf: loaded, among: options.among, top: options.top)
        }
    }

    /// Searches the stars that came with the model.
    init(atlasOf loaded: LoadedModel, among: String, top: Int) throws {
        guard let reference = try ReferenceAtlas(loaded.file) else {
            throw CommandError(
                subject: loaded.file.url.path, problem: "brings no stars to search among",
                remedy: "name a data set with --in, or add stars with 'specclip model atlas'")
        }
        let stars = reference.stars
        let present = loaded.model.instruments.filter { $0.embeddingKey == stars.instrument }
        instruments = try Self.chosen(among, of: present, in: loaded.file.url)
        (model, atlas, self.top) = (loaded.model, reference.atlas, top)
        labelNames = Self.catalogue.filter { stars.labels[$0] != nil }
        labels = stars.labels.mapValues { $0.map { $0 ?? .nan } }
        rowsOfSource = Dictionary(grouping: stars.sourceIDs.indices) { stars.sourceIDs[$0] }
        Program.progress("searching among \(stars.sourceIDs.count) stars of \(stars.tier) that came with the model")
    }

    /// Embeds the data set: seconds for thousands of stars.
    init(_ url: URL, _ split: Split, among: String, top: Int, _ loaded: LoadedModel) throws {
        let data = try PairedDataSet(opening: url)
        model = loaded.model
        self.top = top
        guard data.count(split) > 0 else {
            let filled = Split.allCases.filter { data.count($0) > 0 }.map(\.rawValue)
            throw CommandError(
                subject: url.relativePath, field: split.rawValue, problem: "the split is empty",
                remedy: "give --in-split " + filled.joined(separator: " or "))
        }
        let present = loaded.model.instruments.filter { data.has($0) }
        instruments = try Self.chosen(among, of: present, in: url)
        Program.progress("embedding \(data.count(split)) stars of \(url.lastPathComponent) to search among them")
        atlas = try EmbeddingAtlas(loaded.model, data, split: split)
        rowsOfSource = Dictionary(grouping: atlas.sourceIDs.indices) { [atlas] in atlas.sourceIDs[$0] }
        labelNames = Self.catalogue.filter(data.labelNames.contains)
        labels = try Dictionary(uniqueKeysWithValues: labelNames.map { ($0, try data.labels($0, split: split)) })
    }

    /// The instruments whose stars are searched.
    private static func chosen(_ among: String, of present: [Instrument], in url: URL) throws -> [Instrument] {
        let found = among == "both" ? present : present.filter { $0.name == among || $0.embeddingKey == among }
        guard !found.isEmpty else {
            let shared = present.isEmpty ? "no instrument" : present.map(\.name).joined(separator: ", ")
            throw CommandError(
                subject: "--among \(among)", problem: "model and \(url.lastPathComponent) do not both have it",
                remedy: "they share \(shared)")
        }
        return found
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
