import LearnedResults
import Support
import Testing
import Torch
@testable import Evaluation

/// What latents tell of labels, on latents and labels whose dependence is known.
@Suite(.serialized) struct LatentLabelsTests {
    @Test(.tags(.learned)) func sharesAreThoseOfTheConstruction() throws {
        Generator.seed(LearnedResults.seed(3))
        let code = Tensor.randn([4000, 3])
        let columns = (0..<3).map { code.select(1, $0).doubles() }
        // 80 % of the variance from the first latent and 20 % from the second; a square of the third; nothing.
        let mixed = zip(columns[0], columns[1]).map { 2 * $0 + $1 }
        let squared = columns[2].map { $0 * $0 }
        let noise = Tensor.randn([4000], dtype: .float64).doubles()
        let found = try LatentLabels(
            code, labels: [("mixed", mixed), ("squared", squared), ("noise", noise)])
        let (a, b, c) = (found.shares[0], found.shares[1], found.shares[2])
        let off = [a.alone[0] - 0.8, a.alone[1] - 0.2, a.together[0] - 0.8].map(abs).max() ?? .infinity
        // 0.021 ± 0.010 (18).
        expectLearned(off, below: 0.055, "latents: shares of a linear label, off by")
        // 1.0000 in all of 18 runs.
        expectLearned(a.together[1], above: 0.999, "latents: share of all that a label is made of")
        // 0.842 ± 0.019 and 0.001 ± 0.002 (18).
        expectLearned(b.alone[2], above: 0.78, "latents: share of a square, alone")
        expectLearned(b.together[2], below: 0.01, "latents: share of a square, linearly")
        let nothing = ([a.alone[2], b.alone[0]] + c.alone + c.together).max() ?? .infinity
        // 0.0002 ± 0.0003 (18).
        expectLearned(nothing, below: 0.002, "latents: share of what is unrelated")
    }

    @Test func unknownLabelsAreLeftOut() throws {
        let code = Tensor.randn([300, 2])
        let values = code.select(1, 0).doubles().enumerated().map { $0.offset % 2 == 0 ? $0.element : .nan }
        let half = try LatentLabels(code, labels: [("half", values)])
        #expect(half.shares[0].rows == 150)
        let few = values.indices.map { $0 < 60 ? values[$0] : .nan }
        #expect(throws: Diagnostic.self) { try LatentLabels(code, labels: [("few", few)]) }
    }
}
