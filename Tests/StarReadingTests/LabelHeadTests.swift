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
        // Weights are drawn anew each time: in single precision a large loss is known to so many digits.
        let loss = head.loss(x, targets: targets, present: present).item()
        #expect(abs(loss - expected) < 1e-5 * max(1, abs(expected)))
    }

    /// Student's t: with many degrees of freedom a Gaussian, with few a far label pulls less than a near one.
    @Test func studentsLikelihoodForgivesOutliers() throws {
        let head = LabelHead(embedding: 1, hidden: [], dropout: 0, labels: 1)
        let x = Tensor([1] as [Float], shape: [1, 1])
        let (mean, sigma) = (head(x).mean.item(), exp(try #require(head(x).logSigma).item()))
        func loss(_ z: Double, _ freedom: Double?) -> Double {
            head.loss(
                x, targets: Tensor([Float(mean + z * sigma)], shape: [1, 1]), present: Tensor.ones([1, 1]),
                degreesOfFreedom: freedom
            ).item()
        }
        for z in [0, 0.5, 2] {
            #expect(abs(loss(z, 4) - 2.5 * log(1 + z * z / 4) - log(sigma)) < 1e-4)
            #expect(abs(loss(z, 1000) - loss(z, nil)) < 0.01)
        }
        func pull(_ z: Double) -> Double { (loss(z + 0.1, 4) - loss(z - 0.1, 4)) / 0.2 }
        #expect(pull(20) < pull(2) / 2)
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
