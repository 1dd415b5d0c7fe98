import Foundation
import GoldenNumbers
import Tables
import Testing
import Torch
@testable import PublishedModels
@testable import SpecCLIP

/// Encoders read from the published program's own checkpoints, in float32, against its float64 results.
@Suite(.enabled(if: Goldens.arePresent, "\(Goldens.absence)"))
struct EncoderGoldenTests {
    /// The encoder of a backbone checkpoint.
    private func encoder<Kind: Encoder>(_ name: String, as kind: Kind.Type) throws -> Kind {
        let model = try PublishedModel.read(Goldens.file("models/\(name).ckpt")).model
        return try #require(try model.branch(model.instruments[0]).backbone as? Kind)
    }

    private struct Numbers {
        let name: String
        let arrays: NPZ

        init(_ name: String) throws {
            self.name = "models/\(name).npz"
            arrays = try Goldens.arrays(self.name)
        }

        func callAsFunction(_ key: String) throws -> Tensor { try #require(arrays[key], "\(key)").tensor }

        func check(_ key: String, _ values: Tensor, within tolerance: Double = 2e-5) throws {
            let error = Goldens.error(name, key, values, try self(key + "_f64"))
            #expect(error < tolerance, "\(name) \(key)")
        }

        /// Gradients of a loss with respect to every parameter.
        func checkGradients(_ loss: Tensor, of model: Module) throws {
            model.zeroGradients()
            loss.backward()
            var checked = 0
            for (path, parameter) in model.parameters() {
                guard arrays["grad.\(path)_f64"] != nil else { continue }
                try check("grad.\(path)", try #require(parameter.gradient, "\(path)"), within: 1e-4)
                checked += 1
            }
            #expect(checked == arrays.names.count { $0.hasPrefix("grad.") && $0.hasSuffix("_f64") } && checked > 10)
        }
    }

    @Test(arguments: [
        ("lrs_mt_small", "lrs_mt_small"), ("xp_mt_small", "xp_mt_small"), ("xp_mt_small_oldkeys", "xp_mt_small"),
    ])
    func maskedTransformers(checkpoint: String, numbers: String) throws {
        let numbers = try Numbers(numbers)
        let encoder = try encoder(checkpoint, as: MaskedTransformer.self)
        let flux = try numbers("input").squeezed(2).to(.float32)
        let tokens = encoder.tokens(flux)
        try numbers.check("tokens", tokens)
        let embedding = withoutGradient { encoder(flux) }
        try numbers.check("embedding", embedding)
        try numbers.check("reconstructions", encoder.reconstruct(embedding))
        let one = withoutGradient { encoder(flux.narrow(0, start: 0, length: 1)) }
        try numbers.check("batch1_embedding", one)
        try numbers.check("batch1_reconstructions", encoder.reconstruct(one))
        try checkActivations(encoder, tokens.narrow(0, start: 0, length: 1), numbers)

        let hidden = try numbers("mask").gt(0.5)
        let visible = tokens.maskedFill(hidden.unsqueezed(2), 0)
        try numbers.check("masked_tokens", visible)
        try numbers.check("masked_reconstructions", encoder.reconstruct(encoder.encode(visible)))
        let loss = encoder.maskedLoss(tokens, hidden: hidden)
        try numbers.check("masked_loss", loss)
        try numbers.checkGradients(loss, of: encoder)
    }

    /// What each layer gives for the first spectrum.
    private func checkActivations(_ encoder: MaskedTransformer, _ tokens: Tensor, _ numbers: Numbers) throws {
        let positions = encoder.positionEmbed.weight.value.narrow(0, start: 0, length: tokens.shape[1])
        let embedded = encoder.dataEmbed(tokens)
        let block = encoder.blocks[0]
        let start = embedded + positions
        let n1 = block.ln1(start)
        let attended = block.attention(n1)
        let n2 = block.ln2(start + attended)
        let first = block(start)
        let layers: [(String, Tensor)] = [
            ("data_embed", embedded), ("blocks.0.ln1", n1), ("blocks.0.attention", attended), ("blocks.0.ln2", n2),
            ("blocks.0.mlp", block.mlp(n2)), ("blocks.0", first), ("blocks.1", encoder.blocks[1](first)),
            ("final_layernorm", encoder.encode(tokens)),
        ]
        let present = layers.filter { numbers.arrays["act.\($0.0)_f64"] != nil }
        for (name, value) in present { try numbers.check("act." + name, value) }
        #expect(present.count == numbers.arrays.names.count { $0.hasPrefix("act.") && $0.hasSuffix("_f64") })
    }

    @Test(arguments: ["xp_oae_small", "lrs_oae_small"]) func autoEncoders(name: String) throws {
        let numbers = try Numbers(name)
        let encoder = try encoder(name, as: SpectralAutoEncoder.self)
        let flux = try numbers("input").squeezed(2).to(.float32)
        let vector = encoder.vector(flux)
        try numbers.check("tokens", vector)
        let latent = encoder(flux)
        try numbers.check("latent", latent)
        let read = encoder.reconstruct(latent)
        try numbers.check("reconstructions", read)
        let one = encoder(flux.narrow(0, start: 0, length: 1))
        try numbers.check("batch1_latent", one)
        try numbers.check("batch1_reconstructions", encoder.reconstruct(one))
        try checkActivations(encoder, vector.narrow(0, start: 0, length: 1), numbers)
        // These checkpoints were made without masking: the mask is empty and the loss is over all numbers.
        #expect(try numbers("mask").sum().item() == 0)
        try numbers.check("masked_tokens", vector)
        try numbers.check("masked_reconstructions", read)
        let loss = try encoder.pretrainingLoss(flux)
        try numbers.check("masked_loss", loss)
        try numbers.checkGradients(loss, of: encoder)
    }

    private func checkActivations(_ encoder: SpectralAutoEncoder, _ vector: Tensor, _ numbers: Numbers) throws {
        let input = encoder.inputProj(vector)
        let (norm0, down) = (encoder.encoderBlocks[0].norm(input), encoder.encoderBlocks.reduce(input) { $1($0) })
        let latent = encoder.encode(vector)
        let up = encoder.bottleneckUp(latent)
        let first = encoder.encoderBlocks[0](input)
        let layers: [(String, Tensor)] = [
            ("input_proj", input), ("encoder_blocks.0.norm", norm0), ("encoder_blocks.0", first),
            ("encoder_blocks.1", down), ("bottleneck_down", encoder.bottleneckDown(down)), ("bottleneck_norm", latent),
            ("bottleneck_up", up), ("decoder_blocks.0", encoder.decoderBlocks[0](up)),
            ("decoder_blocks.1", encoder.decoderBlocks.reduce(up) { $1($0) }),
            ("output_proj", encoder.reconstruct(latent)),
        ]
        let present = layers.filter { numbers.arrays["act.\($0.0)_f64"] != nil }
        for (name, value) in present { try numbers.check("act." + name, value) }
        #expect(present.count == numbers.arrays.names.count { $0.hasPrefix("act.") && $0.hasSuffix("_f64") })
    }

    /// The path of the published attention that gives weights scales logits once, so that it is another attention than
    /// the model's (quirk Q2): the standard scale here.
    @Test func attentionScales() throws {
        let name = "models/lrs_mt_small_attnweights.npz"
        let arrays = try Goldens.arrays(name)
        let encoder = try encoder("lrs_mt_small", as: MaskedTransformer.self)
        let input = try #require(arrays["block0_input"]).tensor.to(.float32)
        let trained = encoder.blocks[0]
        let standard = TransformerBlock(width: 48, heads: 3, scale: .standard, dropout: 0)
        try standard.load(Dictionary(uniqueKeysWithValues: trained.stateDictionary()), strict: true)
        for (block, key) in [(trained, "block0_out_flash_path"), (standard, "block0_out_weights_path")] {
            let error = Goldens.error(name, key, block(input), try #require(arrays[key]).tensor)
            #expect(error < 2e-5, "\(key)")
        }
        let first = standard.ln1(input.narrow(0, start: 0, length: 1))
        let error = Goldens.error(
            name, "attn_weights", standard.attention.weights(first), try #require(arrays["attn_weights"]).tensor)
        #expect(error < 2e-5)
        let sums = trained.attention.weights(input).sum(dims: [-1])
        #expect((sums - 1).abs().max().item() < 1e-5)
    }
}
