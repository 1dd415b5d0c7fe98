import Datasets
import Foundation
import SpecCLIP
import Spectra
import Support
import Torch

/// A star that was found, with what is known of it.
public struct FoundStar: Sendable {
    /// 1 for the most alike.
    public var rank: Int
    /// Its row in what was searched.
    public var row: Int
    /// Identifier of the source.
    public var sourceID: String
    /// Whose spectrum was found.
    public var instrument: Instrument
    /// Cosine similarity, -1 … 1.
    public var similarity: Double
    /// By name; NaN where missing.
    public var labels: [String: Double]
}

/// Stars among which look-alikes are found.
public protocol KnownStars {
    /// Labels that are known.
    var labelNames: [String] { get }
    /// Whose spectra are searched.
    var instruments: [Instrument] { get }
    /// Where the stars come from, for the user to read.
    var source: String { get }
    /// For each observation its neighbours, instrument by instrument, best first.
    /// - Parameters:
    ///   - embeddings: of the observations, `[observations, d]`, as `StarReader.embed(_:)` gives them.
    ///   - observations: one row each.
    ///   - top: neighbours per instrument.
    ///   - excludingSelf: leaves out all rows with the observation's source id.
    func nearest(
        to embeddings: Tensor, of observations: [Observation], top: Int, excludingSelf: Bool
    ) throws -> [[FoundStar]]
}

/// Exact search among known stars: of one split of a data set, or of the atlas in the model file.
public struct LookAlikes: KnownStars, Sendable {
    /// Labels that are shown where they are known, in the order of a catalogue.
    public static let catalogue = ["teff", "logg", "fe_h", "alpha_m"]

    /// Labels that are known.
    public let labelNames: [String]
    /// Whose spectra are searched.
    public let instruments: [Instrument]
    /// Labels of all known stars, NaN where missing.
    public let labels: [String: [Double]]
    /// Where the stars come from, for the user to read.
    public let source: String
    private let atlas: EmbeddingAtlas
    private let rowsOfSource: [String: [Int]]

    /// As ``StarReader/lookAlikes(among:)``.
    init(atlasOf reader: StarReader, among: String) throws {
        guard let reference = try reader.reference() else {
            throw Diagnostic(
                reader.file.url, problem: "brings no stars to search among",
                remedy: "name a data set with --in, or add stars with 'specclip model atlas'")
        }
        let stars = reference.stars
        let present = reader.instruments.filter { $0.embeddingKey == stars.instrument }
        instruments = try Self.chosen(among, of: present, in: reader.file.url)
        atlas = reference.atlas
        labelNames = Self.catalogue.filter { stars.labels[$0] != nil }
        labels = stars.labels.mapValues { $0.map { $0 ?? .nan } }
        rowsOfSource = Dictionary(grouping: stars.sourceIDs.indices) { stars.sourceIDs[$0] }
        source = "\(stars.sourceIDs.count) stars of \(stars.tier) that came with the model"
    }

    /// Embeds a split of a data set: seconds for thousands of stars.
    public init(_ data: PairedDataSet, _ split: Split, among: String = "both", with reader: StarReader) throws {
        let url = data.url
        try data.requireStars(split, of: url.relativePath, option: "--in-split")
        let present = reader.instruments.filter { data.has($0) }
        instruments = try Self.chosen(among, of: present, in: url)
        source = "\(data.count(split)) stars of \(url.lastPathComponent)"
        atlas = try EmbeddingAtlas(reader.model, data, split: split)
        rowsOfSource = Dictionary(grouping: atlas.sourceIDs.indices) { [atlas] in atlas.sourceIDs[$0] }
        labelNames = Self.catalogue.filter(data.labelNames.contains)
        labels = try Dictionary(uniqueKeysWithValues: labelNames.map { ($0, try data.labels($0, split: split)) })
    }

    /// The instruments whose stars are searched.
    static func chosen(_ among: String, of present: [Instrument], in url: URL) throws -> [Instrument] {
        let found = among == "both" ? present : present.filter { $0.name == among || $0.embeddingKey == among }
        guard !found.isEmpty else {
            let shared = present.isEmpty ? "no instrument" : present.map(\.name).joined(separator: ", ")
            throw Diagnostic(
                "--among \(among)", problem: "model and \(url.lastPathComponent) do not both have it",
                remedy: "they share \(shared)")
        }
        return found
    }

    /// As ``KnownStars/nearest(to:of:top:excludingSelf:)``.
    public func nearest(
        to embeddings: Tensor, of observations: [Observation], top: Int, excludingSelf: Bool = false
    ) throws -> [[FoundStar]] {
        var found = [[FoundStar]](repeating: [], count: observations.count)
        // A star can be there several times (repeat visits): all its rows are left out.
        let own = excludingSelf ? observations.map { $0.sourceID.isEmpty ? [] : rowsOfSource[$0.sourceID] ?? [] } : []
        for instrument in instruments {
            let neighbours = try catchingTorchErrors {
                // What instruments share of embeddings comes first.
                let shared = embeddings.narrow(1, start: 0, length: try atlas.rows(of: instrument).size(1))
                return try atlas.nearest(to: shared, among: instrument, top: top, excluding: own)
            }
            for (place, kept) in neighbours.enumerated() {
                found[place] += kept.enumerated().map { rank, neighbour in
                    FoundStar(
                        rank: rank + 1, row: neighbour.row, sourceID: neighbour.sourceID, instrument: instrument,
                        similarity: neighbour.similarity, labels: labels.mapValues { $0[neighbour.row] })
                }
            }
        }
        return found
    }
}

extension StarReader {
    /// The stars that the model brings; nil where it brings none. Read from its file where they are first asked for.
    /// - Throws: `Diagnostic` where they are damaged.
    public func reference() throws -> ReferenceAtlas? {
        try references.value(for: ReferenceAtlas.part) { try ReferenceAtlas(file) }
    }

    /// The stars that the model brings, to be searched; made where they are first asked for.
    /// - Parameter among: an instrument's name, or "both".
    /// - Throws: `Diagnostic` where the model brings none.
    public func lookAlikes(among: String = "both") throws -> LookAlikes {
        try known.value(for: among) { try LookAlikes(atlasOf: self, among: among) }
    }
}
