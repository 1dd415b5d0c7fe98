import OrderedBottleneck
import Testing
import Torch

@testable import Evaluation

/// What latents tell of labels, on latents and labels whose dependence is known.
@Suite(.serialized) struct LatentLabelsTests {
    @Test func sharesAreThoseOfTheConstruction() throws {
        Generator.seed(3)
        let code = Tensor.randn([4000, 3])
        let columns = (0..<3).map { code.select(1, $0).doubles() }
        // 80 % of the variance from the first latent and 20 % from the second; a square of the third; nothing.
        let mixed = zip(columns[0], columns[1]).map { 2 * $0 + $1 }
        let squared = columns[2].map { $0 * $0 }
        let noise = Tensor.randn([4000], dtype: .float64).doubles()
        let found = try LatentLabels(
            code, labels: [("mixed", mixed), ("squared", squared), ("noise", noise)])
        let (a, b, c) = (found.shares[0], found.shares[1], found.shares[2])
        #expect(abs(a.alone[0] - 0.8) < 0.05 && abs(a.alone[1] - 0.2) < 0.05 && a.alone[2] < 0.02)
        #expect(abs(a.together[0] - 0.8) < 0.05 && a.together[1] > 0.999)
        #expect(b.alone[2] > 0.8 && b.alone[0] < 0.02 && b.together[2] < 0.05)
        #expect(c.alone.allSatisfy { $0 < 0.02 } && c.together.allSatisfy { $0 < 0.02 })
    }

    @Test func unknownLabelsAreLeftOut() throws {
        let code = Tensor.randn([300, 2])
        let values = code.select(1, 0).doubles().enumerated().map { $0.offset % 2 == 0 ? $0.element : .nan }
        let half = try LatentLabels(code, labels: [("half", values)])
        #expect(half.shares[0].rows == 150)
        let few = values.indices.map { $0 < 60 ? values[$0] : .nan }
        #expect(throws: BottleneckError.self) { try LatentLabels(code, labels: [("few", few)]) }
    }
}
