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

    /// Embeds some stars of a data set.
    /// - Parameters:
    ///   - model: with its weights.
    ///   - instrument: whose spectra they are.
    ///   - data: the data set.
    ///   - split: which part of the data set.
    ///   - rows: which stars of the split.
    ///   - labelNames: labels of the data set to keep.
    public init(
        _ model: SpecCLIPModel, _ instrument: Instrument, _ data: PairedDataSet, _ split: Split, rows: [Int],
        labelNames: [String]
    ) throws {
        let spectra = try model.rows(data, instrument, split)
        let inputs = model.inputs(of: instrument)
        let embedded = try model.features(rows.count, of: instrument) { wanted in
            try spectra.batch(wanted.map { rows[$0] }, for: inputs)
        }
        let width = model.descriptionOfModel.embeddingWidth(ofKey: instrument.embeddingKey)
        embeddings = model.shared(embedded.narrow(1, start: 0, length: width))
        let ids = try data.sourceIDs(split)
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
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return ModelFilePart(
            name: Self.part, header: String(decoding: try encoder.encode(stars), as: UTF8.self),
            tensors: [("embeddings", embeddings)])
    }

    /// Ready to be searched.
    public var atlas: EmbeddingAtlas {
        EmbeddingAtlas(embeddings: [stars.instrument: embeddings], sourceIDs: stars.sourceIDs)
    }
}
