import Foundation
import GoldenNumbers
import Instruments
import Spectra
import Support
import Testing
import Torch
@testable import PublishedModels
@testable import SpecCLIP

/// Checkpoints in and out, without any file from elsewhere.
@Suite(.serialized) struct PublishedModelTests {
    private func scratch() throws -> URL {
        let url = FileManager.default.temporaryDirectory.appending(path: "published-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }

    /// Small models of every published make.
    static let descriptions: [ModelDescription] = {
        var transformer = MaskedTransformerConfiguration()
        (transformer.width, transformer.layers, transformer.heads) = (12, 2, 3)
        var points = transformer
        points.tokens = SpectrumTokenizer(section: 1, step: 1, statistics: .meanStd)
        (points.maxTokens, points.mask) = (350, TokenMask(chunks: 6, width: 20))
        var plain = points
        plain.tokens.statistics = .none
        var latent = AutoEncoderConfiguration()
        (latent.hidden, latent.bottleneck) = (10, 12)
        var optical = latent
        optical.statistics = .logStd
        let (lrs, xp) = (Instrument.lamostLRS, Instrument.gaiaXP)
        let attention = ProjectionConfiguration(kind: .crossAttention, heads: 4)
        let mlp = ProjectionConfiguration(kind: .mlp, hidden: 14)
        func model(
            _ first: EncoderConfiguration, _ a: ProjectionConfiguration, _ second: EncoderConfiguration,
            _ b: ProjectionConfiguration, own: Int? = nil, decoders: Bool
        ) -> ModelDescription {
            let decoder = own == nil ? DecoderConfiguration(hidden: [9, 7]) : .split
            let cross = DecoderConfiguration(hidden: [9])
            return ModelDescription(
                embedding: 16, privateEmbedding: own,
                branches: [
                    BranchDescription(
                        instrument: xp, encoder: first, projection: a, decoder: decoders ? decoder : nil,
                        crossDecoder: decoders ? cross : nil),
                    BranchDescription(
                        instrument: lrs, encoder: second, projection: b, decoder: decoders ? decoder : nil,
                        crossDecoder: decoders ? cross : nil, reconstruction: .standardised),
                ])
        }
        func backbone(_ instrument: Instrument, _ encoder: EncoderConfiguration) -> ModelDescription {
            ModelDescription(embedding: nil, branches: [BranchDescription(instrument: instrument, encoder: encoder)])
        }
        return [
            backbone(lrs, .maskedTransformer(transformer)), backbone(xp, .maskedTransformer(points)),
            backbone(xp, .maskedTransformer(plain)), backbone(xp, .autoEncoder(latent)),
            backbone(lrs, .autoEncoder(optical)),
            model(.autoEncoder(latent), mlp, .maskedTransformer(transformer), attention, decoders: false),
            model(.maskedTransformer(points), attention, .maskedTransformer(transformer), attention, decoders: true),
            model(.autoEncoder(latent), mlp, .autoEncoder(optical), mlp, decoders: true),
            model(.autoEncoder(latent), mlp, .maskedTransformer(transformer), attention, own: 8, decoders: true),
        ]
    }()

    /// Names alone bring every architecture back, with the few facts that only flags can tell.
    @Test(arguments: descriptions) func architectureIsInferred(description: ModelDescription) throws {
        let folder = try scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        Generator.seed(1)
        let model = SpecCLIPModel(description)
        let names = PublishedNames(description)
        let state = try model.stateDictionary().map { (try #require(names.published($0.0)), $0.1) }
        for ((path, _), (name, _)) in zip(model.stateDictionary(), state) { #expect(names.ours(name) == path) }
        let url = folder.appending(path: "a.ckpt")
        try PyTorchFile.write(stateDictionary: state, to: url)
        let hints = PublishedHints(heads: 3, projectionHeads: 4, overlap: 10)
        let read = try PublishedModel.read(url, hints: hints)
        var found = read.model.descriptionOfModel
        found.provenance = [:]
        #expect(found == description)
        for ((a, x), (b, y)) in zip(model.stateDictionary(), read.model.stateDictionary()) {
            #expect(a == b && x.doubles() == y.doubles())
        }
        for branch in description.branches {
            guard branch.encoder.sizes is MaskedTransformerConfiguration else { continue }
            #expect(throws: Diagnostic.self) { try PublishedModel.read(url) }
            #expect(read.notes.contains { $0.contains("from --heads") })
        }
    }

    /// Out and in again: the same description, the same bits; and the same file a second time.
    @Test(arguments: descriptions) func whatIsWrittenIsReadAgain(description: ModelDescription) throws {
        let folder = try scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        Generator.seed(2)
        let model = SpecCLIPModel(description)
        let (first, second) = (folder.appending(path: "1.ckpt"), folder.appending(path: "2.ckpt"))
        #expect(try PublishedModel.write(model, to: first).isEmpty)
        let read = try PublishedModel.read(first)
        #expect(read.model.descriptionOfModel == description)
        try PublishedModel.write(read.model, to: second)
        #expect(try Data(contentsOf: first) == Data(contentsOf: second))
    }

    /// Heads that no flag names come from the checkpoints of the encoders, by their sizes.
    @Test func backboneFilesTellTheHeads() throws {
        let folder = try scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        let (url, lrs, xp) = (
            folder.appending(path: "a.ckpt"), folder.appending(path: "lrs.ckpt"), folder.appending(path: "xp.ckpt")
        )
        let model = SpecCLIPModel(Self.descriptions[5])
        let names = PublishedNames(model.descriptionOfModel)
        try PyTorchFile.write(
            stateDictionary: model.stateDictionary().compactMap { entry in
                names.published(entry.0).map { ($0, entry.1) }
            }, to: url)
        try PublishedModel.write(SpecCLIPModel(Self.descriptions[0]), to: lrs)
        try PublishedModel.write(SpecCLIPModel(Self.descriptions[3]), to: xp)
        let read = try PublishedModel.read(url, hints: PublishedHints(backbones: [xp, lrs], projectionHeads: 4))
        #expect(read.model.descriptionOfModel.branches == Self.descriptions[5].branches)
        #expect(read.notes.contains { $0.contains("3 (from hyper_parameters of lrs.ckpt)") }, "\(read.notes)")
        #expect(throws: Diagnostic.self) {
            try PublishedModel.read(url, hints: PublishedHints(backbones: [xp], projectionHeads: 4))
        }
    }

    /// A LAMOST auto-encoder that was trained with hidden pixels says so in its hyper-parameters, and goes on so here.
    @Test func masksOfAutoEncodersAreTakenOver() throws {
        let folder = try scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appending(path: "a.ckpt")
        var description = Self.descriptions[4]
        var sizes = try #require(description.branches[0].encoder.sizes as? AutoEncoderConfiguration)
        sizes.mask = PixelMask(chunks: 3, width: 15, ratio: 0.2, scale: .published)
        description.branches[0].encoder = .autoEncoder(sizes)
        let model = SpecCLIPModel(description)
        let entries: [(key: PickleValue, value: PickleValue)] = [
            (.string("hidden_dim"), .integer(10)), (.string("use_masking"), .bool(true)),
            (.string("mask_num_chunks"), .integer(3)), (.string("mask_chunk_width"), .integer(15)),
            (.string("mask_ratio"), .double(0.2)),
        ]
        let names = PublishedNames(description)
        try PyTorchFile.write(
            stateDictionary: model.stateDictionary().compactMap { entry in
                names.published(entry.0).map { ($0, entry.1) }
            }, entries: [("hyper_parameters", .dictionary(PickleDictionary(entries)))], to: url)
        #expect(try PublishedModel.read(url).model.descriptionOfModel.branches == description.branches)
    }

    /// `torch.compile`, `DistributedDataParallel`, Lightning and averaged weights put names around those of a model.
    @Test(arguments: [
        ("state_dict", "_orig_mod."), ("model", "module."), ("ema_state_dict", "model."), ("net", "_orig_mod.module."),
        ("model_state_dict", ""),
    ])
    func wrappersAreTakenOff(nest: String, prefix: String) throws {
        let folder = try scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        Generator.seed(3)
        let model = SpecCLIPModel(Self.descriptions[5])
        let names = PublishedNames(model.descriptionOfModel)
        let state = try model.stateDictionary().map { (prefix + (try #require(names.published($0.0))), $0.1) }
        let url = folder.appending(path: "a.ckpt")
        try PyTorchFile.write(stateDictionary: state, under: nest, to: url)
        let read = try PublishedModel.read(url, hints: PublishedHints(heads: 3, projectionHeads: 4, overlap: 10))
        for ((name, tensor), (other, copy)) in zip(model.stateDictionary(), read.model.stateDictionary()) {
            #expect(name == other && tensor.doubles() == copy.doubles())
        }
        #expect(read.notes.contains { $0.contains("stands before all of them") } == !prefix.isEmpty)
        #expect(read.notes.contains { $0.contains("those of '\(nest)'") } == (nest != "state_dict"))
    }

    @Test func whatDoesNotFitIsNamed() throws {
        let folder = try scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appending(path: "a.ckpt")
        let model = SpecCLIPModel(Self.descriptions[5])
        let names = PublishedNames(model.descriptionOfModel)
        let whole = model.stateDictionary().compactMap { entry in names.published(entry.0).map { ($0, entry.1) } }
        func problem(_ state: [(String, Tensor)]) throws -> String {
            try PyTorchFile.write(stateDictionary: state, to: url)
            do {
                _ = try PublishedModel.read(url, hints: PublishedHints(heads: 3, projectionHeads: 4, overlap: 10))
                return "read"
            } catch { return "\(error)" }
        }
        #expect(try problem(whole) == "read")
        #expect(try problem(Array(whole.dropLast())).contains("missing"))
        #expect(try problem(whole + [("stray.weight", Tensor.ones([2]))]).contains("'stray.weight' belongs to no part"))
        #expect(try problem(whole + [("desi_encoder.backbone.x", Tensor.ones([2]))]).contains("no instrument"))
        #expect(try problem([("layer.weight", Tensor.ones([2, 2]))]).contains("neither a masked transformer"))
        let narrow = whole.map { $0.0.hasSuffix("input_proj.weight") ? ($0.0, Tensor.ones([10, 99])) : $0 }
        #expect(try problem(narrow).contains("reads 99 numbers"))
        try PyTorchFile.write(stateDictionary: whole, to: url)
        #expect(throws: Diagnostic.self) {
            try PublishedModel.read(url, hints: PublishedHints(heads: 5, projectionHeads: 4, overlap: 10))
        }
    }

    /// Half precision is widened, and the unused layers of old files are left out with a note.
    @Test func oldAndHalfPrecisionFilesAreRead() throws {
        let folder = try scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appending(path: "a.ckpt")
        let model = SpecCLIPModel(Self.descriptions[1])
        let names = PublishedNames(model.descriptionOfModel)
        let state = model.stateDictionary().compactMap { entry in
            names.published(entry.0).map { ($0, entry.1.to(.float16)) }
        }
        let old = [("conv1d.weight", Tensor.ones([18, 1, 5])), ("conv_head.bias", Tensor.ones([20]))]
        try PyTorchFile.write(stateDictionary: state + old, to: url)
        let read = try PublishedModel.read(url, hints: PublishedHints(heads: 3))
        #expect(read.notes.contains { $0.contains("conv1d.weight") })
        #expect(read.model.stateDictionary().allSatisfy { $0.1.dtype == .float32 })
    }
}

@Suite(.enabled(if: Goldens.arePresent, "\(Goldens.absence)"))
struct PublishedModelGoldenTests {
    @Test(arguments: [
        "models/lrs_mt_small.ckpt", "models/xp_mt_small.ckpt", "models/xp_mt_small_oldkeys.ckpt",
        "models/xp_oae_small.ckpt", "models/lrs_oae_small.ckpt", "train/lrs_mt_small_trainerfit_pl195.ckpt",
        "clip/backbone_lrs_e48.ckpt", "clip/backbone_xpm_e48.ckpt", "clip/backbone_lrs_e768.ckpt.xz",
        "clip/backbone_xpo_e768.ckpt.xz",
    ])
    func backbonesNeedNoFlags(name: String) throws {
        let read = try PublishedModel.read(Goldens.file(name))
        #expect(read.model.descriptionOfModel.embedding == nil)
        #expect(read.model.descriptionOfModel.branches.count == 1)
    }

    @Test(arguments: ["base_e48", "base_e768", "pr_e48", "split_e48"])
    func alignedModelsNeedNoFlags(name: String) throws {
        let read = try PublishedModel.read(Goldens.file("clip/\(name).ckpt.xz"))
        let description = read.model.descriptionOfModel
        #expect(description.instruments == [.gaiaXP, .lamostLRS])
        #expect(description.embedding == (name == "split_e48" ? 512 : 768))
        #expect(description.privateEmbedding == (name == "split_e48" ? 256 : nil))
        #expect((description.branches[0].decoder != nil) == !name.hasPrefix("base"))
        #expect(description.provenance["hyper_parameters.temperature"] == "15.5")
        guard let sizes = description.branches[1].encoder.sizes as? MaskedTransformerConfiguration else {
            Issue.record("no transformer")
            return
        }
        #expect(sizes.heads == (name == "base_e768" ? 6 : 3) && sizes.tokens.step == 10)
        #expect(sizes.attentionScale == .published)
    }

    /// Names, shapes and order of what is written are those of the published file.
    @Test func writtenNamesAreThePublishedOnes() throws {
        let source = Goldens.file("clip/split_e48.ckpt.xz")
        let target = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).ckpt")
        defer { try? FileManager.default.removeItem(at: target) }
        try PublishedModel.write(try PublishedModel.read(source).model, to: target)
        let published = try PyTorchFile(contentsOf: source)
        let written = try PyTorchFile(contentsOf: target)
        let ours = Dictionary(uniqueKeysWithValues: try written.stateDictionary().map { ($0.name, $0.tensor) })
        let theirs = try published.stateDictionary()
        #expect(ours.count == theirs.count)
        for (name, reference) in theirs {
            let own = try #require(ours[name], "\(name)")
            #expect(own.shape == reference.shape && own.dtype == reference.dtype)
            let same = try written.tensor(own).eq(try published.tensor(reference)).all().item()
            #expect(same == 1, "\(name)")
        }
    }
}
