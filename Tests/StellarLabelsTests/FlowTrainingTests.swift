import Foundation
import SpecCLIP
import Spectra
import Testing
import Torch
import Training

@testable import StellarLabels

/// Flows against posteriors that are known in closed form.
@Suite(.serialized) struct FlowTrainingTests {
    /// x = θ + noise, θ a correlated Gaussian: the posterior is a Gaussian with a known mean and covariance.
    private struct LinearGaussian {
        let noise = 0.5
        let correlation = 0.6
        var (theta, x): ([[Double]], [Float]) = ([[], []], [])

        init(_ count: Int, seed: UInt64) {
            var random = SeededGenerator(seed: seed)
            for _ in 0..<count {
                let a = random.gaussian()
                let b = correlation * a + (1 - correlation * correlation).squareRoot() * random.gaussian()
                theta[0].append(a)
                theta[1].append(b)
                x += [Float(a + noise * random.gaussian()), Float(b + noise * random.gaussian())]
            }
        }

        var context: Tensor { Tensor(x, shape: [x.count / 2, 2]) }
        var labels: Tensor {
            Tensor(
                theta[0].indices.flatMap { [Float(theta[0][$0]), Float(theta[1][$0])] }, shape: [theta[0].count, 2])
        }

        /// Prior precision plus 1/noise² on the diagonal, inverted.
        var covariance: (a: Double, b: Double) {
            let d = 1 - correlation * correlation
            let (p, q) = (1 / d + 1 / (noise * noise), -correlation / d)
            return (p / (p * p - q * q), -q / (p * p - q * q))
        }

        /// Entropy of the posterior, the least negative log likelihood there is.
        var entropy: Double {
            log(2 * .pi * M_E) + 0.5 * log(covariance.a * covariance.a - covariance.b * covariance.b)
        }
    }

    private func fit(_ configuration: FlowConfiguration, _ rows: FlowRows, _ held: FlowRows, steps: Int) throws
        -> ConditionalFlow
    {
        Generator.seed(1)
        let flow = ConditionalFlow(configuration, labels: rows.labels.count, context: rows.context.shape[1])
        let (mean, std) = try StandardisedLabels.statistics(
            rows.labels, names: rows.labels.map { _ in "θ" }, minimumStars: 2, dataName: "")
        flow.standardise(context: rows.context, mean: mean, std: std)
        var options = TrainingOptions.sbi(rows: rows.count)
        (options.steps, options.learningRate, options.minimumLearningRate) = (steps, 3e-3, 0)
        let folder = FileManager.default.temporaryDirectory.appending(path: "specclip-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let task = FlowTask(flow, [.training: rows, .validation: held], mean: mean, device: .cpu)
        let trainer = Trainer(task, options: options, seed: 1, folder: try RunFolder(folder), settings: "")
        _ = try trainer.run()
        flow.evaluate()
        return flow
    }

    @Test(arguments: FlowConfiguration.Kind.allCases) func findsTheAnalyticPosterior(_ kind: FlowConfiguration.Kind)
        throws
    {
        let (training, test) = (LinearGaussian(5000, seed: 1), LinearGaussian(1000, seed: 2))
        let configuration = FlowConfiguration(kind: kind, transforms: 2, hidden: 24, bins: 8)
        let flow = try fit(
            configuration, FlowRows(context: training.context, labels: training.theta),
            FlowRows(context: test.context, labels: test.theta), steps: 900)
        let own = withoutGradient { flow.logDensity(test.labels, given: test.context).mean().item() }
        #expect(abs(-own - test.entropy) < 0.08, "\(-own) against \(test.entropy)")
        Generator.seed(3)
        let draws = flow.samples(Tensor.randn([4000, 2]), given: Tensor([1, -1] as [Float], shape: [1, 2])).select(0, 0)
        let centred = draws - draws.mean(dims: [0])
        let covariance = (centred.transposed().matmul(centred) / 4000).doubles()
        #expect(abs(covariance[0] - test.covariance.a) < 0.08 && abs(covariance[1] - test.covariance.b) < 0.08)
    }

    /// Labels that are missing at random take nothing from what is learned of the others, nor from their dependence.
    @Test func learnsFromStarsWithSomeLabels() throws {
        var (training, test) = (LinearGaussian(6000, seed: 1), LinearGaussian(1000, seed: 2))
        let whole = test
        for row in 0..<6000 { training.theta[row % 2][row] = row % 4 < 2 ? .nan : training.theta[row % 2][row] }
        for row in 0..<300 { test.theta[0][row] = .nan }
        let flow = try fit(
            FlowConfiguration(kind: .nsf, transforms: 2, hidden: 24, bins: 8, keepsOrder: true),
            FlowRows(context: training.context, labels: training.theta),
            FlowRows(context: test.context, labels: test.theta), steps: 900)
        let own = withoutGradient { flow.logDensity(whole.labels, given: whole.context).mean().item() }
        #expect(abs(-own - whole.entropy) < 0.1, "\(-own) against \(whole.entropy)")
    }

    @Test func wrongLabelsCountLittle() {
        let rows = FlowRows(
            context: Tensor.zeros([3, 1]), labels: [[1, 2, 3]], errors: [[0, 1, .nan]], scales: [0.1])
        #expect(rows.weights?[0][0] == 1 && rows.weights?[0][2] == 1)
        #expect(abs((rows.weights?[0][1] ?? 1) - 1 / 101) < 1e-12)
    }

    @Test func anEnsembleIsTheMeanOfItsMembers() {
        Generator.seed(1)
        let members = (0..<3).map { _ in
            ConditionalFlow(FlowConfiguration(kind: .maf, transforms: 2, hidden: 8), labels: 2, context: 3)
        }
        for (i, member) in members.enumerated() { member.labelMean.value = Tensor([Float(i), 0], shape: [2]) }
        let ensemble = FlowEnsemble(members)
        let (labels, context) = (Tensor.randn([20, 2]), Tensor.randn([20, 3]))
        let each = members.map { $0.logDensity(labels, given: context).exp() }
        let mean = (each[0] + each[1] + each[2]) / 3
        #expect((ensemble.logDensity(labels, given: context).exp() - mean).abs().max().item() < 1e-5)
        #expect(ensemble.samples(Tensor.randn([100, 2]), given: context).shape == [20, 100, 2])
    }
}
