import Foundation
import LearnedResults
import Testing
@testable import SpecCLIP
@testable import Torch

/// A transformer over patches that knows masks, errors and wavelengths.
struct PatchTransformerTests {
    private static let pixels = 100

    private static func encoder() -> PatchTransformer {
        Generator.seed(LearnedResults.seed(3))
        var sizes = PatchTransformerConfiguration()
        (sizes.patch, sizes.width, sizes.layers, sizes.heads, sizes.bottleneck, sizes.hidden) = (16, 32, 2, 4, 8, 32)
        let encoder = PatchTransformer(sizes, pixels: pixels)
        encoder.adapt(to: SpectrumBatch(Tensor.randn([64, pixels]) * 0.1 + 1))
        encoder.evaluate()
        return encoder
    }

    /// Spectra on a logarithmic grid, without data in some pixels.
    private static func batch(_ flux: Tensor, hidden: Range<Int> = 0..<0, from start: Double = 3.6) -> SpectrumBatch {
        let valid = (0..<flux.shape[0]).flatMap { _ in (0..<pixels).map { hidden.contains($0) ? Float(0) : 1 } }
        let wavelength = (0..<pixels).map { Float(pow(10, start + 1e-3 * Double($0))) }
        return SpectrumBatch(
            flux, valid: Tensor(valid, shape: flux.shape), wavelength: Tensor(wavelength, shape: [pixels]))
    }

    private static func difference(_ a: Tensor, _ b: Tensor) -> Double { (a - b).abs().max().doubles()[0] }

    /// Neither patches without data nor single pixels of others; what is left of a star still tells something.
    @Test(arguments: [16..<64, 40..<60, 0..<100]) func whatIsMissingDoesNotCount(_ hidden: Range<Int>) {
        let encoder = Self.encoder()
        let flux = Tensor.randn([4, Self.pixels]) * 0.1 + 1
        let spoilt =
            flux + Tensor((0..<400).map { hidden.contains($0 % 100) ? Float(1e6) : 0 }, shape: [4, Self.pixels])
        let one = encoder(Self.batch(flux, hidden: hidden))
        #expect(one.isfinite().all().doubles()[0] == 1)
        #expect(Self.difference(one, encoder(Self.batch(spoilt, hidden: hidden))) == 0)
        #expect(Self.difference(one, encoder(Self.batch(flux))) > 1e-3)
    }

    /// The same pixels elsewhere are another spectrum; and a spectrum is read alike whatever stands beside it.
    @Test func wavelengthsCount() {
        let encoder = Self.encoder()
        let flux = Tensor.randn([4, Self.pixels]) * 0.1 + 1
        let one = encoder(Self.batch(flux))
        #expect(Self.difference(one, encoder(Self.batch(flux, from: 3.7))) > 1e-3)
        let alone = encoder(Self.batch(flux.narrow(0, start: 1, length: 1)))
        #expect(Self.difference(one.narrow(0, start: 1, length: 1), alone) < 1e-5)
    }

    /// Leaving all patches in is drawing a spectrum from itself; leaving out half is another loss each time.
    @Test func patchesAreHidden() throws {
        let encoder = Self.encoder()
        let batch = Self.batch(Tensor.randn([4, Self.pixels]) * 0.1 + 1)
        let losses = try (0..<2).map { _ in try encoder.pretrainingLoss(batch, finding: batch.flux).doubles()[0] }
        #expect(losses.allSatisfy { $0.isFinite } && losses[0] != losses[1])
    }

    @Test func theEncoderIsItsFile() throws {
        let encoder = Self.encoder()
        var sizes = PatchTransformerConfiguration()
        (sizes.patch, sizes.width, sizes.layers, sizes.heads, sizes.bottleneck, sizes.hidden) = (16, 32, 2, 4, 8, 32)
        let copy = PatchTransformer(sizes, pixels: Self.pixels)
        try copy.load(Dictionary(uniqueKeysWithValues: encoder.stateDictionary()))
        copy.evaluate()
        let batch = Self.batch(Tensor.randn([4, Self.pixels]) * 0.1 + 1)
        #expect(Self.difference(encoder(batch), copy(batch)) == 0)
        let configuration = EncoderConfiguration(sizes)
        let decoded = try JSONDecoder().decode(EncoderConfiguration.self, from: JSONEncoder().encode(configuration))
        #expect(decoded == configuration)
    }

    @Test func impossibleSizesAreTold() {
        func problem(_ change: (inout PatchTransformerConfiguration) -> Void) -> String? {
            var sizes = PatchTransformerConfiguration()
            change(&sizes)
            return sizes.problem(pixels: 4076)
        }
        #expect(problem { _ in } == nil)
        #expect(problem { $0.patch = 5000 }?.hasPrefix("patch: 5000") == true)
        #expect(problem { $0.heads = 5 }?.contains("multiple of heads (5)") == true)
        #expect(problem { $0.mask = 1 }?.hasPrefix("mask: 1.0") == true)
        #expect(problem { $0.layers = 0 }?.hasPrefix("layers: 0") == true)
    }

    /// Spectra of one number are drawn from half of their patches.
    @Test(.tags(.learned)) func wholeSpectraAreDrawnFromParts() throws {
        let encoder = Self.encoder()
        let shape = Tensor((0..<Self.pixels).map { Float(sin(Double($0) / 7)) }, shape: [1, Self.pixels])
        let flux = Tensor.randn([256, 1]) * 0.1 * shape + 1
        let batch = Self.batch(flux)
        encoder.adapt(to: batch)
        let left = try lossLeft(encoder, batch, finding: flux)
        // 0.0009 ± 0.0006 (19)
        expectLearned(left, below: 0.01, "what is left of the loss of parts")
    }
}
