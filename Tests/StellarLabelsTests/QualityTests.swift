import Foundation
import Spectra
import Testing
import Torch

@testable import StellarLabels

@Suite(.serialized) struct QualityTests {
    @Test func flagsAreDocumented() {
        let bits = QualityFlags.all.map(\.flag.rawValue)
        #expect(bits == (0..<bits.count).map { 1 << $0 })
        #expect(QualityFlags([.lowSignal, .multimodal]).names == ["low-signal", "multimodal"])
        #expect(QualityFlags(rawValue: 0).names.isEmpty)
    }

    /// Points on a bent sheet in many dimensions: what lies off the sheet is outside, held-out points are inside.
    @Test func theDomainIsWhereTrainingSpectraAre() {
        Generator.seed(1)
        let mixing = Tensor.randn([3, 30])
        func sheet(_ count: Int) -> Tensor {
            let t = Tensor.rand([count, 3]) * 4 - 2
            return t.matmul(mixing) + t.square().matmul(mixing).sin() * 0.5 + Tensor.randn([count, 30]) * 0.02
        }
        let domain = TrainingDomain(sheet(4000), heldOut: sheet(1000))
        let inside = domain.distances(sheet(1000))
        #expect(inside.count { $0 > 1 } < 30)
        let noise = domain.distances(Tensor.randn([200, 30]) * sheet(1000).std(dim: 0))
        #expect(noise.count { $0 > 1 } > 195)
        #expect(domain.distances(Tensor.full([1, 30], .nan))[0].isNaN)
        #expect(domain.distances(Tensor.zeros([0, 30])).isEmpty)
    }

    @Test func featuresAreToldFromNoise() {
        var random = SeededGenerator(seed: 2)
        func residual(noise: Double, feature: Double) -> [Float] {
            (0..<1000).map { pixel in
                Float(0.01 * sin(Double(pixel) / 40) + noise * random.gaussian() + feature * sin(Double(pixel) / 60))
            }
        }
        let check = ReconstructionCheck((0..<400).map { residual(noise: $0 % 2 == 0 ? 0.02 : 0.2, feature: 0) })
        let noisy = (0..<200).map { _ in check(residual(noise: 0.2, feature: 0)) }
        #expect(noisy.count { $0 > 1 } < 12)
        #expect((0..<50).allSatisfy { _ in check(residual(noise: 0.02, feature: 0.1)) > 1 })
        #expect((0..<50).allSatisfy { _ in check(residual(noise: 0.2, feature: 0.5)) > 1 })
    }

    /// One peak, two peaks, and draws beyond the training labels.
    @Test func posteriorsTellWhatSpeaksAgainstThem() {
        var random = SeededGenerator(seed: 3)
        let label = StellarLabel(named: "logg")
        let stars: [(inout SeededGenerator) -> Double] = [
            { $0.gaussian() }, { $0.gaussian() + ($0.uniform() < 0.4 ? 8 : 0) }, { 20 + $0.gaussian() },
            { exp($0.gaussian()) }, { $0.uniform() },
        ]
        let values = stars.flatMap { draw in (0..<1000).map { _ in Float(draw(&random)) } }
        let samples = PosteriorSamples(values, draws: 1000, labels: [label])
        let summary = PosteriorSummary(samples, ranges: [-5...15])
        #expect(summary.flags == [[], [.multimodal], [.extrapolated], [], []])
        let first = summary.estimates[0][0]
        #expect(abs(first.value) < 0.15 && abs((first.error ?? 0) - 1) < 0.1)
        let none = PosteriorSummary(PosteriorSamples([.nan, 1], draws: 2, labels: [label]), ranges: nil)
        #expect(none.estimates[0][0].value.isNaN)
    }
}
