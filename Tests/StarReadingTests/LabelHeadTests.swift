import Foundation
import Support
import Testing
import Torch
@testable import StarReading

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

    /// NaN stands for what is not known; a label that too few stars have, or none, is named with the remedy.
    @Test func labelsThatTooFewStarsHaveAreNamed() throws {
        let teff = (0..<60).map { $0 < 55 ? 5000 + Double($0) : .nan }
        func statistics(_ other: [Double]) throws -> (mean: [Double], std: [Double]) {
            try StandardisedLabels.statistics(
                [teff, other], names: ["teff", "logg"], minimumStars: 50, dataName: "a.h5")
        }
        #expect(try statistics(teff).mean == [5027, 5027])
        for known in [0, 1, 49] {
            let column = (0..<60).map { $0 < known ? 4.0 : .nan }
            let text = #expect(throws: Diagnostic.self) { try statistics(column) }.map { "\($0)" }
            #expect(text?.hasPrefix("a.h5: label 'logg': is known for \(known) training stars, at least 50") == true)
        }
    }
}
