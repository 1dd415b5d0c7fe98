import Foundation
import GoldenNumbers
import Instruments
import Spectra
import Tables
import Testing
import Torch
@testable import PublishedModels
@testable import SpecCLIP

/// Aligned models read from the published program's own checkpoints, in float32, against its float64 results.
@Suite(.serialized, .enabled(if: Goldens.arePresent, "\(Goldens.absence)"))
struct AlignmentGoldenTests {
    private static let (xp, lrs) = (Instrument.gaiaXP, Instrument.lamostLRS)

    @Test(arguments: ["base_e48", "base_e768", "pr_e48", "split_e48"]) func forward(name: String) throws {
        let golden = "clip/\(name).npz"
        let arrays = try Goldens.arrays(golden)
        let model = try PublishedModel.read(Goldens.file("clip/\(name).ckpt.xz")).model
        func truth(_ key: String) throws -> Tensor { try #require(arrays[key], "\(key)").tensor }
        func check(_ key: String, _ values: Tensor) throws {
            let expected = try truth(key + "_f64")
            let error = Goldens.error(golden, key, values.reshaped(expected.shape), expected)
            #expect(error < 2e-5, "\(name) \(key)")
        }
        let flux = [
            "gaia_xp": try truth("gaia_spectra").squeezed(2).to(.float32),
            "lamost_lrs": try truth("lamost_spectra").squeezed(2).to(.float32),
        ]
        let (gaia, lamost) = (try #require(flux["gaia_xp"]), try #require(flux["lamost_lrs"]))
        try withoutGradient {
            let (x, l) = (try model.embed(gaia, from: Self.xp), try model.embed(lamost, from: Self.lrs))
            let first = (gaia.narrow(0, start: 0, length: 1), lamost.narrow(0, start: 0, length: 1))
            let (x1, l1) = (try model.embed(first.0, from: Self.xp), try model.embed(first.1, from: Self.lrs))
            if let own = model.descriptionOfModel.privateEmbedding {
                func ownPart(_ rows: Tensor) -> Tensor { rows.narrow(1, start: 512, length: own) }
                try check("xp_shared", model.shared(x))
                try check("lrs_shared", model.shared(l))
                try check("xp_private", ownPart(x))
                try check("lrs_private", ownPart(l))
                try check("lrs_shared_batch1", model.shared(l1))
                try check("xp_private_batch1", ownPart(x1))
            } else {
                try check("xp_embedding", x)
                try check("lrs_embedding", l)
                try check("xp_embedding_batch1", x1)
                try check("lrs_embedding_batch1", l1)
            }
            let (a, b) = (unit(model.shared(x)), unit(model.shared(l)))
            try check("logits", a.matmul(b.transposed()) * 15.5)
            if name.hasPrefix("pr") || name.hasPrefix("split") {
                try check("xp_recon", try model.translate(x, from: Self.xp, to: Self.xp))
                try check("lrs_recon", try model.translate(l, from: Self.lrs, to: Self.lrs))
                try check("xp_from_lrs", try model.translate(l, from: Self.lrs, to: Self.xp))
                try check("lrs_from_xp", try model.translate(x, from: Self.xp, to: Self.lrs))
            }
            try checkInside(model, gaia, lamost, check, arrays)
            try checkLosses(model, flux, check, arrays)
        }
    }

    /// Features of the encoders and what the learned query reads from them.
    private func checkInside(
        _ model: SpecCLIPModel, _ gaia: Tensor, _ lamost: Tensor, _ check: (String, Tensor) throws -> Void,
        _ arrays: NPZ
    ) throws {
        let branch = try model.branch(Self.lrs)
        let features = branch.backbone(lamost)
        try check("lrs_backbone_embedding_item0", features.select(0, 0))
        try check("xp_backbone", try model.branch(Self.xp).backbone(gaia))
        let isSplit = branch.projection is SplitProjection
        let projection = isSplit ? (branch.projection as? SplitProjection)?.shared : branch.projection
        let head = try #require(projection as? CrossAttentionProjection).crossAttention
        let queries = head.query.value.expanded([features.shape[0], -1, -1])
        let read = head.multiheadAttn(query: queries, key: features, value: features)
        if isSplit {
            try check("lrs_shared_attention", read)
        } else {
            try check("lrs_cross_attention_raw", read)
            try check("lrs_cross_attention_ln", head(features))
        }
    }

    /// Losses by the names the published program logs them under.
    private func checkLosses(
        _ model: SpecCLIPModel, _ flux: [String: Tensor], _ check: (String, Tensor) throws -> Void, _ arrays: NPZ
    ) throws {
        var features: [String: Tensor] = [:]
        for instrument in model.instruments {
            features[instrument.embeddingKey] =
                flux[instrument.embeddingKey].map {
                    try? model.branch(instrument).backbone($0)
                } ?? nil
        }
        let losses = try AlignmentObjective().losses(model, features: features, flux: flux)
        func loss(_ name: String) throws -> Tensor { try #require(losses.first { $0.name == name }?.value) }
        try check("clip_loss", try loss("contrast"))
        try check("total_loss", try loss("loss"))
        let logged = [
            "log.train_loss_withlogit": "contrast", "log.train_loss_reconstruct": "reconstruction",
            "log.train_loss_predict": "prediction", "log.val_loss_withlogit": "loss", "log.val_clip_loss": "contrast",
            "log.val_recon_loss": "reconstruction", "log.val_cross_modal_loss": "prediction",
            "log.val_total_loss": "loss",
        ]
        for (key, name) in logged where arrays[key + "_f64"] != nil { try check(key, try loss(name)) }
    }
}
