import Foundation
import Spectra

/// Everything about a model but its weights: written as JSON into the header of the model file.
public struct ModelDescription: Codable, Sendable, Hashable {
    /// The layout of files that are written now. 2: instruments with gaps, labels that say whether they are logarithmic, flows
    /// whose order is `fixedOrder`. 1, the first, is read as well.
    public static let currentFormat = 2

    /// Version of this layout.
    public var format = Self.currentFormat
    /// Numbers in the shared embedding; `nil` for an encoder that is not aligned yet.
    public var embedding: Int?
    /// Numbers that each instrument keeps to itself, behind the shared ones; `nil` for a unified model.
    public var privateEmbedding: Int?
    /// One branch per instrument.
    public var branches: [BranchDescription]
    /// What was trained on what, by which version: free text by field.
    public var provenance: [String: String]

    /// A model of these branches.
    public init(
        embedding: Int?, privateEmbedding: Int? = nil, branches: [BranchDescription],
        provenance: [String: String] = [:]
    ) {
        self.embedding = embedding
        self.privateEmbedding = privateEmbedding
        self.branches = branches
        self.provenance = provenance
    }

    /// The instruments the model reads.
    public var instruments: [Instrument] { branches.map(\.instrument) }

    /// How many numbers `SpecCLIPModel.embed` gives for an instrument: shared and private ones, or of an encoder that is
    /// not aligned its summary's; 0 for an instrument that the model does not read.
    /// - Parameter key: the instrument's `embeddingKey`.
    public func embeddingWidth(ofKey key: String) -> Int {
        guard let branch = branches.first(where: { $0.instrument.embeddingKey == key }) else { return 0 }
        return embedding.map { $0 + (privateEmbedding ?? 0) } ?? branch.encoder.featureWidth
    }

    /// How many numbers `SpecCLIPModel.features` gives for an instrument.
    /// - Parameter key: the instrument's `embeddingKey`.
    public func featureWidth(ofKey key: String) -> Int {
        let summary = branches.first { $0.instrument.embeddingKey == key }?.encoder.featureWidth ?? 0
        return embedding == nil ? summary : embeddingWidth(ofKey: key) + summary
    }
}

/// The part of a model that belongs to one instrument.
public struct BranchDescription: Codable, Sendable, Hashable {
    /// What it observes with, and how that is prepared.
    public var instrument: Instrument
    /// Its foundation model.
    public var encoder: EncoderConfiguration
    /// Absent in an encoder that is not aligned yet.
    public var projection: ProjectionConfiguration?
    /// Embedding → this instrument's own spectrum.
    public var decoder: DecoderConfiguration?
    /// Another instrument's embedding → this instrument's spectrum.
    public var crossDecoder: DecoderConfiguration?
    /// What `decoder` gives.
    public var reconstruction: ReconstructionTarget

    /// One instrument’s part; without a projection, an encoder that is not aligned yet.
    public init(
        instrument: Instrument, encoder: EncoderConfiguration, projection: ProjectionConfiguration? = nil,
        decoder: DecoderConfiguration? = nil, crossDecoder: DecoderConfiguration? = nil,
        reconstruction: ReconstructionTarget = .prepared
    ) {
        self.instrument = instrument
        self.encoder = encoder
        self.projection = projection
        self.decoder = decoder
        self.crossDecoder = crossDecoder
        self.reconstruction = reconstruction
    }
}

/// In which form a decoder gives a spectrum back (quirk Q19: LAMOST standardised, Gaia XP as prepared; predictions
/// for another instrument are always as prepared).
public enum ReconstructionTarget: String, Codable, Sendable {
    /// As the instrument prepares it.
    case prepared
    /// With zero mean and unit standard deviation.
    case standardised
}
