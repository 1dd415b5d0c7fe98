import Foundation
import LearnedResults
import Support
import Testing
import Torch
import Training
@testable import OrderedBottleneck

@Suite(.serialized) struct TrainingTests {
    private func scratch() throws -> URL {
        let url = FileManager.default.temporaryDirectory.appending(path: "iob-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }

    /// Three Gaussian directions in twelve features: the test must find three, at every width near PCA.
    @Test(.tags(.learned)) func findsTheRankOfALinearSet() throws {
        let folder = try scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        Generator.seed(LearnedResults.seed(1))
        let rows = SampleSet.linearGaussian(6000, rank: 3, features: 12)
        let split = OrderedSplit(rows)
        #expect(split.test.size(0) == 600 && split.training.size(0) == 4800)
        let configuration = BottleneckConfiguration(
            width: 6, network: .dense(hidden: [], activation: .relu), scaling: .common, seed: LearnedResults.seed(42),
            training: .adam(batch: 128, epochs: 80, learningRate: 1e-2, minimumLearningRate: 1e-4))
        let (model, outcome) = try OrderedModel.train(
            configuration, on: split, data: "rank 3", folder: try RunFolder(folder))
        #expect(outcome.isFinished)
        let test = model.scaled(split.test)
        let result = IntrinsicDimension(
            errors: [model.squaredErrors(split.test)], variance: test.totalVariance, features: 12)
        expectLearned(result.dimension, exactly: 3, "rank 3: dimension")
        // The threshold of the statistic: far from either on every processor.
        let values = result.curve.compactMap(\.value)
        expectLearned(values[2], above: 2, "rank 3: what latent 3 takes away")
        expectLearned(values[3], below: 2, "rank 3: what latent 4 takes away")
        let components = PrincipalComponents(model.scaled(split.training), count: 6)
        let excesses = (0...3).map { k in
            result.curve[k].error - components.squaredErrors(test, width: k) / test.totalVariance
        }
        expectLearned(excesses.max() ?? .infinity, below: 0.02, "rank 3: error above PCA")

        let url = folder.appending(path: "model.safetensors")
        try model.write(to: url)
        let read = try OrderedModel(contentsOf: url)
        #expect(read.description == model.description)
        let (a, b) = (try model.compress(split.test, width: 2), try read.compress(split.test, width: 2))
        #expect(a.floats() == b.floats())
        let (c, d) = (try model.decompress(a), try read.decompress(b))
        #expect(c.floats() == d.floats() && c.shape == split.test.shape)
        #expect(throws: Diagnostic.width(7, of: 6)) { try read.compress(split.test, width: 7) }
    }

    /// With a shortcut the untrained model has the errors of principal components, at every width, scaled and unscaled.
    @Test(arguments: [DataScaling.none, .common, .features], [5, 15])
    func shortcutsStartAtPrincipalComponents(scaling: DataScaling, width: Int) {
        Generator.seed(12)
        let rows = SampleSet.linearGaussian(500, rank: 6, features: 10, noise: 0.2) + 3
        let model = OrderedModel(
            BottleneckConfiguration(
                width: width, network: .dense(hidden: [8], activation: .gelu, shortcut: true), scaling: scaling),
            training: rows)
        let scaled = model.scaled(rows)
        let errors = model.squaredErrors(rows).mean(dims: [0]).doubles()
        let components = PrincipalComponents(scaled, count: 10)
        for (k, error) in errors.enumerated() {
            let expected = components.squaredErrors(scaled, width: min(k, 10))
            #expect(abs(error - expected) < 1e-4 * scaled.totalVariance, "width \(k)")
        }
        let spread = model.autoencoder.encode(scaled).std(dim: 0, unbiased: false).doubles().prefix(min(width, 10))
        #expect(spread.allSatisfy { abs($0 - 1) < 0.01 })
    }

    @Test(
        .tags(.learned),
        arguments: [
            (NetworkConfiguration.dense(hidden: [8], activation: .relu), [20]),
            (.dense(hidden: [8], activation: .gelu, shortcut: true), [4, 5]),
            (.convolutional(channels: [4, 8], hidden: [16], activation: .relu), [1, 8, 8]),
            (.transformer(patch: 6, width: 8, layers: 1, heads: 2), [20]),
        ])
    func everyNetworkLearns(network: NetworkConfiguration, shape: [Int]) throws {
        let folder = try scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        Generator.seed(LearnedResults.seed(6))
        let features = shape.reduce(1, *)
        let rows = SampleSet.linearGaussian(400, rank: 2, features: features).reshaped([400] + shape)
        #expect(network.problem(shape: shape) == nil)
        let split = OrderedSplit(rows)
        let configuration = BottleneckConfiguration(
            width: 3, network: network, scaling: .common, seed: LearnedResults.seed(42),
            training: .adam(batch: 32, epochs: 16, learningRate: 1e-2, minimumLearningRate: 1e-3))
        let (model, outcome) = try OrderedModel.train(
            configuration, on: split, data: "test", folder: try RunFolder(folder))
        // 0.35 ± 0.06 to 0.61 ± 0.07 (18); a constant has 1, the best code about 0.3.
        expectLearned(outcome.bestValidation, below: 0.85, "\(network.name) network on rows of \(shape): loss")
        let code = try model.compress(split.test, width: 1)
        #expect(try model.decompress(code).shape == [40] + shape)
    }
}

extension NetworkConfiguration {
    /// Its kind.
    fileprivate var name: Substring { "\(self)".prefix { $0 != "(" } }
}
