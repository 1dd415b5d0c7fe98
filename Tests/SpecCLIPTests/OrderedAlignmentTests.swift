import Spectra
import Testing
import Torch
import Training

@testable import SpecCLIP

/// Embeddings that are ordered by use: `objective: clip-ordered`.
@Suite(.serialized) struct OrderedAlignmentTests {
    private func model(_ width: Int) -> SpecCLIPModel {
        var latent = AutoEncoderConfiguration()
        (latent.hidden, latent.bottleneck) = (8, 12)
        func branch(_ instrument: Instrument, _ statistics: SpectrumStatistics) -> BranchDescription {
            latent.statistics = statistics
            return BranchDescription(
                instrument: instrument, encoder: .autoEncoder(latent),
                projection: ProjectionConfiguration(kind: .mlp, hidden: 32, dropout: 0),
                decoder: DecoderConfiguration(hidden: [8], dropout: 0),
                crossDecoder: DecoderConfiguration(hidden: [8], dropout: 0))
        }
        return SpecCLIPModel(
            ModelDescription(
                embedding: width, branches: [branch(.gaiaXP, .meanStd), branch(.lamostLRS, .logStd)]))
    }

    /// Features of both instruments that tell the same six numbers, the first of them loudest.
    private func features(_ rows: Int) -> [String: Tensor] {
        let hidden = Tensor.randn([rows, 6]) * Tensor([3, 2, 1.4, 1, 0.7, 0.5] as [Float])
        Generator.seed(100)
        let (a, b) = (Tensor.randn([6, 12]), Tensor.randn([6, 12]))
        return [
            "gaia_xp": hidden.matmul(a).tanh() + Tensor.randn([rows, 12]) * 0.02,
            "lamost_lrs": hidden.matmul(b).tanh() + Tensor.randn([rows, 12]) * 0.02,
        ]
    }

    /// How many of the held-out pairs are found among all by the first numbers of their embeddings.
    private func found(_ model: SpecCLIPModel, _ features: [String: Tensor], width: Int) throws -> Double {
        try withoutGradient {
            func rows(_ instrument: Instrument) throws -> Tensor {
                let branch = try model.branch(instrument)
                let own = try #require(features[instrument.embeddingKey])
                return unit(branch.embed(own).narrow(1, start: 0, length: width))
            }
            let best = try rows(.gaiaXP).matmul(try rows(.lamostLRS).transposed()).argmax(dim: 1)
            return best.eq(Tensor.arange(best.count)).to(.float64).mean().item()
        }
    }

    private func trained(_ kind: AlignmentObjective.Kind) throws -> SpecCLIPModel {
        Generator.seed(4)
        let model = model(32)
        for instrument in model.instruments { try model.branch(instrument).backbone.freeze() }
        var objective = AlignmentObjective(kind)
        (objective.reconstruction, objective.prediction) = (0, 0)
        let learned = model.parameters().filter { $0.parameter.isTrainable }
        let optimizer = AdamW(parameters: learned, learningRate: 3e-3, weightDecay: 0.01)
        Generator.seed(5)
        let data = features(1024)
        for step in 0..<200 {
            let batch = data.mapValues { $0.narrow(0, start: step % 8 * 128, length: 128) }
            optimizer.zeroGradients()
            let flux = ["gaia_xp": Tensor.zeros([128, 343]), "lamost_lrs": Tensor.zeros([128, 1462])]
            objective.losses(model, features: batch, flux: flux)[0].value.backward()
            optimizer.step()
        }
        return model.evaluate()
    }

    @Test func firstNumbersTellMost() throws {
        let (ordered, plain) = (try trained(.clipOrdered), try trained(.clip))
        Generator.seed(9)
        let held = features(256)
        let (own, others) = (try found(ordered, held, width: 4), try found(plain, held, width: 4))
        #expect(own > 1.3 * others, "\(own), \(others) without order")
    }

    @Test func cutModelsUseTheFirstNumbersAlone() throws {
        Generator.seed(3)
        let model = model(16).evaluate()
        let flux = Tensor.rand([5, 343])
        try withoutGradient {
            let whole = try model.embed(flux, from: .gaiaXP)
            model.openWidth = 6
            let cut = try model.embed(flux, from: .gaiaXP)
            #expect(cut.narrow(1, start: 0, length: 6).floats() == whole.narrow(1, start: 0, length: 6).floats())
            #expect(cut.narrow(1, start: 6, length: 10).abs().max().item() == 0)
        }
    }

    @Test func everyLossTrainsAtManyWidths() throws {
        Generator.seed(2)
        #expect(OrderedWidths(upTo: 1).draw().isEmpty)
        for _ in 0..<100 {
            let widths = OrderedWidths(upTo: 12).draw()
            #expect(widths.count == 4 && widths == widths.sorted() && widths.allSatisfy { (1..<12).contains($0) })
        }
        let embedding = Tensor.rand([6, 5]) + 1
        let cut = OrderedWidths(upTo: 5).withCuts(embedding)
        try #require(cut.shape == [12, 5])
        let (whole, again) = (cut.narrow(0, start: 0, length: 6), cut.narrow(0, start: 6, length: 6))
        #expect(whole.floats() == embedding.floats())
        #expect(again.select(1, 0).floats() == embedding.select(1, 0).floats())
        let open = again.gt(0).to(.int64).sum(dims: [1]).ints()
        #expect(open.allSatisfy { (1..<5).contains($0) })
        let model = model(16)
        let flux = ["gaia_xp": Tensor.rand([8, 343]), "lamost_lrs": Tensor.rand([8, 1462])]
        let losses = AlignmentObjective(.clipOrdered).losses(model, features: features(8), flux: flux)
        #expect(losses.map(\.name) == ["loss", "contrast", "reconstruction", "prediction"])
        losses[0].value.backward()
        #expect(losses.allSatisfy { $0.value.item().isFinite })
        var description = model.descriptionOfModel
        #expect(AlignmentObjective(.clipOrdered).problem(aligning: description) == nil)
        description.privateEmbedding = 4
        #expect(AlignmentObjective(.clipOrdered).problem(aligning: description)?.contains("clip-split") == true)
    }
}
