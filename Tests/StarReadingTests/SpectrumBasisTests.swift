import Foundation
import Posteriors
import Statistics
import Support
import TestFiles
import Testing
import Torch
@testable import StarReading

/// Spectra as a few numbers: found from noisy spectra with gaps, whose errors are misstated.
struct SpectrumBasisTests {
    private static let (pixels, count) = (120, 3)

    private struct Sky {
        var clean: [[Double]] = [], flux: Tensor, ivar: Tensor
    }

    /// Spectra of three numbers each, seen with gaps and a noise of 1.3 times what is stated.
    /// - Parameter together: neighbouring pixels that share their noise.
    private static func spectra(_ stars: Int, seed: UInt64, misstated: Double = 1.3, together: Int = 1) -> Sky {
        var random = SeededGenerator(seed: seed)
        var (clean, flux, ivar): ([[Double]], [Float], [Float]) = ([], [], [])
        for _ in 0..<stars {
            let z = (0..<count).map { _ in random.gaussian() }
            let own = (0..<pixels).map { pixel -> Double in
                let x = Double(pixel) / Double(pixels)
                return exp(0.8 * z[0] * (x - 0.5) + 0.1 * z[1] * sin(12 * x) + 0.05 * z[2] * cos(31 * x))
            }
            let stated = 10 * pow(10, -2.5 - random.uniform())
            let gap = Int(random.uniform() * 100)
            clean.append(own)
            var noise = 0.0
            for pixel in 0..<pixels {
                let isSeen = !(gap..<gap + 30).contains(pixel) && pixel != 60
                if pixel.isMultiple(of: together) { noise = misstated * stated * random.gaussian() }
                flux.append(Float(own[pixel] + noise))
                ivar.append(isSeen ? Float(1 / (stated * stated)) : 0)
            }
        }
        return Sky(
            clean: clean, flux: Tensor(flux, shape: [stars, pixels]), ivar: Tensor(ivar, shape: [stars, pixels]))
    }

    private static func learned(together: Int = 1) throws -> SpectrumBasis {
        let sky = spectra(1500, seed: 1, together: together)
        return try withoutGradient { try SpectrumBasis(sky.flux, ivar: sky.ivar, count: count, seed: 1) }
    }

    @Test func componentsAndErrorsAreFound() throws {
        let basis = try Self.learned()
        let factor = basis.noiseFactor.value.mean().item()
        // Stated variances are off by 1.69.
        #expect(factor > 1.5 && factor < 1.85, "\(factor)")
        #expect(basis.known.value.select(0, 60).item() == 0, "a pixel that no spectrum has")
        #expect(basis.known.value.sum().item() == Double(Self.pixels - 1))
        #expect(basis.correlated.value.item() < 1.3)

        let sky = Self.spectra(200, seed: 2)
        let (numbers, off) = withoutGradient { () -> (Tensor, [Double]) in
            let numbers = basis.evidence(sky.flux, ivar: sky.ivar).numbers
            let found = basis.logFlux(numbers).exp().floats()
            return (
                numbers,
                sky.clean.enumerated().flatMap { star, own in
                    own.enumerated().filter { $0.offset != 60 }.map {
                        Double(found[star * Self.pixels + $0.offset]) / $0.element - 1
                    }
                }
            )
        }
        // Noise is 0.4 to 4 % a pixel, and gaps are filled.
        let rms = (off.reduce(0) { $0 + $1 * $1 } / Double(off.count)).squareRoot()
        #expect(rms < 0.02, "\(rms)")
        let spread = numbers.std(dim: 0, unbiased: false, keepDims: false).floats()
        #expect(spread.allSatisfy { $0 > 0.8 && $0 < 1.2 }, "\(spread)")
    }

    /// Where neighbours share their noise, numbers follow more of it; what is left is not taken for less than there was, nor for more.
    @Test(arguments: [2, 4, 6])
    func noiseThatNeighboursShare(together: Int) throws {
        let basis = try Self.learned(together: together)
        let factor = basis.noiseFactor.value.mean().item()
        let remainder = basis.remainder.value.mean().item()
        let alike = basis.correlated.value.item() / Double(together)
        #expect(factor > 1.4 && factor < 1.95, "\(factor)")
        // Noise is 0.4 to 4 % a pixel.
        #expect(remainder < 1e-5, "\(remainder)")
        #expect(alike > 0.6 && alike < 1.6, "\(alike)")
    }

    /// Spectra of which nothing can be made, as those of two stars with glitches, do not turn the components after themselves; and stars
    /// that are a hundred times as red as the mean are understood.
    @Test func strangeSpectraSpoilNothing() throws {
        var random = SeededGenerator(seed: 9)
        func star(_ slope: Double, isStrange: Bool) -> [Float] {
            let bump = random.gaussian()
            return (0..<Self.pixels).map { pixel in
                let x = Double(pixel) / Double(Self.pixels)
                let flux = exp(slope * x + 0.1 * bump * sin(12 * x)) * (isStrange ? exp(2 * random.gaussian()) : 1)
                return Float(flux + 0.005 * random.gaussian())
            }
        }
        let slopes = (0..<1000).map { Double($0) / 1000 * 7 - 1 }
        let flux = slopes.enumerated().flatMap { star($0.element, isStrange: $0.offset % 50 == 0) }
        let all = Tensor(flux, shape: [1000, Self.pixels])
        // Errors are as small for bright pixels as for faint ones.
        let ivar = Tensor.ones([1000, Self.pixels]) * 4e4
        try withoutGradient {
            let basis = try SpectrumBasis(all, ivar: ivar, count: 3, seed: 1)
            let found = basis.logFlux(basis.evidence(all, ivar: ivar).numbers).exp()
            let off = ((found - all) / all.clamp(min: 0.05)).abs().floats()
            let normal = off.enumerated().filter { $0.offset / Self.pixels % 50 != 0 }.map(\.element).sorted()
            #expect(normal[normal.count * 99 / 100] < 0.05, "\(normal[normal.count * 99 / 100])")
        }
    }

    /// Where stars differ by factors and noise is small, spectra are told as well as their noise allows, and components are not said to
    /// leave what they do not.
    @Test func brightSpectraOfStarsThatDifferMuch() throws {
        let stars = 800
        var random = SeededGenerator(seed: 4)
        var (clean, flux, errors): ([Float], [Float], [Float]) = ([], [], [])
        for _ in 0..<stars {
            let (z, noise) = ((random.gaussian(), random.gaussian()), 0.001 * pow(10, random.uniform()))
            for pixel in 0..<Self.pixels {
                let x = Double(pixel) / Double(Self.pixels)
                let own = exp(2 * z.0 * (2 * x - 1) + 0.1 * z.1 * sin(12 * x))
                clean.append(Float(own))
                flux.append(Float(own * (1 + noise * random.gaussian())))
                errors.append(Float(own * noise))
            }
        }
        let truth = Tensor(clean, shape: [stars, Self.pixels]), seen = Tensor(flux, shape: [stars, Self.pixels])
        let ivar = Tensor(errors, shape: [stars, Self.pixels]).square().reciprocal()
        try withoutGradient {
            let basis = try SpectrumBasis(seen, ivar: ivar, count: 2, seed: 1)
            let anything = Mixture(
                logWeights: Tensor.zeros([stars, 1]), means: Tensor.zeros([stars, 1, 2]),
                factors: Tensor.eye(2).reshaped([1, 1, 2, 2]).expanded([stars, 1, 2, 2]))
            let band = try SpectrumDistribution(basis, anything).given(seen, ivar: ivar).band()
            func middle(_ values: Tensor) -> Double { median(values.abs().doubles()) }
            let (off, error) = (middle(band.flux / truth - 1), middle(band.error / truth))
            // Of the noise of a pixel, 0.1 to 1 %, two numbers leave an eighth.
            #expect(off < 0.0006 && error < 0.0012, "\(off) \(error)")
            #expect(median(basis.remainder.value.doubles()).squareRoot() < 0.0006)
        }
    }

    /// Each pair once gives what all pairs give.
    @Test func pairsGiveTheMatricesOfLeastSquares() {
        let (places, size) = (50, 4)
        var random = SeededGenerator(seed: 8)
        func normal(_ shape: [Int]) -> Tensor {
            Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.gaussian()) }, shape: shape)
        }
        let (rows, weights, some) = (normal([places, size]), normal([3, places]), normal([3, size, size]))
        let pairs = PairProducts(rows)
        let symmetric = some + some.transposed(-1, -2)
        let (sums, forms) = (pairs.sums(weights), pairs.forms(symmetric))
        for row in 0..<3 {
            let expected = (rows * weights.select(0, row).unsqueezed(1)).transposed().matmul(rows)
            #expect((sums.select(0, row) - expected).abs().max().item() < 1e-4)
            let form = (rows.matmul(symmetric.select(0, row)) * rows).sum(dims: [1])
            #expect((forms.select(0, row) - form).abs().max().item() < 1e-4)
        }
    }

    /// A distribution that knows nothing, once it has seen a half of each spectrum, holds the other half.
    @Test func theUnseenHalfLiesWithinItsBand() throws {
        let basis = try Self.learned()
        let sky = Self.spectra(300, seed: 3)
        let anything = Mixture(
            logWeights: Tensor.zeros([300, 1]), means: Tensor.zeros([300, 1, Self.count]),
            factors: Tensor.eye(Self.count).reshaped([1, 1, Self.count, Self.count]).expanded([
                300, 1, Self.count, Self.count,
            ]))
        let half = Tensor((0..<Self.pixels).map { $0 < 60 ? Float(1) : 0 }, shape: [1, Self.pixels])
        let plain = SpectrumDistribution(basis, anything)
        let told = try plain.given(sky.flux, ivar: sky.ivar * half)
        let (before, after) = (try plain.band(), try told.band())
        func right(_ tensor: Tensor) -> [Float] { tensor.narrow(1, start: 70, length: 50).contiguous().floats() }
        let truth = Tensor(sky.clean.flatMap { $0.map { Float($0) } }, shape: [300, Self.pixels])
        let scores = zip(zip(right(after.flux), right(truth)), right(after.error)).map { abs($0.0 - $0.1) / $1 }
        let inside = Double(scores.count { $0 < 1 }) / Double(scores.count)
        // Rather too wide: where noise is small, what components are said to leave is no smaller than can be measured.
        #expect(inside > 0.6 && inside < 0.87, "\(inside)")
        #expect(zip(right(after.error), right(before.error)).allSatisfy { $0 < $1 })
        #expect(after.flux.select(1, 60).isnan().all().item() == 1)
        // The more likely spectra are those that were seen.
        let own = try told.logLikelihood(sky.flux, ivar: sky.ivar).floats()
        let others = try told.logLikelihood(sky.flux.flipped([0]), ivar: sky.ivar.flipped([0])).floats()
        #expect(zip(own, others).count { $0 > $1 } > 290)
    }

    /// What spectra tell whose scale is not known is the same at any scale, and less than what they tell with it.
    @Test func scalesMayBeUnknown() throws {
        let (basis, sky) = (try Self.learned(), Self.spectra(50, seed: 5))
        func evidence(_ factor: Double, _ isUnknown: Bool) -> Mixture.Evidence {
            withoutGradient {
                basis.evidence(
                    sky.flux * factor, ivar: sky.ivar * (1 / (factor * factor)), scaleIsUnknown: isUnknown)
            }
        }
        let (known, plain, moved) = (evidence(1, false), evidence(1, true), evidence(2.5, true))
        #expect(zip(plain.numbers.floats(), moved.numbers.floats()).allSatisfy { abs($0 - $1) < 0.02 })
        let trace = { (own: Mixture.Evidence) in (own.precision * Tensor.eye(Self.count)).sum(dims: [1, 2]).floats() }
        #expect(zip(trace(plain), trace(known)).allSatisfy { $0 <= $1 * 1.001 })
        #expect(zip(plain.numbers.floats(), known.numbers.floats()).allSatisfy { abs($0 - $1) < 0.5 })
    }

    @Test func tooFewSpectraAreOneLine() {
        let sky = Self.spectra(20, seed: 4)
        #expect(throws: Diagnostic.self) { _ = try SpectrumBasis(sky.flux, ivar: sky.ivar, count: 3, seed: 1) }
    }
}
