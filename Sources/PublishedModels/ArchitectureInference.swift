import Instruments
import SpecCLIP
import Spectra
import Support
import Torch

/// The architecture of a published checkpoint, from names and shapes of its tensors and from what else is known.
struct ArchitectureInference {
    private let shapes: [String: [Int]]
    private var facts: PublishedFacts
    private let path: String

    init(_ shapes: [String: [Int]], _ facts: PublishedFacts) {
        self.shapes = shapes
        self.facts = facts
        path = facts.path
    }

    /// What was inferred and from where.
    var notes: [String] { facts.notes }

    /// The whole model.
    mutating func description() throws -> ModelDescription {
        let keys = Set(shapes.keys.compactMap { name in name.range(of: "_encoder.").map { name[..<$0.lowerBound] } })
            .map(String.init)
        guard !keys.isEmpty else {
            let encoder = try encoder("", head: nil)
            return ModelDescription(
                embedding: nil,
                branches: [BranchDescription(instrument: encoder.instrument, encoder: encoder.configuration)],
                provenance: facts.provenance)
        }
        var widths: (shared: Int, own: Int?)?
        var branches: [BranchDescription] = []
        for key in keys.sorted() {
            guard let instrument = Instrument.builtIn.first(where: { $0.embeddingKey == key }) else {
                let known = Instrument.builtIn.map { $0.embeddingKey + "_encoder" }.joined(separator: ", ")
                throw problem("tensors begin with '\(key)_encoder', which is no instrument here; known are \(known)")
            }
            let head = facts.head(key)
            let encoder = try encoder("\(key)_encoder.backbone.", head: head?["backbone"])
            guard encoder.instrument == instrument else {
                throw problem("\(key)_encoder holds a backbone for \(encoder.instrument.name)")
            }
            let projection = try projection("\(key)_encoder.", head: head)
            let found = (projection.shared, projection.own)
            if let widths, widths != found { throw problem("its instruments have embeddings of different widths") }
            widths = found
            branches.append(
                BranchDescription(
                    instrument: instrument, encoder: encoder.configuration, projection: projection.configuration,
                    decoder: try decoder("\(key)_decoder."), crossDecoder: try decoder("\(key)_cross_decoder."),
                    // The published reconstruction loss standardises continuum-normalised spectra only (quirk Q19).
                    reconstruction: instrument == .lamostLRS ? .standardised : .prepared))
        }
        return ModelDescription(
            embedding: widths?.shared, privateEmbedding: widths?.own, branches: branches, provenance: facts.provenance)
    }

    // MARK: - Encoders

    private mutating func encoder(
        _ prefix: String, head module: PickleValue?
    ) throws -> (instrument: Instrument, configuration: EncoderConfiguration) {
        if let embed = shapes[prefix + "data_embed.weight"], embed.count == 2 {
            return try transformer(prefix, columns: embed[1], width: embed[0], module)
        }
        if let input = shapes[prefix + "input_proj.weight"], input.count == 2 {
            return try autoEncoder(prefix, columns: input[1], hidden: input[0], module)
        }
        throw problem("'\(prefix)' holds neither a masked transformer (data_embed) nor an auto-encoder (input_proj)")
    }

    private mutating func transformer(
        _ prefix: String, columns: Int, width: Int, _ module: PickleValue?
    ) throws -> (Instrument, EncoderConfiguration) {
        let attributes = module?["_hparams"]
        func fits(_ values: PickleValue) -> Bool {
            values["embed_dim"]?.int == width && values["max_len"]?.int == shapes[prefix + "position_embed.weight"]?[0]
        }
        var configuration = MaskedTransformerConfiguration()
        configuration.width = width
        configuration.layers = count(prefix + "blocks.", ".ln1.weight")
        configuration.maxTokens = shapes[prefix + "position_embed.weight"]?[0] ?? 0
        configuration.attentionScale = .published
        let instrument: Instrument
        switch columns {
        case 1, 3:
            instrument = .gaiaXP
            configuration.tokens = SpectrumTokenizer(section: 1, step: 1, statistics: columns == 3 ? .meanStd : .none)
        case 4...:
            instrument = .lamostLRS
            let overlap = try facts.integer(
                "overlap of sections", attribute: attributes?["slice_overlap"], parameter: "slice_overlap", fits: fits,
                flag: ("--overlap", facts.hints.overlap))
            configuration.tokens = SpectrumTokenizer(
                section: columns - 1, step: max(1, columns - 1 - overlap), statistics: .logStd)
        default: throw problem("\(prefix)data_embed reads \(columns) columns; 1, 3 or more than 3 are published")
        }
        configuration.heads = try facts.integer(
            "attention heads of the \(instrument.title) encoder",
            attribute: module?["blocks"]?["0"]?["attention"]?["num_heads"], parameter: "num_heads", fits: fits,
            flag: ("--heads", facts.hints.heads))
        guard configuration.heads >= 1, width % configuration.heads == 0 else {
            throw problem("\(configuration.heads) heads do not divide the encoder's width \(width); give --heads")
        }
        let runs = columns > 3 ? 10.0 : 20.0
        configuration.mask.chunks = Int(
            facts.trainingNumber(
                "masked runs", attribute: attributes?["mask_num_chunks"], parameter: "mask_num_chunks", fits: fits,
                published: 6))
        configuration.mask.width = Int(
            facts.trainingNumber(
                "tokens of a masked run", attribute: attributes?["mask_chunk_width"], parameter: "mask_chunk_width",
                fits: fits, published: runs))
        configuration.dropout = facts.trainingNumber(
            "dropout of the encoder", attribute: attributes?["dropout"], parameter: "dropout", fits: fits, published: 0)
        return (instrument, .maskedTransformer(configuration))
    }

    private mutating func autoEncoder(
        _ prefix: String, columns: Int, hidden: Int, _ module: PickleValue?
    ) throws -> (Instrument, EncoderConfiguration) {
        guard let (instrument, statistics) = Self.vectors[columns] else {
            let known = Self.vectors.map { "\($0.key) (\($0.value.0.title))" }.sorted().joined(separator: " or ")
            throw problem("\(prefix)input_proj reads \(columns) numbers; published encoders read \(known)")
        }
        let bottleneck = shapes[prefix + "bottleneck_down.weight"]?[0] ?? 0
        let attributes = module?["_hparams"]
        func fits(_ values: PickleValue) -> Bool { values["hidden_dim"]?.int == hidden }
        var configuration = AutoEncoderConfiguration()
        configuration.hidden = hidden
        configuration.bottleneck = bottleneck
        configuration.encoderBlocks = count(prefix + "encoder_blocks.", ".norm.weight")
        configuration.decoderBlocks = count(prefix + "decoder_blocks.", ".norm.weight")
        let inner =
            (shapes[prefix + "encoder_blocks.0.mlp.0.weight"] ?? shapes[prefix + "decoder_blocks.0.mlp.0.weight"])?[0]
        configuration.expansion = max(1, (inner ?? 3 * hidden) / max(1, hidden))
        configuration.statistics = statistics
        configuration.dropout = facts.trainingNumber(
            "dropout of the encoder", attribute: attributes?["dropout"], parameter: "dropout", fits: fits, published: 0)
        configuration.mask = facts.pixelMask(attributes: attributes, fits: fits, on: instrument)
        return (instrument, .autoEncoder(configuration))
    }

    /// Numbers an auto-encoder reads: pixels and statistics of the instrument.
    private static let vectors: [Int: (Instrument, SpectrumStatistics)] = [
        Instrument.gaiaXP.grid.count + 2: (.gaiaXP, .meanStd),
        Instrument.lamostLRS.grid.count + 1: (.lamostLRS, .logStd),
    ]

    // MARK: - Heads and decoders

    private mutating func projection(
        _ prefix: String, head: PickleValue?
    ) throws -> (configuration: ProjectionConfiguration, shared: Int, own: Int?) {
        if shapes.keys.contains(where: { $0.hasPrefix(prefix + "shared_") }) {
            var shared = try part(prefix, "shared_", head)
            let own = try part(prefix, "private_", head)
            guard shared.configuration.kind == own.configuration.kind else {
                throw problem("\(prefix): the shared and the private head are of different kinds")
            }
            // What follows from the shared part by the published rule stays unsaid.
            if own.configuration.kind == .crossAttention,
                own.configuration.heads != max(1, shared.configuration.heads / 2)
            {
                shared.configuration.privateHeads = own.configuration.heads
            }
            if own.configuration.kind == .mlp, own.configuration.hidden != shared.configuration.hidden {
                shared.configuration.privateHidden = own.configuration.hidden
            }
            return (shared.configuration, shared.width, own.width)
        }
        let only = try part(prefix, "", head)
        return (only.configuration, only.width, nil)
    }

    /// A head, or one of the two of a split one.
    private mutating func part(
        _ prefix: String, _ part: String, _ head: PickleValue?
    ) throws -> (configuration: ProjectionConfiguration, width: Int) {
        let attention = part.isEmpty ? "cross_attention" : part + "attention"
        let dropout = facts.trainingNumber(
            "dropout of the head \(prefix)\(part)", attribute: head?[part + "mlp"]?["dropout"], parameter: nil,
            published: 0.1)
        if let query = shapes["\(prefix)\(attention).query"], let width = query.last {
            let flag =
                part == "private_" ? facts.hints.projectionHeads.map { max(1, $0 / 2) } : facts.hints.projectionHeads
            let heads = try facts.integer(
                "attention heads of \(prefix)\(attention)",
                attribute: head?[attention]?["multihead_attn"]?["num_heads"], parameter: nil,
                flag: ("--projection-heads", flag))
            guard heads >= 1, width % heads == 0 else {
                throw problem("\(heads) heads do not divide the embedding's \(width); give --projection-heads")
            }
            return (ProjectionConfiguration(kind: .crossAttention, heads: heads, dropout: dropout), width)
        }
        guard let weight = shapes["\(prefix)\(part)projection.weight"], weight.count == 2,
            let hidden = shapes["\(prefix)\(part)feature_mlp.0.weight"]?.first
        else { throw problem("\(prefix)\(part) is neither a cross-attention nor an MLP head") }
        return (ProjectionConfiguration(kind: .mlp, hidden: hidden, dropout: dropout), weight[0])
    }

    private mutating func decoder(_ prefix: String) throws -> DecoderConfiguration? {
        if shapes[prefix + "shared_proj.weight"] != nil { return .split }
        guard shapes[prefix + "decoder.0.weight"] != nil else { return nil }
        var hidden: [Int] = []
        // Linear, GELU, batch norm, dropout: four layers to the next linear one; the last of them gives the spectrum.
        while shapes["\(prefix)decoder.\(4 * hidden.count + 4).weight"] != nil {
            guard let width = shapes["\(prefix)decoder.\(4 * hidden.count).weight"]?.first else { break }
            hidden.append(width)
        }
        return DecoderConfiguration(hidden: hidden)
    }

    // MARK: - Helpers

    /// How many numbered members a list has: `blocks.0.ln1.weight`, `blocks.1.ln1.weight`, ….
    private func count(_ prefix: String, _ suffix: String) -> Int {
        var count = 0
        while shapes["\(prefix)\(count)\(suffix)"] != nil { count += 1 }
        return count
    }

    private func problem(_ text: String) -> Diagnostic { Diagnostic(path, problem: text) }
}
