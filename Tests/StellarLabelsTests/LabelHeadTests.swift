import Foundation
import Testing
import Torch

@testable import StellarLabels

@Suite(.serialized) struct LabelHeadTests {
    /// The likelihood of a Gaussian is known in closed form.
    @Test func lossIsTheGaussianLikelihood() throws {
        let head = LabelHead(embedding: 4, hidden: [], dropout: 0, labels: 2)
        head.evaluate()
        let x = Tensor([1, 2, 3, 4, -1, 0, 1, 2] as [Float], shape: [2, 4])
        let (mean, logSigma) = head(x)
        let targets = Tensor([0.5, -1, 2, 0] as [Float], shape: [2, 2])
        let present = Tensor([1, 1, 1, 0] as [Float], shape: [2, 2])
        let (m, s, t) = (mean.doubles(), try #require(logSigma).doubles(), targets.doubles())
        let expected = (0..<3).reduce(0.0) { $0 + 0.5 * pow((t[$1] - m[$1]) / exp(s[$1]), 2) + s[$1] } / 3
        #expect(abs(head.loss(x, targets: targets, present: present).item() - expected) < 1e-5)
    }

    @Test func aMissingLabelHasNoGradient() {
        let head = LabelHead(embedding: 3, hidden: [], dropout: 0, labels: 1)
        let x = Tensor([1, 2, 3] as [Float], shape: [1, 3])
        head.loss(x, targets: Tensor([7] as [Float], shape: [1, 1]), present: Tensor.zeros([1, 1])).backward()
        for (_, parameter) in head.parameters() {
            #expect(parameter.value.gradient.map { $0.abs().max().item() } ?? 0 == 0)
        }
    }

    @Test func labelsKnowTheirUnits() {
        #expect(StellarLabel(named: "teff").unit == "K")
        #expect(StellarLabel(named: "nonsense").title == "nonsense")
    }
}
