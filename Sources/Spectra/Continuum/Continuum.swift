/// The continuum of a stellar spectrum, as the published SpecCLIP pipeline estimates it (Zhao et al. 2025,
/// arXiv 2507.01939; its routine `gaspp_fitcont2`), in double precision.
///
/// Blue arm: the upper envelope, by fitting a polynomial, raising the flux to it where it is lower, and fitting again.
/// Red arm: a polynomial, with the flux replaced by the fit where it lies below it or more than 3σ above. Elsewhere
/// the continuum is the running median of the flux itself, so the normalised flux is about 1 there.
public enum Continuum {
    /// The continuum at every pixel, in the unit of the flux; positive everywhere.
    ///
    /// - Parameters:
    ///   - wavelength: strictly increasing, Å.
    ///   - flux: finite, of the same length.
    ///   - recipe: orders, ranges and iterations.
    ///   - truncatesRank: cut the polynomial fits at the rank `numpy.polyfit` reaches for 32-bit wavelengths.
    ///   - range: where the continuum is needed; arms that do not touch it are not fitted.
    /// - Throws: `Diagnostic` if lengths differ, a value is not finite or the wavelengths do not increase.
    public static func fit(
        wavelength: [Double], flux: [Double], recipe: ContinuumRecipe = ContinuumRecipe(), truncatesRank: Bool = false,
        within range: ClosedRange<Double>? = nil
    ) throws -> [Double] {
        try SpectrumValidation.checkNumbers(wavelength: wavelength, flux: flux, file: "continuum")
        return fitChecked(
            wavelength: wavelength, flux: flux, recipe: recipe, truncatesRank: truncatesRank, within: range)
    }

    /// ``fit(wavelength:flux:recipe:truncatesRank:within:)`` for arrays already known to be sound.
    static func fitChecked(
        wavelength: [Double], flux: [Double], recipe: ContinuumRecipe, truncatesRank: Bool,
        within range: ClosedRange<Double>?
    ) -> [Double] {
        let plan = ContinuumPlan.shared(wavelength, recipe, truncates: truncatesRank)
        let smooth = runningMedian(flux, width: recipe.medianWidth)
        var continuum = smooth
        func isNeeded(_ arm: Range<Int>) -> Bool {
            guard let range, let first = arm.first, let last = arm.last else { return true }
            return wavelength[first] <= range.upperBound && wavelength[last] >= range.lowerBound
        }
        if let fit = plan.blueFit, isNeeded(plan.blue) {
            let arm = blueArm(smooth[plan.blue], wavelength: wavelength, plan: plan, fit: fit, recipe: recipe)
            continuum.replaceSubrange(plan.blue, with: arm)
        }
        if let fit = plan.redFit, isNeeded(plan.red) {
            continuum.replaceSubrange(plan.red, with: redArm(smooth[plan.red], fit: fit, recipe: recipe))
        }
        for i in continuum.indices where continuum[i] <= 0 { continuum[i] = 1 }
        return continuum
    }

    private static func blueArm(
        _ smooth: ArraySlice<Double>, wavelength: [Double], plan: ContinuumPlan, fit: PolynomialFit,
        recipe: ContinuumRecipe
    ) -> [Double] {
        // The smoothed arm serves the question whether the star is hot, and nothing else.
        let isSmoothed = recipe.signalToNoise < 50
        var values = fit.blocks(isSmoothed ? smoothed(smooth, recipe)[...] : smooth)
        var coefficients = fit.fit(values)
        let first = fit.values(coefficients)
        let peak = first.indices.max { first[$0] < first[$1] } ?? 0
        let isHot = wavelength[plan.blue.lowerBound + peak] < recipe.hotStarPeak
        if isHot {
            values = fit.blocks(bridged(Array(smooth), wavelength: wavelength, plan: plan)[...])
        } else if isSmoothed {
            values = fit.blocks(smooth)
        }
        if isHot || isSmoothed { coefficients = fit.fit(values) }
        for _ in 0..<recipe.blueIterations {
            coefficients = fit.refit(coefficients, &values) { value, fit in
                value.replacing(with: fit, where: value .< fit)
            }
        }
        return fit.values(coefficients)
    }

    private static func redArm(
        _ smooth: ArraySlice<Double>, fit: PolynomialFit, recipe: ContinuumRecipe
    ) -> [Double] {
        var values = fit.blocks(recipe.signalToNoise < 50 ? smoothed(smooth, recipe)[...] : smooth)
        var coefficients = fit.fit(values)
        for _ in 1..<max(1, recipe.redIterations) {
            let ceiling = 3 * fit.residualSigma(coefficients, values)
            coefficients = fit.refit(coefficients, &values) { value, fit in
                value.replacing(with: fit, where: (value .< fit) .| (value .> fit + ceiling))
            }
        }
        return fit.values(coefficients)
    }

    /// The lower the signal-to-noise ratio, the wider the smoothing window.
    static func smoothed(_ arm: ArraySlice<Double>, _ recipe: ContinuumRecipe) -> [Double] {
        let width = max(3, Int(min(55 - recipe.signalToNoise, Double(arm.count))))
        return savitzkyGolay(Array(arm), window: width.isMultiple(of: 2) ? width + 1 : width, degree: 4)
    }

    /// The arm with straight lines across the Balmer windows, between the highest fluxes near their ends.
    ///
    /// The published routine finds the windows' pixels in the whole spectrum but applies these numbers to the arm, which
    /// starts later (by one pixel in standard LAMOST files). The models were trained on that, so it stays.
    static func bridged(_ arm: [Double], wavelength: [Double], plan: ContinuumPlan) -> [Double] {
        func highest(_ pixels: Range<Int>) -> Double? { arm[pixels.clamped(to: arm.indices)].max() }
        let heights = plan.bridges.map { (highest($0.surroundings.0), highest($0.surroundings.1)) }
        var result = arm
        for (bridge, height) in zip(plan.bridges, heights) {
            guard let left = height.0, let right = height.1 else { continue }
            let slope = (right - left) / (bridge.ends.upperBound - bridge.ends.lowerBound)
            for pixel in bridge.pixels.clamped(to: arm.indices) {
                result[pixel] = slope * (wavelength[pixel] - bridge.ends.lowerBound) + left
            }
        }
        return result
    }
}

/// The numbers of the two-arm continuum fit that ``Continuum`` carries out; the defaults are those of the published
/// SpecCLIP pipeline (Zhao et al. 2025, arXiv 2507.01939) for LAMOST low-resolution spectra.
public struct ContinuumRecipe: Sendable, Codable, Hashable {
    /// Pixels of the running median that removes spikes before any fit; odd.
    public var medianWidth: Int
    /// The blue arm, Å, ends included: upper envelope by an iterated polynomial.
    public var blue: ClosedRange<Double>
    /// Degree of the blue polynomial.
    public var blueDegree: Int
    /// How often the blue flux is raised to the fit before the final fit.
    public var blueIterations: Int
    /// The red arm starts above this wavelength, Å: polynomial with clipping at [0, 3σ] of the residual.
    public var redStart: Double
    /// Degree of the red polynomial.
    public var redDegree: Int
    /// Number of red fits.
    public var redIterations: Int
    /// The signal-to-noise ratio assumed; below 50 the arms are smoothed before the first fit (Savitzky-Golay, order 4,
    /// the window growing as the ratio falls).
    public var signalToNoise: Double
    /// Windows (Å) around strong Balmer lines that are bridged by straight lines in hot stars.
    public var hotStarWindows: [ClosedRange<Double>]
    /// A star is hot when its first blue fit peaks below this wavelength, Å.
    public var hotStarPeak: Double

    /// A recipe; the defaults are the published ones.
    public init(
        medianWidth: Int = 7, blue: ClosedRange<Double> = 3700...5700, blueDegree: Int = 5, blueIterations: Int = 10,
        redStart: Double = 6100, redDegree: Int = 4, redIterations: Int = 9, signalToNoise: Double = 60,
        hotStarWindows: [ClosedRange<Double>] = [4030...4160, 4270...4410, 4800...4940], hotStarPeak: Double = 4500
    ) {
        self.medianWidth = medianWidth
        self.blue = blue
        self.blueDegree = blueDegree
        self.blueIterations = blueIterations
        self.redStart = redStart
        self.redDegree = redDegree
        self.redIterations = redIterations
        self.signalToNoise = signalToNoise
        self.hotStarWindows = hotStarWindows
        self.hotStarPeak = hotStarPeak
    }
}
