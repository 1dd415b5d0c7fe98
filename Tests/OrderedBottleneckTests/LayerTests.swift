import Testing
import Torch
@testable import OrderedBottleneck

@Suite(.serialized) struct LayerTests {
    @Test func widthsOpenTheFirstLatents() {
        let layer = BottleneckLayer(4)
        let z = Tensor([1, 2, 3, 4, 5, 6, 7, 8] as [Float], shape: [2, 4])
        #expect(layer.truncated(z, to: 0).floats() == Array(repeating: 0, count: 8))
        #expect(layer.truncated(z, to: 3).floats() == [1, 2, 3, 0, 5, 6, 7, 0])
        #expect(layer.truncated(z, to: 4).floats() == z.floats())
        #expect(layer.truncated(z, perRow: Tensor([1, 2] as [Int64])).floats() == [1, 0, 0, 0, 5, 6, 0, 0])
        let each = layer.truncated(z, toEach: [0, 1, 2, 3, 4])
        #expect(each.shape == [5, 2, 4])
        for k in 0...4 { #expect(each.select(0, k).floats() == layer.truncated(z, to: k).floats()) }
        #expect(layer.masked(z, Tensor([0, 1, 0, 1] as [Float])).floats() == [0, 2, 0, 4, 0, 6, 0, 8])
    }

    @Test func evaluationIsTheIdentity() {
        let layer = BottleneckLayer(3, drawing: .uniform)
        let z = Tensor.ones([50, 3])
        layer.train()
        #expect(layer(z).sum().item() < 150)
        layer.evaluate()
        #expect(layer(z).sum().item() == 150)
    }

    /// Frequencies against the distribution itself: within five standard errors.
    @Test(arguments: [
        WidthDistribution.uniform, .geometric(p: 0.3), .poisson(rate: 2.5), .geometric(p: 0.01),
    ])
    func drawsFollowTheDistribution(distribution: WidthDistribution) {
        Generator.seed(3)
        let (count, minimum, width) = (40_000, 2, 8)
        let drawn = distribution.draw(count, minimum: minimum, width: width).ints()
        let probabilities = distribution.probabilities(minimum: minimum, width: width)
        #expect(probabilities.count == 7 && abs(probabilities.reduce(0, +) - 1) < 1e-12)
        for (index, p) in probabilities.enumerated() {
            let share = Double(drawn.count { $0 == minimum + index }) / Double(count)
            #expect(abs(share - p) < 5 * (p * (1 - p) / Double(count)).squareRoot() + 1e-9)
        }
        #expect(drawn.allSatisfy { (minimum...width).contains($0) })
    }

    @Test func uniformDrawsOpenAllLatentsToo() {
        Generator.seed(1)
        let widths = Set(WidthDistribution.uniform.draw(500, width: 4).ints())
        #expect(widths == [0, 1, 2, 3, 4])
    }

    @Test func oneDrawForABatchOrOnePerRow() {
        Generator.seed(5)
        let z = Tensor.ones([200, 6])
        let perBatch = BottleneckLayer(6, drawing: .uniform, per: .batch).train()
        let perSample = BottleneckLayer(6, drawing: .uniform, per: .sample).train()
        #expect(Set(perBatch(z).sum(dims: [1]).ints()).count == 1)
        #expect(Set(perSample(z).sum(dims: [1]).ints()).count == 7)
    }
}
