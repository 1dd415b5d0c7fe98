import Foundation
import GaiaXPTables
import Support

/// The coefficients of one band of a source.
package struct XPCoefficients: Sendable {
    package var values: [Double]
    /// One standard deviation each; none where they are not known.
    package var errors: ArraySlice<Float> = []
    /// Upper triangle in the order of Gaia: (0,1), (0,2), (1,2), …; none where they are not known.
    package var correlations: ArraySlice<Float> = []
    /// How many of them tell more than noise.
    package var relevant: Int?
    package var basis: Int?

    package init(_ values: [Double]) { self.values = values }

    /// Takes errors and correlations from a covariance.
    /// - Parameters:
    ///   - covariance: upper triangle with its diagonal: (0,0), (0,1), (1,1), (0,2), …; what has another number of values
    ///     leaves as many errors, for whoever compares them with the coefficients.
    ///   - deviation: the unit of the errors.
    mutating func take(covariance: [Double], _ deviation: Double) {
        let count = Int((Double(2 * covariance.count) + 0.25).squareRoot() - 0.5)
        let roots: [Double] = (0..<count).map { covariance[$0 * ($0 + 3) / 2].squareRoot() }
        errors = ArraySlice(roots.map { Float($0 * deviation) })
        var packed: [Float] = []
        packed.reserveCapacity(covariance.count)
        for j in 0..<count {
            let first = j * (j + 1) / 2
            for i in 0..<j { packed.append(Float(covariance[first + i] / (roots[i] * roots[j]))) }
        }
        correlations = packed[...]
    }

    /// How many coefficients count, from the first.
    func used(truncated: Bool) -> Int {
        truncated ? max(1, min(relevant ?? values.count, values.count)) : values.count
    }
}

/// A sampled spectrum; NaN where a missing band alone would see something.
package struct XPSamples: Sendable {
    /// W m⁻² nm⁻¹.
    package var flux: [Double]
    /// In the unit of the flux; nil where a band has no errors.
    package var error: [Double]?
    /// Of errors of two samples, packed as those of coefficients are; nil where it was not asked for.
    package var correlation: [Float]?
}

/// Turns coefficients of XP spectra into flux at wavelengths.
package struct XPSampler: Sendable {
    /// A band's map on the sampling.
    private struct Design: Sendable {
        let band: XPRelease.Band
        /// Samples at which it sees something.
        let samples: Range<Int>
        /// [coefficients × samples], without the merging of the bands.
        let values: [Double]
        let singles: [Float]
        /// Share of the band at each sample where the other one is there as well.
        let weights: [Double]

        func flux(_ own: XPCoefficients, _ used: Int) -> [Double] {
            [Double](unsafeUninitializedCapacity: samples.count) { flux, initialised in
                gaia_xp_flux(values, own.values, used, samples.count, flux.baseAddress)
                initialised = samples.count
            }
        }

        /// Variances of the samples and, where it is asked for, their covariance, [samples × samples].
        func errors(
            _ own: XPCoefficients, _ used: Int, correlates: Bool
        ) -> (variances: [Float], covariance: [Float]) {
            let count = samples.count
            var halves = [Float](repeating: 0, count: correlates ? used * count : 0)
            let variances = withUnsafeTemporaryAllocation(of: Float.self, capacity: gaia_xp_work(used)) { work in
                [Float](unsafeUninitializedCapacity: count) { variances, initialised in
                    own.errors.withUnsafeBufferPointer { errors in
                        own.correlations.withUnsafeBufferPointer { correlations in
                            halves.withUnsafeMutableBufferPointer { halves in
                                gaia_xp_variances(
                                    singles, errors.baseAddress,
                                    correlations.isEmpty ? nil : correlations.baseAddress, used, count,
                                    work.baseAddress, variances.baseAddress, correlates ? halves.baseAddress : nil)
                            }
                        }
                    }
                    initialised = count
                }
            }
            var covariance = [Float](repeating: 0, count: correlates ? count * count : 0)
            if correlates {
                own.errors.withUnsafeBufferPointer {
                    gaia_xp_covariance(singles, $0.baseAddress, halves, used, count, &covariance)
                }
            }
            return (variances, covariance)
        }
    }

    /// nm.
    package let sampling: [Double]
    private let release: XPRelease
    private let designs: [Design]

    /// - Parameter sampling: nil takes the release's own, for which its map is exact; for others the instrument's model is
    ///   evaluated.
    package init(_ release: XPRelease, sampling: XPSampling? = nil) {
        self.release = release
        self.sampling = sampling?.wavelengths ?? release.sampling
        let wavelengths = self.sampling
        let overlap = release.overlap
        designs = release.bands.map { band in
            let seen = wavelengths.indices.filter {
                band.name == "bp" ? wavelengths[$0] < band.high : wavelengths[$0] > band.low
            }
            let samples = (seen.first ?? 0)..<(seen.last.map { $0 + 1 } ?? 0)
            let weights = samples.map { band.weight(at: wavelengths[$0], overlap: overlap) }
            let values: [Double]
            if sampling == nil {
                values = (0..<band.coefficients).flatMap { coefficient in
                    zip(samples, weights).map { sample, weight in
                        let column = sample - band.firstSample
                        guard band.merged.columns > column, column >= 0, weight > 0 else { return 0 }
                        return band.merged[coefficient, column] / weight
                    }
                }
            } else {
                values = Self.model(of: band, at: samples.map { wavelengths[$0] })
            }
            return Design(
                band: band, samples: samples, values: values, singles: values.map { Float($0 * Self.scale) },
                weights: weights)
        }
    }

    /// Fluxes of 10⁻¹⁸ W m⁻² nm⁻¹ have squares that 32 bits cannot hold.
    private static let scale = 1e18

    /// The spectrum of a source.
    /// - Parameters:
    ///   - bands: by name.
    ///   - truncates: leaves out coefficients beyond those that are relevant.
    ///   - correlates: works out how errors of the samples correlate, too.
    package func sample(
        _ bands: [String: XPCoefficients], truncates: Bool = false, correlates: Bool = false
    ) -> XPSamples {
        let count = sampling.count
        var flux = [Double](repeating: .nan, count: count)
        let present = designs.compactMap { design in bands[design.band.name].map { (design, $0) } }
        let hasErrors = present.allSatisfy { !$0.1.errors.isEmpty }
        // In units of 10⁻³⁶ (W m⁻² nm⁻¹)².
        var variance = [Double](repeating: .nan, count: hasErrors ? count : 0)
        var covariance = [Float](repeating: 0, count: hasErrors && correlates ? count * count : 0)
        for (design, own) in present {
            let used = own.used(truncated: truncates)
            let sums = design.flux(own, used)
            let errors = hasErrors ? design.errors(own, used, correlates: correlates) : nil
            // Where the other band is missing, this one stands alone.
            let weights = present.count > 1 ? design.weights : [Double](repeating: 1, count: sums.count)
            let first = design.samples.lowerBound
            for j in sums.indices { flux[first + j].add(weights[j] * sums[j]) }
            guard let errors else { continue }
            for j in sums.indices { variance[first + j].add(weights[j] * weights[j] * Double(errors.variances[j])) }
            for j in sums.indices where correlates {
                for k in sums.indices {
                    covariance[(first + j) * count + first + k] +=
                        Float(weights[j] * weights[k]) * errors.covariance[j * sums.count + k]
                }
            }
        }
        var samples = XPSamples(flux: flux)
        if hasErrors { samples.error = variance.map { $0.squareRoot() / Self.scale } }
        if hasErrors, correlates {
            samples.correlation = (0..<count).flatMap { j in
                (0..<j).map { i in covariance[i * count + j] / Float((variance[i] * variance[j]).squareRoot()) }
            }
        }
        return samples
    }

    // MARK: - The instrument's model

    private static let pupilArea = 0.7278  // m²
    private static let hc = 2.997_924_58e8 * 6.626_070_04e-34 * 1e9  // J nm

    /// What each coefficient of a band is worth at wavelengths, nm, [coefficients × wavelengths]: basis functions at the
    /// pseudo-wavelength to which the dispersion takes the wavelength, over the response.
    private static func model(of band: XPRelease.Band, at wavelengths: [Double]) -> [Double] {
        func row(_ matrix: XPRelease.Matrix, _ index: Int) -> [Double] {
            Array(matrix.values[index * matrix.columns..<(index + 1) * matrix.columns])
        }
        let dispersion = CubicSpline(row(band.dispersion, 0), row(band.dispersion, 1))
        let response = CubicSpline(row(band.response, 0), row(band.response, 1))
        let scale = (band.range[3] - band.range[2]) / (band.range[1] - band.range[0])
        let offset = band.range[2] - band.range[0] * scale
        let hermite = band.transformed.columns
        var values = [Double](repeating: 0, count: band.coefficients * wavelengths.count)
        for (j, wavelength) in wavelengths.enumerated() {
            let efficiency = response(wavelength)
            guard efficiency > 0 else { continue }
            let norm = hc / (pupilArea * efficiency * wavelength)
            let functions = hermiteFunctions(hermite, at: dispersion(wavelength) * scale + offset)
            for coefficient in 0..<band.coefficients {
                var sum = 0.0
                for n in 0..<hermite { sum += band.transformed[coefficient, n] * functions[n] }
                values[coefficient * wavelengths.count + j] = sum * norm
            }
        }
        return values
    }

    /// The first Hermite functions, orthonormal.
    private static func hermiteFunctions(_ count: Int, at x: Double) -> [Double] {
        var values = [pow(.pi, -0.25) * exp(-x * x / 2)]
        if count > 1 { values.append(2.0.squareRoot() * x * values[0]) }
        while values.count < count {
            let n = Double(values.count)
            values.append(
                (2 / n).squareRoot() * x * values[values.count - 1] - ((n - 1) / n).squareRoot()
                    * values[values.count - 2])
        }
        return values
    }
}

extension Double {
    /// Adds to a sum that is NaN as long as nothing was added.
    fileprivate mutating func add(_ term: Double) { self = (isNaN ? 0 : self) + term }
}

/// A cubic spline through points, "not a knot" at its ends as FITPACK's interpolation is.
struct CubicSpline {
    private let x: [Double]
    private let y: [Double]
    /// Second derivatives at the points.
    private let bend: [Double]

    /// - Parameters:
    ///   - x: ascending, at least four.
    ///   - y: as many.
    init(_ x: [Double], _ y: [Double]) {
        (self.x, self.y) = (x, y)
        let n = x.count
        let h = (0..<n - 1).map { x[$0 + 1] - x[$0] }
        let slope = (0..<n - 1).map { (y[$0 + 1] - y[$0]) / h[$0] }
        // Continuity of the third derivative at the second and the last point but one gives the ends from their neighbours:
        // what is left is tridiagonal.
        var (lower, diagonal, upper, right) = (
            [Double](repeating: 0, count: n), [Double](repeating: 1, count: n), [Double](repeating: 0, count: n),
            [Double](repeating: 0, count: n)
        )
        for i in 1..<n - 1 {
            (lower[i], diagonal[i], upper[i]) = (h[i - 1], 2 * (h[i - 1] + h[i]), h[i])
            right[i] = 6 * (slope[i] - slope[i - 1])
        }
        let (first, last) = (h[0] / h[1], h[n - 2] / h[n - 3])
        diagonal[1] += h[0] * (1 + first)
        upper[1] -= h[0] * first
        diagonal[n - 2] += h[n - 2] * (1 + last)
        lower[n - 2] -= h[n - 2] * last
        var solution = [Double](repeating: 0, count: n)
        for i in 2..<n - 1 {
            let factor = lower[i] / diagonal[i - 1]
            diagonal[i] -= factor * upper[i - 1]
            right[i] -= factor * right[i - 1]
        }
        solution[n - 2] = right[n - 2] / diagonal[n - 2]
        for i in stride(from: n - 3, through: 1, by: -1) {
            solution[i] = (right[i] - upper[i] * solution[i + 1]) / diagonal[i]
        }
        solution[0] = (1 + first) * solution[1] - first * solution[2]
        solution[n - 1] = (1 + last) * solution[n - 2] - last * solution[n - 3]
        bend = solution
    }

    /// The value at a place; beyond the ends the outermost cubic goes on.
    func callAsFunction(_ place: Double) -> Double {
        var (low, high) = (0, x.count - 1)
        while high - low > 1 {
            let middle = (low + high) / 2
            if x[middle] > place { high = middle } else { low = middle }
        }
        let h = x[high] - x[low]
        let (a, b) = ((x[high] - place) / h, (place - x[low]) / h)
        return a * y[low] + b * y[high] + ((a * a * a - a) * bend[low] + (b * b * b - b) * bend[high]) * h * h / 6
    }
}
