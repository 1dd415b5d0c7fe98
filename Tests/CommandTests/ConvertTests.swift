import Foundation
import Instruments
import PublishedModels
import SpecCLIP
import Tables
import TestFiles
import Testing
import Torch

/// `specclip convert`, and the commands of every day on what it makes.
@Suite(.serialized) struct ConvertTests {
    private let folder: TemporaryFolder
    private let fixture: Fixture

    init() throws {
        folder = try TemporaryFolder()
        fixture = try Fixture.shared.get()
    }

    /// A small model of the published make as its own program would write it: names and tensors, no description.
    private func checkpoint(own: Int? = nil, decoders: Bool = true) throws -> (path: String, model: SpecCLIPModel) {
        var transformer = MaskedTransformerConfiguration()
        (transformer.width, transformer.layers, transformer.heads) = (12, 1, 3)
        var latent = AutoEncoderConfiguration()
        (latent.hidden, latent.bottleneck) = (10, 12)
        let (decoder, cross) = (
            decoders ? (own == nil ? DecoderConfiguration(hidden: [9]) : .split) : nil,
            decoders ? DecoderConfiguration(hidden: [8]) : nil
        )
        let branches = [
            BranchDescription(
                instrument: .gaiaXP, encoder: .autoEncoder(latent),
                projection: ProjectionConfiguration(kind: .mlp, hidden: 14), decoder: decoder, crossDecoder: cross),
            BranchDescription(
                instrument: .lamostLRS, encoder: .maskedTransformer(transformer),
                projection: ProjectionConfiguration(kind: .crossAttention, heads: 4), decoder: decoder,
                crossDecoder: cross, reconstruction: .standardised),
        ]
        Generator.seed(3)
        let model = SpecCLIPModel(ModelDescription(embedding: 16, privateEmbedding: own, branches: branches))
        model.evaluate()
        let names = PublishedNames(model.descriptionOfModel)
        let state = model.stateDictionary().compactMap { entry in names.published(entry.0).map { ($0, entry.1) } }
        let path = folder.path("published.ckpt")
        try PyTorchFile.write(stateDictionary: state, to: URL(fileURLWithPath: path))
        return (path, model)
    }

    private let flags = ["--heads", "3", "--projection-heads", "4", "--overlap", "10"]

    @Test(arguments: [nil, 8]) func convertedModelsAreUsedLikeAnyOther(own: Int?) throws {
        let (published, model) = try checkpoint(own: own)
        let file = folder.path("model.safetensors")
        let converted = try Tool.run(["convert", published, file] + flags)
        #expect(converted.code == 0 && converted.output == file + "\n", "\(converted.errors)")
        #expect(converted.errors.contains("attention heads of the LAMOST LRS encoder: 3 (from --heads)"))

        let embeddings = folder.path("e.npz")
        let embed = try Tool.run(["embed", "-m", file, fixture.xp, "--instrument", "gaia-xp", "-o", embeddings])
        #expect(embed.code == 0, "\(embed.errors)")
        let prepared = folder.path("x.npz")
        #expect(try Tool.run(["prepare", fixture.xp, "--instrument", "gaia-xp", "-o", prepared]).code == 0)
        let flux = try #require(try NPZ.read(URL(fileURLWithPath: prepared))["flux"]?.floats)
        let expected = try withoutGradient { try model.embed(Tensor(flux, shape: [1, 343]), from: .gaiaXP).floats() }
        let found = try #require(try NPZ.read(URL(fileURLWithPath: embeddings))["gaia_xp"]?.floats)
        #expect(found.count == 16 + (own ?? 0) && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 })

        let translated = folder.path("t.npz")
        let translate = try Tool.run(
            ["translate", "-m", file, fixture.xp, "--instrument", "gaia-xp", "--to", "lamost-lrs", "-o", translated])
        #expect(translate.code == 0, "\(translate.errors)")
        let search = try Tool.run(
            ["search", "-m", file, fixture.xp, "--instrument", "gaia-xp", "--in", fixture.pairs, "--top", "3"])
        #expect(search.code == 0, "\(search.errors)")
        let predict = try Tool.run(["predict", "-m", file, fixture.xp])
        #expect(predict.code == 1 && predict.errorLines.count == 1 && predict.errors.contains("no label heads"))
        let info = try Tool.run(["model", "info", file])
        #expect(info.code == 0 && info.output.contains("published attention") && info.output.contains("sections of 20"))
        for line in info.output.split(separator: "\n") where !line.contains(folder.url.path) {
            #expect(line.count <= 80, "\(line)")
        }

        // Back to PyTorch and in again: the same file.
        let back = folder.path("back.ckpt")
        #expect(try Tool.run(["convert", file, back]).code == 0)
        let again = folder.path("again.safetensors")
        #expect(try Tool.run(["convert", back, again]).code == 0)
        let (first, second) = (
            try SafetensorsFile(contentsOf: URL(fileURLWithPath: file)),
            try SafetensorsFile(contentsOf: URL(fileURLWithPath: again))
        )
        #expect(first.metadata == second.metadata && first.names == second.names)
        for name in first.names { #expect(try first.tensor(name).doubles() == second.tensor(name).doubles()) }
    }

    @Test func modelsWithoutDecodersSaySo() throws {
        let (published, _) = try checkpoint(decoders: false)
        let file = folder.path("model.safetensors")
        #expect(try Tool.run(["convert", published, file] + flags).code == 0)
        let translate = try Tool.run(
            [
                "translate", "-m", file, fixture.xp, "--instrument", "gaia-xp", "--to", "lamost-lrs", "-o",
                folder.path("t.npz"),
            ])
        #expect(translate.code == 1 && translate.errorLines.count == 1 && translate.errors.contains("decoder"))
    }

    @Test func wrongFilesAndFlagsAreOneClearLine() throws {
        let (published, _) = try checkpoint()
        func problem(_ arguments: [String]) throws -> String {
            let outcome = try Tool.run(["convert"] + arguments)
            #expect(outcome.code == 1 && outcome.output.isEmpty && outcome.errorLines.count == 1, "\(outcome.errors)")
            return outcome.errors
        }
        let out = folder.path("out.safetensors")
        #expect(try problem([published, out]).contains("give --"))
        #expect(try problem([fixture.xp, out]).contains("no PyTorch checkpoint"))
        #expect(try problem([fixture.model, out]).contains("safetensors"))
        #expect(try problem([published, folder.path("out.onnx")]).contains("no format of this command"))
        #expect(try problem([published, published] + ["--force"]).contains("is the input itself"))
        #expect(try problem([folder.path("none.ckpt"), out]).contains("does not exist"))
        #expect(try problem([published, out] + flags + ["--backbone", fixture.xp]).contains("no PyTorch checkpoint"))
        #expect(!folder.contents.contains("out.safetensors"))
        try Data("precious".utf8).write(to: URL(fileURLWithPath: out))
        #expect(try problem([published, out] + flags).contains("exists already"))
        let usage = try Tool.run(["convert", published, out, "--heads", "0"])
        #expect(usage.code == 2)
    }
}
