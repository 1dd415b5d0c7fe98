import Foundation
import LearnedResults
import Testing
@testable import SpecCLIP
@testable import Torch

/// An encoder that knows masks and errors.
struct ResidualEncoderTests {
    private static func encoder() -> ResidualEncoder {
        Generator.seed(LearnedResults.seed(3))
        var sizes = ResidualEncoderConfiguration()
        (sizes.hidden, sizes.bottleneck) = (32, 8)
        let encoder = ResidualEncoder(sizes, pixels: 100)
        encoder.adapt(to: SpectrumBatch(Tensor.randn([64, 100]) * 0.1 + 1))
        encoder.evaluate()
        return encoder
    }

    private static func batch(_ flux: Tensor, hidden: Range<Int> = 0..<0, ivar: Tensor? = nil) -> SpectrumBatch {
        let valid = (0..<flux.shape[0]).flatMap { _ in (0..<100).map { hidden.contains($0) ? Float(0) : 1 } }
        return SpectrumBatch(flux, ivar: ivar, valid: Tensor(valid, shape: flux.shape))
    }

    private static func difference(_ a: Tensor, _ b: Tensor) -> Double { (a - b).abs().max().doubles()[0] }

    @Test func whatIsMissingDoesNotCount() {
        let encoder = Self.encoder()
        let flux = Tensor.randn([4, 100]) * 0.1 + 1
        let spoilt = flux + Tensor((0..<400).map { (40..<60).contains($0 % 100) ? Float(1e6) : 0 }, shape: [4, 100])
        let (one, other) = (encoder(Self.batch(flux, hidden: 40..<60)), encoder(Self.batch(spoilt, hidden: 40..<60)))
        #expect(Self.difference(one, other) == 0)
        #expect(Self.difference(one, encoder(Self.batch(flux))) > 1e-3)
    }

    /// A pixel of endless noise tells nothing; one whose error is not known is taken as it is.
    @Test func errorsWeigh() {
        let encoder = Self.encoder()
        let flux = Tensor.randn([4, 100]) * 0.1 + 1
        let noisy = Tensor((0..<400).map { (40..<60).contains($0 % 100) ? Float(1e-9) : 1e9 }, shape: [4, 100])
        let other = flux + Tensor((0..<400).map { (40..<60).contains($0 % 100) ? Float(0.3) : 0 }, shape: [4, 100])
        #expect(Self.difference(encoder(Self.batch(flux, ivar: noisy)), encoder(Self.batch(other, ivar: noisy))) < 1e-4)
        let unknown = Tensor.zeros([4, 100])
        #expect(Self.difference(encoder(Self.batch(flux, ivar: unknown)), encoder(Self.batch(flux))) == 0)
    }

    /// Mean and spread are part of the file.
    @Test func theEncoderIsItsFile() throws {
        let encoder = Self.encoder()
        var sizes = ResidualEncoderConfiguration()
        (sizes.hidden, sizes.bottleneck) = (32, 8)
        let copy = ResidualEncoder(sizes, pixels: 100)
        try copy.load(Dictionary(uniqueKeysWithValues: encoder.stateDictionary()))
        copy.evaluate()
        let flux = Tensor.randn([4, 100]) * 0.1 + 1
        #expect(Self.difference(encoder(Self.batch(flux)), copy(Self.batch(flux))) == 0)
        let configuration = EncoderConfiguration(sizes)
        let decoded = try JSONDecoder().decode(EncoderConfiguration.self, from: JSONEncoder().encode(configuration))
        #expect(decoded == configuration)
    }

    /// Spectra of one number are read back from a part of them.
    @Test(.tags(.learned)) func partsAreReadBack() throws {
        let encoder = Self.encoder()
        let shape = Tensor((0..<100).map { Float(sin(Double($0) / 7)) }, shape: [1, 100])
        let flux = Tensor.randn([256, 1]) * 0.1 * shape + 1
        encoder.adapt(to: SpectrumBatch(flux))
        let batch = Self.batch(flux, hidden: 30..<70)
        let left = try lossLeft(encoder, batch, finding: flux)
        // 0.0021 ± 0.0002 (32)
        expectLearned(left, below: 0.01, "what is left of the loss of parts")
    }
}
