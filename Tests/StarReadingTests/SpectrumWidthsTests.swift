import Foundation
import Posteriors
import Testing
import Torch
@testable import StarReading

/// By how much distributions of spectra are stretched.
struct SpectrumWidthsTests {
    private static func widths() -> SpectrumWidths {
        var widths = SpectrumWidths(levels: [1, 2])
        widths[.labels][0] = (0..<10).map { 1 + 0.1 * Double($0) }
        widths[.labels][1] = [Double](repeating: 3, count: 10)
        return widths
    }

    @Test func betweenLevelsFactorsLieBetween() {
        let widths = Self.widths()
        #expect(widths.factors(.labels, level: 0) == widths[.labels][0])
        #expect(widths.factors(.labels, level: 5) == widths[.labels][1])
        #expect(abs(widths.factors(.labels, level: 1.5)[4] - 2.2) < 1e-12)
        // How bright a star is that nobody has observed is not known.
        #expect(abs(widths.factors(.labels, level: nil)[4] - 2.2) < 1e-12)
        #expect(widths.factors(.others, level: 1.2) == [Double](repeating: 1, count: 10))
    }

    /// Hidden parts are as wide as stars told for such: beyond what is seen, and between.
    @Test func hiddenPartsHaveFactorsOfTheirOwn() {
        var widths = SpectrumWidths(levels: [1])
        widths[.below] = [(0..<10).map { 1.1 + 0.01 * Double($0) }]
        widths[.above] = [[Double](repeating: 3, count: 10)]
        widths[.between] = [[Double](repeating: 2, count: 10)]
        let whole = [Double](repeating: 1, count: 10)
        #expect(widths.factors(seen: whole, level: 1) == nil)
        #expect(widths.factors(seen: [Double](repeating: 0, count: 10), level: 1) == nil)
        var seen = whole
        (seen[0], seen[1], seen[5], seen[8], seen[9]) = (0, 0.4, 0.2, 0, .nan)
        let found = widths.factors(seen: seen, level: nil)
        #expect(found == [1.1, 1.11, 1, 1, 1, 2, 1, 1, 3, 1])
    }

    /// Earlier versions had one factor for all that are known alike.
    @Test func filesOfBeforeAreRead() throws {
        let old = try JSONDecoder().decode(SpectrumWidths.self, from: Data("[1, 0.5, 2, 0.8]".utf8))
        #expect(old.isComplete && old.factors(.labels, level: 1.7) == [Double](repeating: 2, count: 10))
        let new = Self.widths()
        #expect(try JSONDecoder().decode(SpectrumWidths.self, from: JSONEncoder().encode(new)) == new)
        let four = #"{"levels": [1], "factors": [[[2, 2, 2, 2, 2, 2, 2, 2, 2, 2]], [], [], []]}"#
        let before = try JSONDecoder().decode(SpectrumWidths.self, from: Data(four.utf8))
        #expect(before[.nothing][0][3] == 2 && before[.between] == [[Double](repeating: 1, count: 10)])
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
        let wide = plain.stretched(
            by: SpectrumWidths.stretch(Tensor(factors, shape: [2, 10]), of: basis.stretches))
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
