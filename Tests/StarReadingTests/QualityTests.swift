import Datasets
import Foundation
import Instruments
import LearnedResults
import SpecCLIP
import Support
import Testing
import Torch
@testable import StarReading

@Suite(.serialized) struct QualityTests {
    @Test func flagsAreDocumented() {
        let bits = QualityFlags.all.map(\.flag.rawValue)
        #expect(bits == (0..<bits.count).map { 1 << $0 })
        #expect(QualityFlags([.lowSignal, .multimodal]).names == ["low-signal", "multimodal"])
        #expect(QualityFlags(rawValue: 0).names.isEmpty)
    }

    /// Points on a bent sheet in many dimensions: what lies off the sheet is outside, held-out points are inside.
    @Test(.tags(.learned)) func theDomainIsWhereTrainingSpectraAre() {
        Generator.seed(LearnedResults.seed(1))
        let mixing = Tensor.randn([3, 30])
        func sheet(_ count: Int) -> Tensor {
            let t = Tensor.rand([count, 3]) * 4 - 2
            return t.matmul(mixing) + t.square().matmul(mixing).sin() * 0.5 + Tensor.randn([count, 30]) * 0.02
        }
        let domain = TrainingDomain(sheet(4000), heldOut: sheet(1000))
        let inside = domain.distances(sheet(1000))
        // 10.1 ± 2.8 (18), of 10 expected.
        expectLearned(Double(inside.count { $0 > 1 }), below: 20, "domain: of 1000 inside, taken for outside")
        let noise = domain.distances(Tensor.randn([200, 30]) * sheet(1000).std(dim: 0))
        // 200 in all of 18 runs.
        expectLearned(Double(noise.count { $0 > 1 }), above: 198, "domain: of 200 outside, found")
        #expect(domain.distances(Tensor.full([1, 30], .nan))[0].isNaN)
        #expect(domain.distances(Tensor.zeros([0, 30])).isEmpty)
    }

    /// Of a part of a spectrum only what is there counts: what is missing neither hides a feature nor makes one.
    @Test func partsCountForThemselves() {
        var random = SeededGenerator(seed: 3)
        func residual(feature: Float = 0, seen: Range<Int> = 0..<1200) -> ReconstructionCheck.Residual {
            let values = (0..<1200).map { pixel -> Float in
                guard seen.contains(pixel) else { return .nan }
                return Float(0.01 * random.gaussian()) + ((500..<560).contains(pixel) ? feature : 0)
            }
            return .init(values: values, errors: values.map { $0.isNaN ? .nan : 0.01 })
        }
        let check = ReconstructionCheck((0..<400).map { $0 % 2 == 0 ? residual() : residual(seen: 300..<900) })
        #expect(check.isConsistent)
        #expect((0..<100).count { _ in check(residual(seen: 400..<800)) > 1 } < 15)
        let (whole, part) = (check(residual(feature: 0.03)), check(residual(feature: 0.03, seen: 400..<700)))
        #expect(part > 1.3 * whole && whole > 1)
        #expect(check(residual(seen: 0..<0)) == .infinity)
    }

    /// Noise that is as smooth as what is looked for, at S/N from 5 to 200: errors tell them apart.
    @Test(.tags(.learned)) func featuresAreToldFromNoise() {
        var random = SeededGenerator(seed: LearnedResults.seed(2))
        func residual(snr: Double, feature: Double) -> ReconstructionCheck.Residual {
            let phase = random.uniform(in: 0...6)
            var (noise, smooth) = (0.0, [Double]())
            for _ in 0..<1000 {
                noise = 0.9 * noise + 0.436 * random.gaussian()
                smooth.append(noise)
            }
            let values = smooth.indices.map { pixel in
                let known = 0.01 * sin(Double(pixel) / 40 + phase)
                return Float(known + smooth[pixel] / snr + feature * exp(-pow((Double(pixel) - 500) / 40, 2)))
            }
            return .init(values: values, errors: values.map { _ in Float(1 / snr) })
        }
        let check = ReconstructionCheck(
            (0..<800).map { _ in residual(snr: exp(random.uniform(in: log(5)...log(200))), feature: 0) })
        #expect((0.3...1).contains(check.correlation))
        for level in [5.0, 30, 150] {
            let plain = (0..<200).map { _ in check(residual(snr: level, feature: 0)) }
            // 8.9 ± 3.0, 6.9 ± 2.6 and 0 at the three levels (18).
            expectLearned(Double(plain.count { $0 > 1 }), below: 20, "features: false alarms of 200, S/N \(level)")
            let odd = (0..<100).map { _ in check(residual(snr: level, feature: 0.1 + 6 / level)) }
            // 100 in all of 18 runs.
            expectLearned(Double(odd.count { $0 > 1 }), above: 98, "features: found of 100, S/N \(level)")
        }
        // Without errors a spectrum is taken for a good one.
        let untold = ReconstructionCheck.Residual(
            values: residual(snr: 5, feature: 0).values, errors: [Float](repeating: 0, count: 1000))
        #expect(check(untold) > 1)
        #expect(check.isConsistent && ReconstructionCheck([untold]).isConsistent)
    }

    /// Sums of three shapes are drawn; a shape that no training spectrum has is not, nor too much of one that they have.
    @Test(.tags(.learned)) func componentsDrawWhatTrainingSpectraAreMadeOf() {
        Generator.seed(LearnedResults.seed(4))
        let shapes = Tensor.randn([3, 60])
        let drawing = SpectralComponents((Tensor.rand([500, 3]) * 2 - 1).matmul(shapes) + 5)
        func missed(_ spectra: Tensor) -> Double { (spectra - drawing.drawn(spectra)).abs().max().item() }
        let alike = (Tensor.rand([50, 3]) - 0.5).matmul(shapes) + 5
        // (1.1 ± 0.2)e-6, 2.53 ± 0.33 and 17.5 ± 1.2 (18).
        expectLearned(missed(alike), below: 1e-5, "components: missed of what is alike")
        expectLearned(missed(Tensor.randn([1, 60]) + 5), above: 1.5, "components: missed of another shape")
        let tooMuch = Tensor([Float(9), 0, 0], shape: [1, 3]).matmul(shapes) + 5
        expectLearned(missed(tooMuch), above: 13, "components: missed of too much")
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

    /// Two kinds of stars by turns: both are in the samples that are kept of them.
    @Test func samplesHoldBothOfTwoKindsByTurns() throws {
        Generator.seed(5)
        let kinds = Tensor((0..<4096).map { Float($0 % 2) * 20 - 10 }, shape: [4096, 1])
        let domain = TrainingDomain(kinds + Tensor.randn([4096, 3]), heldOut: Tensor.randn([50, 3]))
        let whitened = domain.reference.value.select(1, 0).doubles()
        #expect(whitened.count == 2048 && abs(whitened.count { $0 > 0 } - 1024) < 140)

        let url = FileManager.default.temporaryDirectory.appending(path: "specclip-turns-\(UUID()).h5")
        defer { try? FileManager.default.removeItem(at: url) }
        let writer = try PairedDataSetWriter(creating: url, instruments: [.gaiaXP], labels: [], tier: "test")
        try writer.append(
            split: .train,
            rows: (0..<4096).map { row in
                let flux = (0..<343).map { (row % 2 == 0 ? 1 : 2) + 0.1 * sin(Float($0)) }
                return PairedRow(sourceID: "\(row)", flux: ["gaia": flux])
            })
        try writer.finish()
        var sizes = AutoEncoderConfiguration()
        (sizes.hidden, sizes.bottleneck) = (8, 4)
        let branch = BranchDescription(
            instrument: .gaiaXP, encoder: .autoEncoder(sizes),
            projection: ProjectionConfiguration(kind: .mlp, hidden: 8))
        let model = SpecCLIPModel(ModelDescription(embedding: 5, branches: [branch]))
        let features = try LabelledFeatures(
            model, .gaiaXP, try PairedDataSet(opening: url), .train, names: [], augmentation: nil, leastRows: 0, seed: 1
        )
        #expect(features.shownRows.count == 2048 && features.shown.size(0) == 2048)
        // Four standard deviations of 2048 draws.
        #expect(abs(features.shownRows.count { $0.isMultiple(of: 2) } - 1024) < 91)
        #expect(abs(features.shown.mean().item() - 1.5) < 0.06)
    }
}
