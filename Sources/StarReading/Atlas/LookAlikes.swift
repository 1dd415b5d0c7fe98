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

/// Search among known stars: of an atlas on disk, of one split of a data set, or of those that came with the model.
public struct LookAlikes: Sendable {
    /// Labels that are shown where they are known, in the order of a catalogue.
    public static let catalogue = ["teff", "logg", "fe_h", "alpha_m"]

    /// Labels that are known.
    public let labelNames: [String]
    /// Whose spectra are searched.
    public var instruments: [Instrument] { parts.map(\.instrument) }
    /// Where the stars come from, for the user to read.
    public let source: String
    private let parts: [Part]

    private struct Part: Sendable {
        var instrument: Instrument
        var stars: AtlasPart
        /// Groups that are looked at.
        var probes: Int
        /// Which rows may be found; nil for all.
        var allowed: Tensor?
    }

    /// - Parameters:
    ///   - atlas: of embeddings of the reader's model.
    ///   - reader: of the stars that look-alikes are asked for.
    ///   - among: an instrument's name, or "both".
    ///   - filter: which stars may be found.
    ///   - probes: groups that are looked at; nil for as many as the atlas was built for, `Int.max` for all.
    /// - Throws: `Diagnostic` for embeddings of another model, and what the filter asks of columns that are not there.
    public init(
        _ atlas: StarAtlas, _ reader: StarReader, among: String = "both", filter: AtlasFilter = AtlasFilter(),
        probes: Int? = nil
    ) throws {
        try atlas.check(reader)
        let built = Dictionary(atlas.header.parts.map { ($0.instrument, $0.probes) }, uniquingKeysWith: max)
        try self.init(
            atlas.parts, of: reader, in: atlas.url, among: among, filter: filter, "of \(atlas.url.lastPathComponent)"
        ) { key, share in
            // Where few stars may be found, more groups are looked at: as many stars as without a filter.
            probes ?? Int(min(1e9, (Double(built[key] ?? 1) / max(share, 1e-9)).rounded(.up)))
        }
    }

    /// Embeds a split of a data set: seconds for thousands of stars.
    /// - Throws: `Diagnostic` where the split is empty, and for labels that the filter asks of and the data set has not.
    public init(
        _ data: PairedDataSet, _ split: Split, among: String = "both", filter: AtlasFilter = AtlasFilter(),
        with reader: StarReader
    ) throws {
        try data.requireStars(split, of: data.url.relativePath, option: "--in-split")
        let ids = try data.sourceIDs(split)
        let labels = try Dictionary(
            uniqueKeysWithValues: data.labelNames.map { ($0, try data.labels($0, split: split)) })
        var stars: [String: AtlasPart] = [:]
        let embeddings = try reader.model.sharedEmbeddings(data, split: split)
        for instrument in reader.instruments {
            guard let rows = embeddings[instrument.embeddingKey] else { continue }
            stars[instrument.embeddingKey] = AtlasPart(
                rows, sourceIDs: ids, columns: labels, present: try data.presence(instrument, split: split),
                from: data.url)
        }
        try self.init(
            stars, of: reader, in: data.url, among: among, filter: filter, count: ids.count,
            "of \(data.url.lastPathComponent)")
    }

    /// As ``StarReader/lookAlikes(among:filter:)``.
    init(atlasOf reader: StarReader, among: String, filter: AtlasFilter) throws {
        guard let reference = try reader.reference() else {
            throw Diagnostic(
                reader.file.url, problem: "brings no stars to search among",
                remedy: "name a data set with --in, or add stars with 'specclip model atlas'")
        }
        let known = reader.known.value(for: ReferenceAtlas.part) { reference.known(from: reader.file.url) }
        try self.init(
            [reference.stars.instrument: known], of: reader, in: reader.file.url, among: among, filter: filter,
            "of \(reference.stars.tier) that came with the model")
    }

    /// - Parameters:
    ///   - stars: by the instrument's `embeddingKey`.
    ///   - url: what brings them.
    ///   - count: how many stars there are; nil for the spectra of all instruments that are searched.
    ///   - source: where they come from.
    ///   - probes: groups that are looked at, of the instrument and the share of its stars that may be found.
    private init(
        _ stars: [String: AtlasPart], of reader: StarReader, in url: URL, among: String, filter: AtlasFilter,
        count: Int? = nil, _ source: String, probes: (String, Double) -> Int = { _, _ in 1 }
    ) throws {
        let present = reader.instruments.filter { stars[$0.embeddingKey] != nil }
        let chosen = among == "both" ? present : present.filter { $0.name == among || $0.embeddingKey == among }
        guard !chosen.isEmpty else {
            let shared = present.isEmpty ? "no instrument" : present.map(\.name).joined(separator: ", ")
            throw Diagnostic(
                "--among \(among)", problem: "model and \(url.lastPathComponent) do not both have it",
                remedy: "they share \(shared)")
        }
        parts = try chosen.compactMap { instrument in
            guard let own = stars[instrument.embeddingKey] else { return nil }
            let allowed = try own.allowed(filter)
            let share = try catchingTorchErrors {
                allowed.map { $0.to(.int64).sum().item() / Double(max(1, own.rows.count)) } ?? 1
            }
            return Part(
                instrument: instrument, stars: own, probes: probes(instrument.embeddingKey, share), allowed: allowed)
        }
        let parts = parts
        labelNames = Self.catalogue.filter { name in parts.contains { $0.stars.columns.contains(name) } }
        self.source = "\(count ?? parts.reduce(0) { $0 + $1.stars.rows.count }) stars \(source)"
    }

    /// For each observation its neighbours, instrument by instrument, best first.
    /// - Parameters:
    ///   - embeddings: of the observations, `[observations, d]`, as `StarReader.embed(_:)` gives them.
    ///   - observations: one row each.
    ///   - top: neighbours per instrument.
    ///   - excludingSelf: leaves out all rows with the observation's source id: a star can be there several times.
    public func nearest(
        to embeddings: Tensor, of observations: [Observation], top: Int, excludingSelf: Bool = false
    ) throws -> [[FoundStar]] {
        var found = [[FoundStar]](repeating: [], count: observations.count)
        let own = excludingSelf ? observations.map(\.sourceID) : []
        for part in parts {
            // What instruments share of embeddings comes first.
            let queries = try catchingTorchErrors {
                unitDirections(embeddings.narrow(1, start: 0, length: part.stars.rows.width))
            }
            let nearest = try part.stars.nearest(
                queries, top: top, probes: part.probes, allowed: part.allowed, excluding: own)
            for (query, best) in nearest.enumerated() {
                let labels = try labelNames.filter(part.stars.columns.contains).map { name in
                    (name, try part.stars.values(name, of: best.map(\.row)))
                }
                found[query] += best.enumerated().map { rank, one in
                    FoundStar(
                        rank: rank + 1, row: one.row, sourceID: part.stars.sourceID(one.row),
                        instrument: part.instrument,
                        // Rounded, as the cosine of equal directions may lie above 1.
                        similarity: min(1, Double(one.similarity)),
                        labels: Dictionary(uniqueKeysWithValues: labels.map { ($0, $1[rank]) }))
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

    /// The stars that the model brings, to be searched.
    /// - Parameters:
    ///   - among: an instrument's name, or "both".
    ///   - filter: which stars may be found.
    /// - Throws: `Diagnostic` where the model brings none, and for labels that the filter asks of and they have not.
    public func lookAlikes(among: String = "both", filter: AtlasFilter = AtlasFilter()) throws -> LookAlikes {
        try LookAlikes(atlasOf: self, among: among, filter: filter)
    }
}
