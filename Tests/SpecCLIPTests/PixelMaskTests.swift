import Foundation
import Testing
import Torch
@testable import SpecCLIP

@Suite struct PixelMaskTests {
    @Test(arguments: [(1462, 1), (343, 2)]) func runsHidePixelsAndSpareTheStatistics(pixels: Int, statistics: Int) {
        let hidden = PixelMask(chunks: 3, width: 20).draw(batch: 300, pixels: pixels, statistics: statistics)
        #expect(hidden.shape == [300, statistics + pixels])
        let counts = hidden.to(.int64).sum(dims: [1]).int64s()
        // Three runs that may overlap, and some of 900 do not.
        #expect(counts.allSatisfy { (20...60).contains($0) } && counts.contains(60))
        #expect(hidden.narrow(1, start: 0, length: statistics).to(.int64).sum().item() == 0)
        // A run starts before `pixels - width`: the last pixel is never hidden.
        #expect(hidden.narrow(1, start: statistics + pixels - 1, length: 1).to(.int64).sum().item() == 0)
    }

    @Test(arguments: [(0, 0.15, 10), (0, 0.001, 1), (6, 0.15, 6)])
    func runsAreCounted(chunks: Int, ratio: Double, expected: Int) {
        #expect(PixelMask(chunks: chunks, width: 20, ratio: ratio).runs(pixels: 1462) == expected)
    }

    /// The loss against its definition, for both instruments: quirk Q11 is not here, Q12 only when asked for.
    @Test(arguments: [SpectrumStatistics.logStd, .meanStd]) func maskedLossCountsHiddenPixels(
        statistics: SpectrumStatistics
    ) throws {
        var sizes = AutoEncoderConfiguration()
        (sizes.hidden, sizes.bottleneck, sizes.statistics) = (16, 8, statistics)
        sizes.mask = PixelMask(chunks: 2, width: 5)
        let encoder = SpectralAutoEncoder(sizes, pixels: 60)
        let flux = Tensor.rand([4, 60]) + 1
        let row = encoder.vector(flux)
        let hidden = try #require(sizes.mask).draw(batch: 4, pixels: 60, statistics: statistics.count)
        let read = encoder.reconstruct(encoder.encode(row.maskedFill(hidden, 0)))
        let (values, wanted, isHidden) = (read.doubles(), row.doubles(), hidden.to(.float32).doubles())
        let errors = values.indices.filter { isHidden[$0] > 0 }.map { pow(values[$0] - wanted[$0], 2) }
        let mean = errors.reduce(0, +) / Double(errors.count)
        #expect(abs(encoder.maskedLoss(row, hidden: hidden, scale: .mean).item() / mean - 1) < 1e-5)
        let published = encoder.maskedLoss(row, hidden: hidden, scale: .published).item()
        #expect(abs(published * Double(values.count) / mean - 1) < 1e-5)
        #expect(try encoder.pretrainingLoss(flux).item() > 0)
    }

    @Test func onlyTheLogarithmIsGuarded() {
        var sizes = AutoEncoderConfiguration()
        (sizes.hidden, sizes.bottleneck) = (16, 8)
        sizes.statistics = .logStd
        let guarded = SpectralAutoEncoder(sizes, pixels: 60).vector(Tensor.ones([1, 60])).doubles()
        #expect(abs(guarded[0] + 6) < 1e-5 && guarded.dropFirst().allSatisfy { $0 == 0 })
        sizes.statistics = .meanStd
        #expect(SpectralAutoEncoder(sizes, pixels: 60).vector(Tensor.ones([1, 60])).doubles()[2].isNaN)
    }

    @Test(arguments: [
        ("{ width: 343 }", "encoder.mask.width"), ("{ chunks: -1 }", "encoder.mask.chunks"),
        ("{ ratio: 1 }", "encoder.mask.ratio"), ("{ wdith: 3 }", "did you mean 'width'?"),
    ])
    func impossibleMasksAreNamed(mask: String, part: String) {
        let yaml = """
            instruments: { gaia-xp: { encoder: { kind: auto-encoder, mask: \(mask) }, projection: { kind: mlp } } }
            align: { objective: clip }
            """
        #expect {
            try Configuration(yaml: yaml, source: "x.yaml")
        } throws: {
            "\($0)".contains(part)
        }
    }
}
