import Algorithms
import Support

/// All of a continuum fit that depends on the wavelengths alone: the arms, their polynomial fits and the windows
/// around the Balmer lines. Computed once for all spectra that share their wavelengths.
struct ContinuumPlan: Sendable {
    /// A stretch between two wavelengths, bridged in hot stars. Pixel numbers count from the start of the spectrum.
    struct Bridge: Sendable {
        var ends: ClosedRange<Double>
        var pixels: Range<Int>
        /// Pixels within 10 Å of either end.
        var surroundings: (Range<Int>, Range<Int>)
    }

    var blue: Range<Int>
    var red: Range<Int>
    var blueFit: PolynomialFit?
    var redFit: PolynomialFit?
    var bridges: [Bridge]

    private struct Key: Equatable, Sendable {
        var wavelength: WavelengthKey
        var recipe: ContinuumRecipe
        var truncates: Bool
    }
    private static let cache = SharedCache<Key, ContinuumPlan>(capacity: 8)

    /// The plan for these increasing wavelengths (Å). With `truncates`, fits are cut at the rank at which
    /// `numpy.polyfit` cuts them for 32-bit wavelengths.
    static func shared(_ wavelength: [Double], _ recipe: ContinuumRecipe, truncates: Bool) -> ContinuumPlan {
        cache.value(for: Key(wavelength: WavelengthKey(wavelength: wavelength), recipe: recipe, truncates: truncates)) {
            ContinuumPlan(wavelength, recipe, truncates: truncates)
        }
    }

    private init(_ wavelength: [Double], _ recipe: ContinuumRecipe, truncates: Bool) {
        func first(where isPast: (Double) -> Bool) -> Int { wavelength.partitioningIndex(where: isPast) }
        func range(_ low: Double, _ high: Double) -> Range<Int> {
            let start = first { $0 >= low }
            return start..<max(start, first { $0 > high })
        }
        blue = range(recipe.blue.lowerBound, recipe.blue.upperBound)
        red = first { $0 > recipe.redStart }..<wavelength.count
        blueFit = Self.fit(wavelength[blue], degree: recipe.blueDegree, truncates: truncates)
        redFit = Self.fit(wavelength[red], degree: recipe.redDegree, truncates: truncates)
        bridges = recipe.hotStarWindows.map { window in
            Bridge(
                ends: window, pixels: range(window.lowerBound, window.upperBound),
                surroundings: (
                    range(window.lowerBound - 10, window.lowerBound + 10),
                    range(window.upperBound - 10, window.upperBound + 10)
                ))
        }
    }

    /// An arm of 100 pixels or fewer is not fitted.
    private static func fit(_ wavelength: ArraySlice<Double>, degree: Int, truncates: Bool) -> PolynomialFit? {
        guard wavelength.count > 100 else { return nil }
        let cutoff = truncates ? Double(wavelength.count) * Double(Float.ulpOfOne) : nil
        return PolynomialFit(wavelength, degree: degree, cutoff: cutoff)
    }
}
