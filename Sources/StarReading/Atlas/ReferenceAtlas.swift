import Datasets
import Foundation
import SpecCLIP
import Spectra
import Support
import Torch

/// Known stars whose embeddings travel in the model file, so that look-alikes can be found without any data set.
public struct ReferenceAtlas: Sendable {
    package static let part = "atlas"

    /// What is known of the stars; JSON in the header.
    public struct Stars: Codable, Sendable {
        /// Whose spectra were embedded: the instrument's `embeddingKey`.
        public var instrument: String
        /// Where they come from.
        public var tier: String, dataSet: String, split: String
        /// Hash of the data set's content; nil in older files.
        public var content: String?
        /// Identifiers.
        public var sourceIDs: [String]
        /// By name, per star; nil where unknown.
        public var labels: [String: [Double?]]
    }

    /// What is known of the stars.
    public let stars: Stars
    /// What instruments share of their embeddings, `[N, E]`.
    public let embeddings: Tensor

    /// Embeds some stars of a data set, as every star is embedded.
    /// - Parameters:
    ///   - reader: of the model.
    ///   - instrument: whose spectra they are.
    ///   - data: the data set.
    ///   - split: which part of the data set.
    ///   - rows: which stars of the split.
    ///   - labelNames: labels of the data set to keep.
    public init(
        _ reader: StarReader, _ instrument: Instrument, _ data: PairedDataSet, _ split: Split, rows: [Int],
        labelNames: [String]
    ) throws {
        let ids = try data.sourceIDs(split)
        let blocks = try stride(from: 0, to: rows.count, by: Self.block).map { start in
            try Interruption.check()
            let own = Array(rows[start..<min(start + Self.block, rows.count)])
            let spectra = try data.spectra(instrument, split: split, indices: own)
            let stars = try own.enumerated().map { place, row in
                try Observation(
                    row: place, of: spectra, instrument, name: "\(data.url.lastPathComponent)#\(row)",
                    sourceID: ids[row])
            }
            return reader.model.shared(try reader.embed(stars))
        }
        embeddings = Tensor.cat(blocks, dim: 0)
        stars = Stars(
            instrument: instrument.embeddingKey, tier: data.tier, dataSet: data.url.lastPathComponent,
            split: split.rawValue, content: data.contentHash, sourceIDs: rows.map { ids[$0] },
            labels: try labelNames.reduce(into: [:]) { known, name in
                let values = try data.labels(name, split: split)
                known[name] = rows.map { values[$0].isFinite ? values[$0] : nil }
            })
    }

    /// The atlas of a model file; nil where it has none.
    /// - Throws: `Diagnostic` where it is damaged.
    public init?(_ file: ModelFile) throws {
        guard let text = file.header(Self.part) else { return nil }
        guard let stars = try? JSONDecoder().decode(Stars.self, from: Data(text.utf8)),
            let rows = try file.tensors(Self.part)["embeddings"], rows.rank == 2, rows.size(0) == stars.sourceIDs.count,
            stars.labels.values.allSatisfy({ $0.count == stars.sourceIDs.count }),
            rows.size(1) == file.description.embedding
        else {
            throw Diagnostic(file.url.path, problem: "its atlas cannot be read; get the file anew")
        }
        self.stars = stars
        embeddings = rows.to(.float32)
    }

    /// The atlas as part of a model file.
    public func part() throws -> ModelFilePart {
        try ModelFilePart(name: Self.part, about: stars, tensors: [("embeddings", embeddings)])
    }

    /// Stars that are embedded at once.
    private static let block = 1024

    /// Ready to be searched.
    /// - Parameter url: the model file.
    func known(from url: URL) -> AtlasPart {
        AtlasPart(
            embeddings, sourceIDs: stars.sourceIDs, columns: stars.labels.mapValues { $0.map { $0 ?? .nan } }, from: url
        )
    }
}
