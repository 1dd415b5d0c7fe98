import OrderedBottleneck
import Spectra
import Support
import Torch

/// The aligned model: any number of instruments, one embedding (SpecCLIP, arXiv 2507.01939).
public final class SpecCLIPModel: Module {
    /// Branches by the instrument's `embeddingKey`.
    let branches: [String: Branch]
    /// What the model is made of.
    public let descriptionOfModel: ModelDescription

    /// How many numbers of an embedding stay; all further ones are 0, so that searches and predictions go by the first
    /// alone. `nil` leaves all. Meant for models aligned with `clip-ordered`, whose first numbers tell most.
    public var truncatedWidth: Int?

    /// A model with initial weights drawn from the default generator.
    public init(_ description: ModelDescription) {
        descriptionOfModel = description
        var branches: [String: Branch] = [:]
        for branch in description.branches {
            branches[branch.instrument.embeddingKey] = Branch(
                branch, embedding: description.embedding, privateEmbedding: description.privateEmbedding)
        }
        self.branches = branches
        super.init()
    }

    /// The instruments the model reads, in the order of its description.
    public var instruments: [Instrument] { descriptionOfModel.instruments }

    /// - Throws: `Diagnostic`, naming those the model knows.
    public func branch(_ instrument: Instrument) throws -> Branch {
        guard let branch = branches[instrument.embeddingKey] else {
            throw Diagnostic.unknownInstrument(instrument.name, known: instruments.map(\.name))
        }
        return branch
    }

    /// What an instrument's part is made of.
    /// - Throws: `Diagnostic`, naming those the model knows.
    package func description(of instrument: Instrument) throws -> BranchDescription {
        let found = descriptionOfModel.branches.first { $0.instrument.embeddingKey == instrument.embeddingKey }
        guard let found else { throw Diagnostic.unknownInstrument(instrument.name, known: instruments.map(\.name)) }
        return found
    }

    /// Embeddings of prepared spectra.
    /// - Parameters:
    ///   - x: `[B, pixels]` of that instrument.
    ///   - instrument: whose spectra they are.
    /// - Returns: `[B, shared + private]`, the shared columns first; for a model that is not aligned, the encoder's
    ///   summary vector.
    public func embed(_ x: SpectrumBatch, from instrument: Instrument) throws -> Tensor {
        let branch = try branch(instrument)
        return truncated(branch.embed(branch.backbone(x)))
    }

    /// Embeddings of spectra of which the flux alone is known, `[B, pixels]`.
    public func embed(_ flux: Tensor, from instrument: Instrument) throws -> Tensor {
        try embed(SpectrumBatch(flux), from: instrument)
    }

    /// Everything the model knows of prepared spectra: the embedding, and behind it the encoder's summary, which holds
    /// what only this instrument sees. Labels are read from it.
    /// - Returns: `[B, shared + private + summary]`; for a model that is not aligned, the summary alone.
    public func features(_ x: SpectrumBatch, from instrument: Instrument) throws -> Tensor {
        let branch = try branch(instrument)
        let features = branch.backbone(x)
        let summary = branch.backbone.summary(features)
        guard branch.projection != nil else { return summary }
        return Tensor.cat([truncated(branch.embed(features)), summary], dim: 1)
    }

    /// Features of spectra of which the flux alone is known, `[B, pixels]`.
    public func features(_ flux: Tensor, from instrument: Instrument) throws -> Tensor {
        try features(SpectrumBatch(flux), from: instrument)
    }

    /// What an instrument's encoder asks for beside the flux.
    public func inputs(of instrument: Instrument) -> SpectrumInputs {
        branches[instrument.embeddingKey]?.backbone.inputs ?? []
    }

    private func truncated(_ embedding: Tensor) -> Tensor {
        guard let truncatedWidth, truncatedWidth < embedding.size(1) else { return embedding }
        return BottleneckLayer(embedding.size(1)).truncated(embedding, to: truncatedWidth)
    }

    /// The columns of embeddings that all instruments share: what to compare stars of different instruments by.
    /// - Parameter embedding: `[B, shared + private]` from `embed`, or already `[B, shared]`.
    /// - Returns: `[B, shared]`; all columns where nothing is private.
    public func shared(_ embedding: Tensor) -> Tensor {
        guard descriptionOfModel.privateEmbedding != nil, let width = descriptionOfModel.embedding else {
            return embedding
        }
        return embedding.narrow(1, start: 0, length: width)
    }

    /// The spectrum that another instrument would see.
    /// - Parameters:
    ///   - embedding: `[B, shared + private]` of the observed spectra; a prediction for another instrument reads the
    ///     shared columns alone.
    ///   - source: the instrument they came from.
    ///   - target: the instrument to predict; the source itself gives the reconstruction.
    /// - Returns: `[B, pixels]` as the target instrument prepares it (standardised where `reconstruction` says so and
    ///   source and target agree).
    public func translate(_ embedding: Tensor, from source: Instrument, to target: Instrument) throws -> Tensor {
        let branch = try branch(target)
        guard let decoder = source == target ? branch.decoder : branch.crossDecoder else {
            throw Diagnostic(
                problem: "this model has no decoder from \(source.name) to \(target.name)",
                remedy: "align with a prediction loss to get one")
        }
        return decoder(source == target ? embedding : shared(embedding))
    }
}

/// One instrument's part of a model.
public final class Branch: Module {
    /// The foundation model of the instrument.
    public let backbone: any Encoder
    /// Features → embedding.
    public let projection: (any Projection)?
    /// Embedding, private part included → own spectrum.
    public let decoder: (any SpectrumDecoder)?
    /// Other instruments' shared embedding → own spectrum.
    public let crossDecoder: (any SpectrumDecoder)?
    let reconstruction: ReconstructionTarget

    init(_ description: BranchDescription, embedding: Int?, privateEmbedding: Int?) {
        let pixels = description.instrument.grid.count
        let backbone = description.encoder.makeEncoder(pixels: pixels)
        self.backbone = backbone
        let (shared, own) = (embedding ?? backbone.width, privateEmbedding ?? 0)
        projection = description.projection?.makeProjection(features: backbone.width, shared: shared, private: own)
        decoder = description.decoder?.makeDecoder(shared: shared, private: own, pixels: pixels)
        crossDecoder = description.crossDecoder?.makeDecoder(shared: shared, private: 0, pixels: pixels)
        reconstruction = description.reconstruction
        super.init()
    }

    /// Features → `[B, shared + private]`; without a projection, the encoder's summary.
    func embed(_ features: Tensor) -> Tensor { projection?(features) ?? backbone.summary(features) }

    /// What `decoder` should give for these spectra.
    func reconstructionTarget(_ flux: Tensor) -> Tensor {
        reconstruction == .standardised ? Standardised(flux).flux : flux
    }
}

extension Diagnostic {
    /// A model that does not read an instrument's spectra.
    public static func unknownInstrument(_ name: String, known: [String]) -> Diagnostic {
        Diagnostic(problem: "this model does not read \(name)", remedy: "it reads \(known.joined(separator: ", "))")
    }
}
