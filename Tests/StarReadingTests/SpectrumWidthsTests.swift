import Foundation
import Posteriors
import Testing
import Torch
@testable import StarReading

/// By how much distributions of spectra are stretched.
struct SpectrumWidthsTests {
    private static func widths() -> SpectrumWidths {
        var widths = SpectrumWidths(levels: [1, 2])
        widths.factors[2][0] = (0..<10).map { 1 + 0.1 * Double($0) }
        widths.factors[2][1] = [Double](repeating: 3, count: 10)
        return widths
    }

    @Test func betweenLevelsFactorsLieBetween() {
        let widths = Self.widths()
        #expect(widths.factors(2, level: 0) == widths.factors[2][0])
        #expect(widths.factors(2, level: 5) == widths.factors[2][1])
        #expect(abs(widths.factors(2, level: 1.5)[4] - 2.2) < 1e-12)
        // How bright a star is that nobody has observed is not known.
        #expect(abs(widths.factors(2, level: nil)[4] - 2.2) < 1e-12)
        #expect(widths.factors(1, level: 1.2) == [Double](repeating: 1, count: 10))
    }

    /// Earlier versions had one factor for all that are known alike.
    @Test func filesOfBeforeAreRead() throws {
        let old = try JSONDecoder().decode(SpectrumWidths.self, from: Data("[1, 0.5, 2, 0.8]".utf8))
        #expect(old.isComplete && old.factors(2, level: 1.7) == [Double](repeating: 2, count: 10))
        let new = Self.widths()
        #expect(try JSONDecoder().decode(SpectrumWidths.self, from: JSONEncoder().encode(new)) == new)
        let short = try JSONDecoder().decode(SpectrumWidths.self, from: Data("[1, 0.5]".utf8))
        #expect(!short.isComplete)
    }

    /// Where the second half of the wavelengths is to be twice as wide it is, and the first stays.
    @Test func partsAreStretchedByTheirOwnFactors() {
        let (pixels, count) = (200, 24)
        let basis = SpectrumBasis(pixels: pixels, count: count)
        // Enough components to follow any smooth change.
        basis.components.value = Tensor(
            (0..<count).flatMap { k in
                (0..<pixels).map { Float(0.1 * cos(Double.pi * Double(k) * (Double($0) + 0.5) / Double(pixels))) }
            }, shape: [count, pixels])
        let plain = Mixture(
            logWeights: Tensor.zeros([2, 1]), means: Tensor.zeros([2, 1, count]),
            factors: Tensor.eye(count).reshaped([1, 1, count, count]).expanded([2, 1, count, count]))
        let factors = (0..<2).flatMap { star in (0..<10).map { star == 1 && $0 > 4 ? Float(2) : 1 } }
        let wide = plain.stretched(by: basis.stretch(Tensor(factors, shape: [2, 10])))
        func spread(_ mixture: Mixture, _ star: Int) -> [Float] {
            basis.logFlux(mixture.draws(4000, seed: 1).select(0, star)).std(dim: 0, unbiased: false, keepDims: false)
                .floats()
        }
        for (before, after) in zip(spread(plain, 0), spread(wide, 0)) { #expect(abs(after / before - 1) < 0.01) }
        let ratio = zip(spread(wide, 1), spread(plain, 1)).map { $0 / $1 }
        #expect(ratio[..<80].allSatisfy { abs($0 - 1) < 0.15 }, "\(ratio[..<80])")
        #expect(ratio[125...].allSatisfy { abs($0 - 2) < 0.3 }, "\(ratio[125...])")
    }
}
