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
