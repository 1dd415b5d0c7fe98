import Foundation
import Instruments
import Spectra
import Testing
import Torch
@testable import SpecCLIP

@Suite struct ObjectiveTests {
    private func yaml(_ objective: String, privateEmbedding: String = "", lacking: String = "") -> String {
        func lines(_ text: String) -> String {
            text.split(separator: "\n").filter { lacking.isEmpty || !$0.contains(lacking) }.joined(separator: "\n")
        }
        return lines(
            """
            embedding: 16
            \(privateEmbedding)
            instruments:
              gaia-xp:
                encoder: { kind: auto-encoder, hidden: 24, bottleneck: 12 }
                projection: { kind: mlp, hidden: 20 }
                decoder: { hidden: [20] }
                crossDecoder: { hidden: [20] }
              lamost-lrs:
                encoder: { kind: masked-transformer, width: 24, layers: 1, heads: 2 }
                projection: { kind: cross-attention, heads: 4 }
                decoder: { hidden: [20] }
                crossDecoder: { hidden: [20] }
            align:
              objective: \(objective)
            """)
    }

    @Test(arguments: [
        ("clip", 0.0, 0.0), ("clip-r", 1, 0), ("clip-p", 0, 1), ("clip-pr", 1, 1),
        ("{ kind: clip-r, reconstruction: 0.5 }", 0.5, 0), ("{ prediction: 0 }", 1, 0),
    ])
    func namesAndWeights(text: String, reconstruction: Double, prediction: Double) throws {
        let configuration = try Configuration(yaml: yaml(text), source: "x.yaml")
        let objective = configuration.align.objective
        #expect(objective.reconstruction == reconstruction && objective.prediction == prediction)
        #expect(objective.contrast == 1 && objective.logitScale == 15.5)
        // Decoders that nothing trains are no part of the model.
        for branch in try configuration.alignedModel().branches {
            #expect((branch.decoder != nil) == (reconstruction > 0))
            #expect((branch.crossDecoder != nil) == (prediction > 0))
        }
    }

    /// Pixels that are not there teach no decoder, whatever stands in them.
    @Test func missingPixelsAreNotDrawn() throws {
        let model = SpecCLIPModel(try Configuration(yaml: yaml("clip-pr"), source: "x.yaml").alignedModel())
        model.evaluate()
        let key = Instrument.gaiaXP.embeddingKey
        let (features, flux) = ([key: Tensor.randn([4, 12])], Tensor.randn([4, 343]))
        let valid = Tensor.cat([Tensor.ones([4, 200]), Tensor.zeros([4, 143])], dim: 1)
        func loss(_ flux: Tensor, _ valid: [String: Tensor], _ rows: [Int]? = nil) throws -> Double {
            let views = AlignedViews(model, features: features, flux: [key: flux], valid: valid)
            guard rows == nil else { return views.difference(flux * 0, flux, of: key, rows).item() }
            return try #require(ReconstructionTerm().loss(views)).item()
        }
        let spoilt = flux * valid + (1 - valid) * 1e3
        #expect(try loss(flux, [key: valid]) == loss(spoilt, [key: valid]))
        #expect(try loss(flux, [:]) < loss(spoilt, [:]) / 10)
        let shown = flux.narrow(1, start: 0, length: 200)
        #expect(abs(try loss(flux, [key: valid], [0, 1, 2, 3]) - shown.abs().mean().item()) < 1e-5)
    }

    @Test(arguments: [
        ("clip-rp", "", "", "align.objective: no objective 'clip-rp'; did you mean 'clip-"),
        ("{ kind: clipsplit }", "", "", "align.objective.kind: no objective 'clipsplit'; did you mean 'clip-split'?"),
        ("{ contrast: -1 }", "", "", "align.objective.contrast: -1.0 is no weight"),
        ("clip-split", "", "", "privateEmbedding: is missing"),
        ("clip-p", "privateEmbedding: 8", "", "privateEmbedding: objective clip-p does not reconstruct"),
        ("clip-r", "", " decoder:", "instruments.gaia-xp.decoder: is missing"),
        ("clip-p", "", "crossDecoder:", "instruments.gaia-xp.crossDecoder: is missing"),
        ("clip-split", "privateEmbedding: 7", "", "lamost-lrs.projection.privateHeads"),
    ])
    func whatIsLackingIsNamed(objective: String, own: String, lacking: String, part: String) {
        #expect {
            try Configuration(
                yaml: yaml(objective, privateEmbedding: own, lacking: lacking), source: "x.yaml")
        } throws: { error in
            "\(error)".contains(part) && !"\(error)".contains("\n")
        }
    }

    /// `align --objective`: the name alone changes.
    @Test(arguments: [
        ("{ kind: clip-pr, prediction: 2, contrast: 0.5, logitScale: 10 }", "clip-ordered", [10, 0.5, 1, 2]),
        ("{ kind: clip, temperature: 10 }", "clip-r", [10, 1, 1, 0]), ("clip-pr", "clip", [15.5, 1, 0, 0]),
        ("{ kind: clip-r, reconstruction: 0.25 }", "clip-pr", [15.5, 1, 0.25, 1]),
    ])
    func anotherNameKeepsTheWeights(text: String, name: String, expected: [Double]) throws {
        var configuration = try Configuration(yaml: yaml(text), source: "x.yaml")
        let kind = try #require(AlignmentObjective.Kind(rawValue: name))
        try configuration.replaceObjective(with: kind, source: "x.yaml")
        let found = configuration.align.objective
        #expect(found.kind == kind)
        #expect([found.logitScale, found.contrast, found.reconstruction, found.prediction] == expected)
    }

    @Test(arguments: [
        ("clip-pr", "", "", "clip-split", "x.yaml: privateEmbedding: is missing"),
        ("clip-split", "privateEmbedding: 8", "", "clip-ordered", "orders one embedding"),
        ("clip-split", "privateEmbedding: 8", "", "clip-p", "does not reconstruct"),
        ("clip", "", " decoder:", "clip-r", "instruments.gaia-xp.decoder: is missing"),
    ])
    func anotherNameIsChecked(objective: String, own: String, lacking: String, name: String, part: String) throws {
        var configuration = try Configuration(
            yaml: yaml(objective, privateEmbedding: own, lacking: lacking), source: "x.yaml")
        let kind = try #require(AlignmentObjective.Kind(rawValue: name))
        #expect {
            try configuration.replaceObjective(with: kind, source: "x.yaml")
        } throws: { "\($0)".contains(part) && !"\($0)".contains("\n") }
    }

    /// Three instruments: three contrasts, three reconstructions, six predictions; nothing hard-wires a pair.
    @Test(arguments: [nil, 8]) func threeInstrumentsSumTheirPairs(own: Int?) throws {
        var configuration = try Configuration(
            yaml: yaml("clip-pr", privateEmbedding: own.map { "privateEmbedding: \($0)" } ?? ""), source: "x.yaml")
        var description = try configuration.alignedModel()
        var third = description.branches[0]
        third.instrument.name = "third"
        third.instrument.embeddingKey = "third"
        if own != nil { third.decoder = .split }
        description.branches.append(third)
        #expect(description.problem == nil)
        configuration.seed = 1
        Generator.seed(1)
        let model = SpecCLIPModel(description)
        for instrument in model.instruments { try model.branch(instrument).backbone.freeze() }
        model.evaluate()
        var (flux, features): ([String: Tensor], [String: Tensor]) = ([:], [:])
        for instrument in model.instruments {
            let spectra = Tensor.rand([4, instrument.grid.count])
            flux[instrument.embeddingKey] = spectra
            features[instrument.embeddingKey] = try withoutGradient { try model.branch(instrument).backbone(spectra) }
        }
        let objective = AlignmentObjective()
        let losses = try objective.losses(model, features: features, flux: flux)
        #expect(losses.map(\.name) == ["loss", "contrast", "reconstruction", "prediction"])

        var (contrast, prediction) = (0.0, 0.0)
        let whole = try model.instruments.map { try model.embed(try #require(flux[$0.embeddingKey]), from: $0) }
        for (i, a) in model.instruments.enumerated() {
            #expect(whole[i].shape == [4, 16 + (own ?? 0)])
            for (j, b) in model.instruments.enumerated() where j != i {
                let (mine, theirs) = (model.shared(whole[i]), model.shared(whole[j]))
                if j > i { contrast += contrastiveLoss(mine, theirs, logitScale: 15.5).item() }
                let predicted = try model.translate(whole[j], from: b, to: a)
                prediction += Loss.l1(predicted, try #require(flux[a.embeddingKey])).item()
            }
        }
        #expect(abs(losses[1].value.item() - contrast) < 1e-4)
        #expect(abs(losses[3].value.item() - prediction) < 1e-4)

        losses[0].value.backward()
        for (path, parameter) in model.parameters() {
            let hasGradient = (parameter.gradient?.abs().max().item() ?? 0) > 0
            // A key's bias shifts all logits of a query alike: the sum of its gradients is 0 up to rounding.
            #expect(path.contains(".backbone.") ? parameter.gradient == nil : hasGradient, "\(path)")
        }
    }
}
