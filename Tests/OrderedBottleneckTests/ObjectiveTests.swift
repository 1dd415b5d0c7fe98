import Foundation
import LearnedResults
import Support
import Testing
import Torch
@testable import OrderedBottleneck

@Suite(.serialized) struct ObjectiveTests {
    private func model(_ width: Int = 6, features: Int = 10) -> OrderedAutoencoder {
        Generator.seed(11)
        return NetworkConfiguration.dense(hidden: [16], activation: .tanh)
            .makeAutoencoder(shape: [features], width: width)
    }

    private func gradients(_ model: OrderedAutoencoder, _ x: Tensor, rowsAtOnce: Int, _ objective: OrderedObjective)
        throws -> (loss: Double, gradients: [[Double]])
    {
        let task = OrderedTask(model, objective: objective, training: x, validation: x, rowsAtOnce: rowsAtOnce)
        task.model.train()
        task.model.zeroGradients()
        let loss = try task.losses(x)[0].value
        loss.backward()
        return (loss.item(), model.parameters().map { $0.parameter.gradient?.doubles() ?? [] })
    }

    /// Groups of widths bound memory and must change neither loss nor gradients.
    @Test(arguments: [1, 13, 26, 39, 10_000], [nil, [0, 1, 0, 2, 0.5, 0, 3]] as [[Double]?])
    func chunksOfWidthsChangeNothing(rowsAtOnce: Int, weights: [Double]?) throws {
        let model = model()
        try model.to(.float64)
        let x = Tensor.randn([13, 10], dtype: .float64)
        let whole = try gradients(model, x, rowsAtOnce: 1_000_000, .linear(weights: weights, widthsPerRow: nil))
        let parts = try gradients(model, x, rowsAtOnce: rowsAtOnce, .linear(weights: weights, widthsPerRow: nil))
        #expect(abs(whole.loss - parts.loss) < 1e-12)
        for (a, b) in zip(whole.gradients, parts.gradients) {
            #expect(a.count == b.count && !a.isEmpty)
            for (x, y) in zip(a, b) { #expect(abs(x - y) < 1e-12) }
        }
        let errors = model.squaredErrors(x, rowsAtOnce: rowsAtOnce)
        let difference = (errors - model.squaredErrors(x)).abs().max().item()
        #expect(errors.shape == [13, 7] && difference < 1e-12)
    }

    /// A few widths of each row estimate the loss over all of them, without bias, whatever the weights.
    @Test(arguments: [nil, [0, 1, 0, 2, 0.5, 0, 3]] as [[Double]?])
    func someWidthsOfEachRowEstimateAll(weights: [Double]?) throws {
        let model = model()
        let x = Tensor.randn([13, 10])
        func loss(_ perRow: Int?, evaluate: Bool = false) throws -> Double {
            let task = OrderedTask(
                model, objective: .linear(weights: weights, widthsPerRow: perRow), training: x, validation: x)
            _ = evaluate ? task.model.evaluate() : task.model.train()
            return try withoutGradient { try task.losses(x)[0].value.item() }
        }
        let exact = try loss(nil)
        Generator.seed(7)
        let estimates = try (0..<400).map { _ in try loss(2) }
        let mean = estimates.reduce(0, +) / 400
        let spread = (estimates.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 400).squareRoot()
        #expect(spread > 0 && abs(mean - exact) < 4 * spread / 20)
        // Validation of so few widths takes them all.
        #expect(try loss(2, evaluate: true) == loss(nil, evaluate: true))
    }

    @Test func widthsOfARowAreSpreadEvenly() {
        Generator.seed(1)
        let drawn = WidthDistribution.draw(Array(repeating: 0.1, count: 10), rows: 50, perRow: 5).ints()
        for row in 0..<50 {
            for (place, width) in drawn[row * 5..<row * 5 + 5].enumerated() {
                #expect(width == 2 * place || width == 2 * place + 1)
            }
        }
        let all = WidthDistribution.draw(Array(repeating: 0.25, count: 4), rows: 3, perRow: 4).ints()
        #expect(all == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3])
    }

    /// For a unit Gaussian the loss is the mean squared error over widths, rows and features, as published.
    @Test func unitGaussianLossIsTheMeanSquaredError() throws {
        let model = model().evaluate()
        let x = Tensor.randn([9, 10])
        let task = OrderedTask(model, training: x, validation: x)
        let loss = try withoutGradient { try task.losses(x)[0].value.item() }
        let errors = (0...6).map { k in withoutGradient { (model.reconstruct(x, width: k) - x).square().mean().item() }
        }
        #expect(abs(loss - errors.reduce(0, +) / 7) < 1e-5)
        let fromMatrix = model.squaredErrors(x).mean(dims: [0]).doubles().map { $0 / 10 }
        for (a, b) in zip(errors, fromMatrix) { #expect(abs(a - b) < 1e-5) }
    }

    @Test func truncatedCodesAreTheFirstLatents() {
        let model = model().evaluate()
        let x = Tensor.randn([4, 10])
        withoutGradient {
            let all = model.encode(x)
            let three = model.compress(x, width: 3)
            #expect(three.floats() == all.narrow(1, start: 0, length: 3).floats())
            let opened = model.decoder(model.bottleneck.truncated(all, to: 3))
            #expect(model.decompress(three).floats() == opened.floats())
        }
    }

    @Test func likelihoodsAreDensities() {
        let x = Tensor([0.5, -1, 2] as [Float], shape: [1, 3])
        let mean = Tensor([0, 0, 1] as [Float], shape: [1, 3])
        let unit = GaussianLikelihood().logDensity(of: x, given: mean).item()
        #expect(abs(unit + 1.125) < 1e-6)
        let wide = GaussianLikelihood(.fixed(4)).logDensity(of: x, given: mean).item()
        let wideTruth: Double = -0.5 * (2.25 / 4 + 3 * Foundation.log(4.0))
        #expect(abs(wide - wideTruth) < 1e-5)
        let each = GaussianLikelihood(.perFeature([1, 2, 4])).logDensity(of: x, given: mean).item()
        let eachTruth: Double = -0.5 * (1 + Foundation.log(8.0))
        #expect(abs(each - eachTruth) < 1e-5)
        let pixels = Tensor([0, 1, 1] as [Float], shape: [1, 3])
        let logits = Tensor([-2, 0, 3] as [Float], shape: [1, 3])
        let bernoulli = BernoulliLikelihood().logDensity(of: pixels, given: logits).item()
        let expected: Double = -log1p(Foundation.exp(-2.0)) - Foundation.log(2.0) - log1p(Foundation.exp(-3.0))
        #expect(abs(bernoulli - expected) < 1e-5)
    }

    /// A learned variance settles where the maximum of the likelihood is: at the mean squared error.
    @Test(.tags(.learned)) func learnedVarianceFindsTheNoise() {
        Generator.seed(LearnedResults.seed(2))
        let likelihood = GaussianLikelihood(.learned(features: 2))
        let x = Tensor.randn([2000, 2]) * Tensor([0.5, 3] as [Float])
        let optimizer = AdamW(parameters: likelihood.parameters(), learningRate: 0.05, weightDecay: 0)
        for _ in 0..<300 {
            optimizer.zeroGradients()
            (-likelihood.logDensity(of: x, given: Tensor.zeros([2000, 2])).mean()).backward()
            optimizer.step()
        }
        let found = likelihood.logVariance?.value.detached().exp().doubles() ?? []
        let expected = x.square().mean(dims: [0]).doubles()
        #expect(found.count == 2)
        let worst = zip(found, expected).map { abs($0 / $1 - 1) }.max() ?? .infinity
        // (6 ± 3)e-6 (18): the rounding of float32.
        expectLearned(worst, below: 1e-4, "variance learned, relative error")
    }

    /// What a section leaves out has a default, and what is written is read again.
    @Test func objectivesAreReadAndWritten() throws {
        func read(_ text: String) throws -> OrderedObjective {
            try JSONDecoder().decode(OrderedObjective.self, from: Data(text.utf8))
        }
        let sections = [
            "\"linear\"", "\"log-uniform\"", #"{"kind": "linear", "widthsPerRow": 3}"#,
            #"{"kind": "geometric", "p": 0.2, "sweep": {"steps": 50}}"#, #"{"kind": "poisson", "per": "batch"}"#,
        ]
        for section in sections {
            let objective = try read(section)
            let again = String(decoding: try JSONEncoder().encode(objective), as: UTF8.self)
            #expect(try read(again) == objective)
        }
        let sweep = UnitSweep.Options(steps: 50)
        #expect(try read(sections[3]) == .random(.geometric(p: 0.2), per: .sample, sweep: sweep))
        #expect(throws: Diagnostic.self) { try read(#"{"kind": "uniform", "sweep": {"hold": 1}}"#) }
        #expect(throws: Diagnostic.self) { try read(#"{"kind": "uniform", "sweep": {"step": 1}}"#) }
        #expect(try read(sections[2]).problem(width: 1)?.contains("give 1 to 2") == true)
    }

    /// Latents below the sweep get no gradient; the sweep moves on once the loss has settled.
    @Test func sweepFreezesLatentsInOrder() throws {
        let model = model(3, features: 4)
        let sweep = UnitSweep.Options(steps: 10, tolerance: 0.01, hold: 0)
        let x = Tensor.randn([64, 4])
        let task = OrderedTask(model, objective: .geometric(p: 0.5, sweep: sweep), training: x, validation: x)
        task.model.train()
        func rowGradients() throws -> [Double] {
            task.model.zeroGradients()
            try task.losses(x)[0].value.backward()
            let last = try #require(model.encoder.parameters().last { $0.parameter.shape == [3, 16] })
            return last.parameter.gradient?.abs().sum(dims: [1]).doubles() ?? []
        }
        #expect(try rowGradients().allSatisfy { $0 > 0 })
        for _ in 0..<200 where task.frozen == 0 { _ = try rowGradients() }
        #expect(task.frozen == 1)
        let after = try rowGradients()
        #expect(after[0] == 0 && after[1] > 0)
        for _ in 0..<400 { _ = try rowGradients() }
        #expect(task.frozen == 2)
    }

    /// Of the rows at frozen widths alone gradients reach a frozen latent; its value stays.
    @Test func rowsAtFrozenWidthsHoldTheirLatents() {
        let sweep = UnitSweep(UnitSweep.Options(hold: 0.5), width: 3)
        sweep.progress.value = Tensor([1, 0, 0, 0] as [Double])
        let latents = Tensor.ones([3, 3])
        latents.requiresGradient = true
        let held = sweep.frozen(latents, at: Tensor([0, 1, 2] as [Int64]))
        #expect(held.floats() == latents.floats())
        held.sum().backward()
        #expect(latents.gradient?.floats() == [1, 1, 1, 1, 1, 1, 0, 1, 1])
        Generator.seed(3)
        let drawn = sweep.widths(2000, .uniform, of: 3).ints()
        let below = Double(drawn.count { $0 <= 1 }) / 2000
        #expect(abs(below - 0.5) < 0.06 && drawn.contains(0) && drawn.contains(3))
    }
}
