import Foundation
import GoldenNumbers
import Instruments
import Support
import Testing
import Torch
import Training
@testable import PublishedModels
@testable import SpecCLIP

/// A run that the published program's Trainer began.
@Suite(.enabled(if: Goldens.arePresent, "\(Goldens.absence)"))
struct LightningRunGoldenTests {
    private let run: LightningRun
    private let encoder: MaskedTransformer

    init() throws {
        let url = Goldens.file("train/lrs_mt_small_trainerfit_pl195.ckpt")
        run = try LightningRun(contentsOf: url)
        let model = try PublishedModel.read(url).model
        encoder = try #require(try model.branch(.lamostLRS).backbone as? MaskedTransformer)
    }

    private func options() -> TrainingOptions {
        var options = TrainingOptions()
        (options.length, options.warmup, options.learningRate) = (.steps(20), 2, 1e-3)
        return options
    }

    @Test func whatTheCheckpointSaysIsTakenOver() throws {
        #expect(run.step == 15)
        #expect(run.moments.count == 3 * encoder.parameters().count)
        #expect(run.moments.filter { $0.0.hasSuffix(".step") }.allSatisfy { $0.1.item() == 15 })
        let notes = try run.check(encoder, against: options())
        #expect(!notes.contains { $0.contains("schedule") || $0.contains("learningRate") }, "\(notes)")
        // Rates go on where Lightning's scheduler stood: its last one was for the step after those done.
        let schedule = WarmupCosine(base: 1e-3, warmup: 2, total: 20)
        #expect(abs(schedule.rate(step: 15) - 0.0001786061951567303) < 1e-15)
        var other = options()
        other.warmup = 3
        #expect(try run.check(encoder, against: other).contains { $0.contains("warmup was 2.0 there") })
        let narrow = MaskedTransformer(MaskedTransformerConfiguration(), pixels: 1462)
        #expect(throws: Diagnostic.self) { try run.check(narrow, against: options()) }
    }

    /// The next step is AdamW's (Loshchilov & Hutter 2019) from the moments in the file, worked out here number by number.
    @Test func theNextStepFollowsFromTheMoments() throws {
        try encoder.load(Dictionary(uniqueKeysWithValues: run.weights), strict: true)
        let optimizer = AdamW(
            parameters: encoder.parameters(), learningRate: 1e-3, betas: (0.9, 0.95), weightDecay: 0.1)
        try optimizer.load(state: Dictionary(uniqueKeysWithValues: run.moments))
        let moments = Dictionary(uniqueKeysWithValues: run.moments)
        let before = encoder.parameters().map { ($0.path, $0.parameter.value.detached().doubles()) }
        for (_, parameter) in encoder.parameters() {
            let index = Tensor.arange(parameter.value.count).to(.float32).reshaped(parameter.shape)
            parameter.gradient = (index * 0.37).sin() * 0.01
        }
        optimizer.step()
        let (t, rate, decay) = (16.0, 1e-3, 0.1)
        for ((path, old), (_, parameter)) in zip(before, encoder.parameters()) {
            let (mean, square) = (try #require(moments[path + ".exp_avg"]), try #require(moments[path + ".exp_avg_sq"]))
            let (m, v, new) = (mean.doubles(), square.doubles(), parameter.value.detached().doubles())
            var worst = 0.0
            for i in old.indices {
                let g = Double(Float(sin(Double(Float(i) * 0.37))) * 0.01)
                let first = (0.9 * m[i] + 0.1 * g) / (1 - pow(0.9, t))
                let second = (0.95 * v[i] + 0.05 * g * g) / (1 - pow(0.95, t))
                let expected = old[i] * (1 - rate * decay) - rate * first / (second.squareRoot() + 1e-8)
                worst = max(worst, abs(new[i] - expected))
            }
            #expect(worst < 2e-6, "\(path)")
        }
    }

    @Test func filesWithoutAnOptimiserAreRefused() {
        #expect(throws: Diagnostic.self) { try LightningRun(contentsOf: Goldens.file("models/lrs_mt_small.ckpt")) }
    }
}
