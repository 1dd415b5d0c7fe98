import Foundation
import Posteriors
import Spectra
import Statistics
import Support
import Torch

/// Spectra of one instrument as a few numbers: log flux = mean + Σ z_k component_k, the numbers z about 0 with unit spread.
///
/// Principal components of the logarithm of the flux, in which dust and line strengths add up, found by weighted least squares in the
/// flux itself: pixels count by their errors, and those that a spectrum does not have do not count (Bailey 2012, PASP 124, 1015).
final class SpectrumBasis: Module {
    /// `[P]` and `[K, P]`.
    let mean: Buffer, components: Buffer
    /// Of each pixel: by what factor stated variances are off, and the relative variance that the components leave, `[P]`.
    let noiseFactor: Buffer, remainder: Buffer
    /// 1 for pixels that enough training spectra had, else 0, `[P]`.
    let known: Buffer
    /// How many neighbouring pixels tell as much as one with errors of its own, `[1]`.
    let correlated: Buffer

    var count: Int { components.value.size(0) }
    var pixels: Int { mean.value.size(0) }

    /// An empty one, to be loaded.
    init(pixels: Int, count: Int) {
        mean = Buffer(Tensor.zeros([pixels]))
        components = Buffer(Tensor.zeros([count, pixels]))
        noiseFactor = Buffer(Tensor.ones([pixels]))
        remainder = Buffer(Tensor.zeros([pixels]))
        known = Buffer(Tensor.ones([pixels]))
        correlated = Buffer(Tensor.ones([1]))
        super.init()
    }

    // MARK: - Spectra

    /// What multiplies the deviations of numbers where those of the log flux are to be larger in one part of the wavelengths
    /// (`SpectrumWidths`), `[parts, K, K]`. Those of several parts add up.
    var stretches: Tensor {
        let own = (components.value * known.value).to(.float64)
        let weights = SpectrumWidths.weights(pixels: pixels).to(.float64).unsqueezed(1)
        let unit = Tensor.eye(count, dtype: .float64)
        return (own.matmul(own.transposed()) + unit * 1e-9).solving((own * weights).matmul(own.transposed()))
            .to(.float32)
    }

    /// The share of the pixels of each part of the wavelengths (`SpectrumWidths`) that are seen; NaN where nothing is known of a part.
    /// - Parameter ivar: inverse variance, `[B, P]`; 0 where a pixel carries no information.
    func seen(_ ivar: Tensor) -> [[Double]] {
        let membership = SpectrumWidths.membership(pixels: pixels)
        let all = known.value.unsqueezed(0).matmul(membership)
        let shares = ((ivar.gt(0).to(.float32) * known.value).matmul(membership) / all).doubles()
        return stride(from: 0, to: shares.count, by: SpectrumWidths.parts).map {
            Array(shares[$0..<$0 + SpectrumWidths.parts])
        }
    }

    /// What numbers make of the mean log flux of each part of the wavelengths, `[K, parts]`; NaN of parts of which nothing is known.
    var partMeans: Tensor {
        let own = SpectrumWidths.membership(pixels: pixels) * known.value.unsqueezed(1)
        return components.value.matmul(own) / own.sum(dims: [0])
    }

    /// Log flux of some numbers, `[…, K]` → `[…, P]`.
    func logFlux(_ numbers: Tensor) -> Tensor { logFlux(deviation: numbers.matmul(components.value)) }

    /// Log flux that deviates so from its mean, `[…, P]`.
    func logFlux(deviation: Tensor) -> Tensor {
        (deviation + mean.value).clamp(min: -Self.farthest, max: Self.farthest)
    }

    /// No star's flux is so many times another's.
    private static let farthest = 9.0

    /// Variance of what is observed at a flux, `[B, P]`; infinite where nothing was observed, or nothing is known.
    /// - Parameters:
    ///   - flux: expected, `[B, P]`.
    ///   - ivar: stated inverse variance, `[B, P]`.
    func precision(_ flux: Tensor, ivar: Tensor) -> Tensor {
        let own = noiseFactor.value / ivar.clamp(min: 1e-12) + remainder.value * flux.square()
        return own.reciprocal() * ivar.gt(0).to(.float32) * known.value
    }

    /// What spectra tell of their numbers, by a quadratic about the best of these (Laplace).
    /// - Parameters:
    ///   - flux: prepared, `[B, P]`.
    ///   - ivar: inverse variance, `[B, P]`; 0 where a pixel carries no information.
    ///   - scaleIsUnknown: whether all spectra may be off by a factor each, of which nothing is known.
    func evidence(_ flux: Tensor, ivar: Tensor, scaleIsUnknown: Bool = false) -> Mixture.Evidence {
        let blocks = stride(from: 0, to: flux.size(0), by: Self.block).map { start in
            let length = min(Self.block, flux.size(0) - start)
            return evidence(
                block: flux.narrow(0, start: start, length: length), ivar.narrow(0, start: start, length: length),
                scaleIsUnknown)
        }
        return Mixture.Evidence.joined(blocks)
    }

    private static let block = 512
    private static let steps = 12
    /// What holds numbers near 0 that a spectrum does not tell, while the best are looked for.
    private static let hold = 0.1

    private func evidence(block flux: Tensor, _ ivar: Tensor, _ scaleIsUnknown: Bool) -> Mixture.Evidence {
        // A factor is one more component, the same at all pixels, of which the evidence is integrated at the end.
        let components =
            scaleIsUnknown
            ? Tensor.cat([self.components.value, Tensor.ones([1, pixels])], dim: 0) : self.components.value
        let size = components.size(0)
        let pairs = PairProducts(components.transposed())
        let hold = Tensor.eye(size) * Self.hold
        let logs = LogSpectra(flux, ivar: ivar * known.value)
        // From 0 a search in the flux goes astray where this is far from the mean: of one XP spectrum in twenty.
        var numbers = Self.solved(
            Self.weights(logs) / correlated.value, logs.values - mean.value, components.transposed(), hold: Self.hold)
        func state() -> (expected: Tensor, weights: Tensor, slope: Tensor) {
            let expected = (numbers.matmul(components) + mean.value)
                .clamp(min: -Self.farthest, max: Self.farthest).exp()
            let weights = precision(expected, ivar: ivar) / correlated.value
            return (expected, weights, (weights * expected * (flux - expected)).matmul(components.transposed()))
        }
        for _ in 0..<Self.steps {
            let now = state()
            let step = (pairs.sums(now.weights * now.expected.square()) + hold)
                .solving((now.slope - numbers * Self.hold).unsqueezed(-1)).squeezed(-1)
            numbers = numbers + step.clamp(min: -1.5, max: 1.5)
        }
        let now = state()
        // In double precision: where spectra tell most numbers well, single precision would make of what they tell least less than
        // nothing.
        let bend = PairProducts(components.to(.float64).transposed())
            .sums((now.weights * now.expected.square()).to(.float64))
        let bent = bend.matmul(numbers.to(.float64).unsqueezed(-1)).squeezed(-1)
        let seen = now.weights.gt(0).to(.float32)
        let logNorm =
            ((now.weights * correlated.value).clamp(min: 1e-30).log() * seen - seen * Foundation.log(2 * Double.pi))
            .sum(dims: [1]) / correlated.value
        let fit = (now.weights * (flux - now.expected).square()).sum(dims: [1]) - logNorm
        // fit is c − 2 bᵀz + zᵀAz at the best numbers, where the slope of the likelihood is not quite 0.
        let shift = bent + now.slope.to(.float64)
        let constant = fit.to(.float64) + (shift * numbers).sum(dims: [1]) * 2 - (numbers * bent).sum(dims: [1])
        let evidence = Mixture.Evidence(precision: bend, shift: shift, constant: constant)
        return scaleIsUnknown ? evidence.withoutLast : evidence
    }
}

// MARK: - Learning

extension SpectrumBasis {
    /// Spectra that a pixel must be known of.
    static let fewest = 50
    /// Relative error below which a pixel counts no more while components are looked for.
    private static let fineEnough = 0.01
    private static let rounds = 10, refinements = 3, settlings = 4
    /// Stars farther out than so many spreads do not turn components after themselves, nor do pixels that are off by more than so many
    /// errors.
    private static let (farStar, farPixel) = (5.0, 3.0)

    /// What pixels of a relative variance count.
    private static func limited(_ variance: Tensor) -> Tensor { (variance + fineEnough * fineEnough).reciprocal() }

    /// What logarithms count.
    fileprivate static func weights(_ logs: LogSpectra) -> Tensor {
        logs.weights(beside: Tensor([Float(fineEnough * fineEnough)], shape: [1]))
    }

    /// Finds the components of some spectra.
    /// - Parameters:
    ///   - flux: prepared, `[N, P]`; some thousands.
    ///   - ivar: inverse variance, `[N, P]`; 0 where a pixel carries no information.
    ///   - count: K.
    ///   - seed: equal seeds give equal components.
    convenience init(_ flux: Tensor, ivar: Tensor, count: Int, seed: UInt64) throws {
        let pixels = flux.size(1)
        self.init(pixels: pixels, count: count)
        let enough = ivar.gt(0).to(.float32).sum(dims: [0]).ge(Double(Self.fewest)).to(.float32)
        known.value = enough
        guard enough.sum().item() > Double(2 * count) else {
            throw Diagnostic(problem: "too few spectra to find \(count) components")
        }
        // First in the logarithm, by S/N.
        let logs = LogSpectra(flux, ivar: ivar * enough)
        let weights = Self.weights(logs)
        mean.value = (weights * logs.values).sum(dims: [0]) / weights.sum(dims: [0]).clamp(min: 1e-6)
        var random = SeededGenerator(seed: seed)
        components.value = Tensor(
            (0..<count * pixels).map { _ in Float(0.1 * random.gaussian()) }, shape: [count, pixels])
        var numbers = Tensor.zeros([flux.size(0), count])
        for _ in 0..<Self.rounds {
            try Interruption.check()
            let rest = logs.values - mean.value
            numbers = Self.solved(weights, rest, components.value.transposed(), hold: Self.hold)
            components.value = Self.solved(
                weights.transposed(), rest.transposed(), numbers, hold: Self.hold
            ).transposed()
            numbers = normalise(numbers)
        }
        measureRemainders(flux, ivar: ivar, numbers, absorbed: nil)
        // Then in the flux, with what the first tell of its errors. What is noise and how far it goes together hang on each other:
        // numbers follow more of what goes together, and leave less. So both are found in turn until they agree.
        for round in 0..<Self.refinements + Self.settlings {
            try Interruption.check()
            let own = evidence(flux, ivar: ivar)
            numbers = own.numbers
            let absorbed = absorbed(own, flux, ivar: ivar)
            if round < Self.refinements { numbers = improve(flux, ivar: ivar, numbers) }
            measureRemainders(flux, ivar: ivar, numbers, absorbed: absorbed)
            try settleCorrelation(flux, ivar: ivar)
        }
    }

    /// Moves mean and components towards what they leave of spectra, and gives the numbers in terms of the new ones.
    private func improve(_ flux: Tensor, ivar: Tensor, _ numbers: Tensor) -> Tensor {
        let expected = logFlux(numbers).exp()
        let variance = (precision(expected, ivar: ivar) * expected.square()).clamp(min: 1e-12).reciprocal()
        let off = (flux - expected) / expected
        // What was not understood shall not decide what all others are made of.
        let isFar = off.square() / variance * (1 / (Self.farPixel * Self.farPixel)) + 1
        let weights = Self.limited(variance) / isFar * ivar.gt(0).to(.float32) * known.value
        let regressors = Tensor.cat(
            [numbers.clamp(min: -Self.farStar, max: Self.farStar), Tensor.ones([flux.size(0), 1])], dim: 1)
        let step = Self.solved(
            weights.transposed(), off.clamp(min: -0.5, max: 0.5).transposed(), regressors, hold: Self.hold)
        components.value = components.value + step.narrow(1, start: 0, length: count).transposed()
        mean.value = mean.value + step.select(1, count)
        return normalise(numbers)
    }

    /// The share of each pixel's noise that the numbers of its own spectrum follow, `[N, P]`.
    private func absorbed(_ evidence: Mixture.Evidence, _ flux: Tensor, ivar: Tensor) -> Tensor {
        let blocks = stride(from: 0, to: flux.size(0), by: Self.block).map { start in
            let rows = Array(start..<min(start + Self.block, flux.size(0)))
            let own = evidence.rows(Tensor(rows.map(Int64.init), shape: [rows.count]))
            let expected = logFlux(own.numbers).exp()
            return variance(own, hold: Self.hold) * expected.square() * precision(expected, ivar: ivar.rows(rows))
        }
        return Tensor.cat(blocks, dim: 0)
    }

    /// How far the logarithm of the flux may be off at each pixel by what spectra tell, `[B, P]`.
    /// - Parameter hold: what is known of the numbers before, as a precision.
    private func variance(_ evidence: Mixture.Evidence, hold: Double) -> Tensor {
        let (stars, unit) = (evidence.precision.size(0), Tensor.eye(count, dtype: .float64))
        let spread = (evidence.precision.to(.float64) + unit * hold).solving(unit.expanded([stars, count, count]))
        return PairProducts(components.value.transposed()).forms(spread.to(.float32))
    }

    /// Weighted least squares of each row: what multiplies the regressors.
    /// - Parameters:
    ///   - weights: `[R, N]`.
    ///   - targets: `[R, N]`.
    ///   - regressors: `[N, K]`.
    ///   - hold: what is added to the diagonal.
    /// - Returns: `[R, K]`.
    private static func solved(_ weights: Tensor, _ targets: Tensor, _ regressors: Tensor, hold: Double) -> Tensor {
        let matrix = PairProducts(regressors).sums(weights) + Tensor.eye(regressors.size(1)) * hold
        return matrix.solving((weights * targets).matmul(regressors).unsqueezed(-1)).squeezed(-1)
    }

    /// Turns the components so that the numbers of all spectra are independent, with mean 0 and unit spread.
    private func normalise(_ numbers: Tensor) -> Tensor {
        // Single odd spectra do not decide what the mean and the spread are.
        func limited(_ numbers: Tensor) -> Tensor { numbers.clamp(min: -Self.farStar, max: Self.farStar) }
        let centre = limited(numbers).mean(dims: [0], keepDims: true)
        let moved = numbers - centre
        let few = limited(moved)
        let (values, vectors) = few.transposed().matmul(few).to(.float64).symmetricEigen()
        let scales = (values.to(.float32) / Double(numbers.size(0))).clamp(min: 1e-8).sqrt()
        mean.value = mean.value + centre.matmul(components.value).squeezed(0)
        components.value = (vectors.to(.float32) * scales).transposed().matmul(components.value)
        return moved.matmul(vectors.to(.float32) / scales)
    }

    /// How far from their spectra the numbers lie: by more than the stated errors, or by less.
    /// - Parameter absorbed: the share of the noise that the numbers follow, `[N, P]`.
    private func measureRemainders(_ flux: Tensor, ivar: Tensor, _ numbers: Tensor, absorbed: Tensor?) {
        let expected = logFlux(numbers).exp()
        var apart = (flux - expected) / expected
        if let absorbed { apart = apart / (absorbed * -1 + 1).clamp(min: Self.leastLeft).sqrt() }
        let off = apart.transposed().contiguous().floats()
        let stated = (ivar * expected.square()).transposed().contiguous().floats()
        let (stars, pixels) = (flux.size(0), pixels)
        let found = concurrentMap(Array(0..<pixels)) { pixel -> (factor: Double, remainder: Double)? in
            var own: [(noise: Float, square: Float)] = []
            for place in pixel * stars..<(pixel + 1) * stars where stated[place] > 0 {
                own.append((1 / stated[place], off[place] * off[place]))
            }
            guard own.count >= Self.fewest else { return nil }
            own.sort { $0.noise < $1.noise }
            // The median of χ² with one degree of freedom is 0.455.
            func spread(_ part: ArraySlice<(noise: Float, square: Float)>) -> (noise: Double, variance: Double) {
                (Double(part[part.startIndex + part.count / 2].noise), median(part.map { Double($0.square) }) / 0.455)
            }
            let (clear, faint) = (spread(own[..<(own.count / 3)]), spread(own[(own.count * 3 / 5)...]))
            let factor = (faint.variance - clear.variance) / max(faint.noise - clear.noise, 1e-12)
            let likely = min(max(factor, Self.factors.lowerBound), Self.factors.upperBound)
            return (likely, clear.variance - likely * clear.noise)
        }
        let factors = found.map { log($0?.factor ?? 1) }
        let smooth = factors.indices.map { pixel in
            let near = factors[max(0, pixel - Self.reach)...min(pixels - 1, pixel + Self.reach)]
            return exp(near.reduce(0, +) / Double(near.count))
        }
        noiseFactor.value = Tensor(smooth.map { Float($0) }, shape: [pixels])
        remainder.value = Tensor(found.map { Float(max($0?.remainder ?? 1e-6, 1e-7)) }, shape: [pixels])
    }

    private static let reach = 7
    /// Stated variances are off by no more. Where XP spectra are divided by their own flux, at 550 nm, hardly any noise is left.
    private static let factors = 0.005...2
    /// Of no pixel the numbers follow more of the noise.
    private static let leastLeft = 0.1

    /// Spectra that tell how much neighbours count, and how near to right that is found.
    private static let judges = 600
    private static let halvings = 6
    private static let mostAlike = 16.0

    /// Says how many neighbouring pixels tell as much as one so that, of every other tenth of a spectrum, the rest is told as well as it
    /// is said to be: errors of neighbours go together where a spectrum was made of smooth functions, as those of Gaia are, and so does
    /// what the components leave.
    private func settleCorrelation(_ flux: Tensor, ivar: Tensor) throws {
        let rows = Array(0..<flux.size(0)).evenlySampled(Self.judges)
        let (flux, ivar) = (flux.rows(rows), ivar.rows(rows))
        let even = Tensor((0..<pixels).map { $0 * 10 / pixels % 2 == 0 ? Float(1) : 0 }, shape: [1, pixels])
        var (low, high) = (1.0, Self.mostAlike)
        for _ in 0..<Self.halvings {
            try Interruption.check()
            let middle = (low * high).squareRoot()
            correlated.value = Tensor([Float(middle)], shape: [1])
            let held = [even, even * -1 + 1].map { self.held(flux, ivar: ivar, shown: $0) }
            if held[0] + held[1] < 2 * 0.6827 { low = middle } else { high = middle }
        }
        correlated.value = Tensor([Float((low * high).squareRoot())], shape: [1])
    }

    /// The share of the pixels not shown that lies within an error of what the others tell, if numbers have unit spread.
    private func held(_ flux: Tensor, ivar: Tensor, shown: Tensor) -> Double {
        let own = evidence(flux, ivar: ivar * shown)
        let precise = own.precision.to(.float64) + Tensor.eye(count, dtype: .float64)
        let numbers = precise.solving(own.shift.to(.float64).unsqueezed(-1)).squeezed(-1).to(.float32)
        let expected = logFlux(numbers).exp()
        let rest = precision(expected, ivar: ivar * (shown * -1 + 1))
        let isJudged = rest.gt(0).to(.float32)
        let variance = variance(own, hold: 1) * expected.square() + rest.clamp(min: 1e-12).reciprocal()
        let isHeld = (flux - expected).square().lt(variance).to(.float32) * isJudged
        return isHeld.sum().item() / max(isJudged.sum().item(), 1)
    }
}
