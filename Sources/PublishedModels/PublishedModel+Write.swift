import Foundation
import SpecCLIP
import Support
import Torch

extension PublishedModel {
    /// Writes a checkpoint that PyTorch reads (`torch.load(…, weights_only=True)`): `state_dict` with the published names,
    /// the published `hyper_parameters`, and our description, from which `read` makes the same model again.
    /// - Returns: what the published program could not use, a line each.
    @discardableResult
    public static func write(_ model: SpecCLIPModel, to url: URL) throws -> [String] {
        let description = model.descriptionOfModel
        let names = PublishedNames(description)
        let state = try model.stateDictionary().map { path, tensor -> (String, Tensor) in
            guard let name = names.published(path) else {
                throw Diagnostic(url.path, problem: "cannot be written: '\(path)' has no published name")
            }
            return (name, tensor)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let text = String(decoding: try encoder.encode(description), as: UTF8.self)
        let provenance = description.provenance
        let entries: [(String, PickleValue)] = [
            ("epoch", .integer(Int(provenance["epoch"] ?? "") ?? 0)),
            ("global_step", .integer(Int(provenance["global_step"] ?? "") ?? 0)),
            ("pytorch-lightning_version", .string(provenance["lightning"] ?? "1.9.5")),
            ("hparams_name", .string("kwargs")),
            ("hyper_parameters", .dictionary(hyperparameters(description))),
            (descriptionKey, .string(text)),
        ]
        try PyTorchFile.write(stateDictionary: state, entries: entries, to: url)
        return description.branches.compactMap { branch in
            branch.encoder.unpublished.map {
                "\(branch.instrument.name): \($0); the published classes cannot rebuild it"
            }
        }
    }

    /// The arguments of the published classes: of the encoder itself, or per instrument.
    private static func hyperparameters(_ description: ModelDescription) -> PickleDictionary {
        if description.embedding == nil, let branch = description.branches.first {
            return branch.encoder.publishedArguments(pixels: branch.instrument.grid.count)
        }
        let entries = description.branches.map { branch -> (key: PickleValue, value: PickleValue) in
            let arguments = branch.encoder.publishedArguments(pixels: branch.instrument.grid.count)
            return (.string("\(branch.instrument.embeddingKey)_backbone"), .dictionary(arguments))
        }
        return PickleDictionary(entries)
    }
}

extension EncoderConfiguration {
    /// The arguments of the published class (reference, sections 3 to 6).
    func publishedArguments(pixels: Int) -> PickleDictionary {
        func number(_ value: Int) -> PickleValue { .integer(value) }
        let entries: [(String, PickleValue)] =
            switch sizes {
            case let sizes as MaskedTransformerConfiguration:
                [
                    ("input_dim", number(sizes.tokens.section == 1 ? 1 : sizes.tokens.width)),
                    ("embed_dim", number(sizes.width)), ("num_layers", number(sizes.layers)),
                    ("num_heads", number(sizes.heads)), ("max_len", number(sizes.maxTokens)),
                    ("mask_num_chunks", number(sizes.mask.chunks)), ("mask_chunk_width", number(sizes.mask.width)),
                    ("slice_section_length", number(sizes.tokens.section)),
                    ("slice_overlap", number(sizes.tokens.section - sizes.tokens.step)),
                    ("dropout", .double(sizes.dropout)), ("norm_first", .bool(false)),
                ] + (sizes.tokens.section == 1 ? [("include_stats", .bool(sizes.tokens.statistics != .none))] : [])
            case let sizes as AutoEncoderConfiguration:
                [
                    ("input_dim", number(1)), ("seq_len", number(pixels)), ("hidden_dim", number(sizes.hidden)),
                    ("bottleneck_dim", number(sizes.bottleneck)), ("num_encoder_blocks", number(sizes.encoderBlocks)),
                    ("num_decoder_blocks", number(sizes.decoderBlocks)), ("expansion_factor", number(sizes.expansion)),
                    ("use_masking", .bool(sizes.mask != nil)), ("dropout", .double(sizes.dropout)),
                ]
                    + (sizes.mask.map { mask in
                        [
                            ("mask_num_chunks", number(mask.chunks)), ("mask_chunk_width", number(mask.width)),
                            ("mask_ratio", .double(mask.ratio)),
                        ]
                    } ?? [])
            default: []
            }
        return PickleDictionary(entries.map { (.string($0), $1) })
    }

    /// What no published class can do; `nil` when all can be rebuilt there.
    var unpublished: String? {
        switch sizes {
        case let sizes as MaskedTransformerConfiguration where sizes.attentionScale == .standard:
            "attention logits are scaled once here, twice in the published code"
        case let sizes as MaskedTransformerConfiguration where sizes.tokens.statistics == .asinhMeanStd:
            "statistics are compressed by asinh"
        case let sizes as AutoEncoderConfiguration where sizes.statistics == .asinhMeanStd:
            "statistics are compressed by asinh"
        case is MaskedTransformerConfiguration, is AutoEncoderConfiguration: nil
        default: "no published class is a \(type(of: sizes).kind)"
        }
    }
}
