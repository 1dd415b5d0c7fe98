import Foundation
import GaiaXPTables
import Support

/// The coefficients of one band of a source.
package struct XPCoefficients: Sendable {
    package var values: [Double]
    /// One standard deviation each; none where they are not known.
    package var errors: [Float] = []
    /// Upper triangle in the order of Gaia: (0,1), (0,2), (1,2), …; none where they are not known.
    package var correlations: [Float] = []
    /// How many of them tell more than noise.
    package var relevant: Int?
    package var basis: Int?

    package init(_ values: [Double]) { self.values = values }

    /// How many coefficients count, from the first.
    func used(truncated: Bool) -> Int {
        truncated ? max(1, min(relevant ?? values.count, values.count)) : values.count
    }
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

    /// Flux and its error at each sample, W m⁻² nm⁻¹; NaN where a missing band alone would see something. A band without
    /// errors has none.
    /// - Parameters:
    ///   - bands: by name.
    ///   - truncates: leaves out coefficients beyond those that are relevant.
    package func sample(
        _ bands: [String: XPCoefficients], truncates: Bool = false
    ) -> (flux: [Double], error: [Double]?) {
        var flux = [Double](repeating: 0, count: sampling.count)
        var variance = [Double](repeating: 0, count: sampling.count)
        var covered = [Bool](repeating: false, count: sampling.count)
        let present = designs.filter { bands[$0.band.name] != nil }
        let hasErrors = present.allSatisfy { bands[$0.band.name]?.errors.isEmpty == false }
        for design in present {
            guard let own = bands[design.band.name] else { continue }
            let used = own.used(truncated: truncates)
            let merges = present.count > 1
            let count = design.samples.count
            var sums = [Double](repeating: 0, count: count)
            design.values.withUnsafeBufferPointer { values in
                sums.withUnsafeMutableBufferPointer { sums in
                    for coefficient in 0..<used {
                        let (value, start) = (own.values[coefficient], coefficient * count)
                        for j in 0..<count { sums[j] += value * values[start + j] }
                    }
                }
            }
            let variances = hasErrors ? variances(own, design, used) : []
            for (j, sample) in design.samples.enumerated() {
                let weight = merges ? design.weights[j] : 1
                flux[sample] += weight * sums[j]
                if hasErrors { variance[sample] += weight * weight * Double(variances[j]) }
                covered[sample] = true
            }
        }
        for sample in flux.indices where !covered[sample] { (flux[sample], variance[sample]) = (.nan, .nan) }
        return (flux, hasErrors ? variance.map { $0.squareRoot() / Self.scale } : nil)
    }

    private func variances(_ own: XPCoefficients, _ design: Design, _ used: Int) -> [Float] {
        let count = design.samples.count
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: (used + 1) * count + 1) { work in
            [Float](unsafeUninitializedCapacity: count) { variances, initialised in
                own.correlations.withUnsafeBufferPointer { correlations in
                    gaia_xp_variances(
                        design.singles, own.errors, own.correlations.isEmpty ? nil : correlations.baseAddress, used,
                        count,
                        work.baseAddress, variances.baseAddress)
                }
                initialised = count
            }
        }
    }

    /// Covariance of the sampled flux, [samples × samples], (W m⁻² nm⁻¹)²; NaN where a missing band alone would see
    /// something.
    package func covariance(_ bands: [String: XPCoefficients], truncates: Bool = false) -> [Double] {
        let count = sampling.count
        var covariance = [Double](repeating: 0, count: count * count)
        var covered = [Bool](repeating: false, count: count)
        let present = designs.filter { bands[$0.band.name] != nil }
        for design in present {
            guard let own = bands[design.band.name], !own.errors.isEmpty else { continue }
            let used = own.used(truncated: truncates)
            let width = design.samples.count
            func correlation(_ a: Int, _ b: Int) -> Double {
                if a == b { return 1 }
                guard !own.correlations.isEmpty else { return 0 }
                let (high, low) = (max(a, b), min(a, b))
                return Double(own.correlations[high * (high - 1) / 2 + low])
            }
            func scaled(_ coefficient: Int, _ sample: Int) -> Double {
                let weight = present.count > 1 ? design.weights[sample] : 1
                return weight * Double(own.errors[coefficient]) * design.values[coefficient * width + sample]
            }
            let rows = (0..<used).map { a in (0..<width).map { scaled(a, $0) } }
            let products = (0..<used).map { a in
                (0..<width).map { j in (0..<used).reduce(0.0) { $0 + correlation(a, $1) * rows[$1][j] } }
            }
            for (i, first) in design.samples.enumerated() {
                covered[first] = true
                for (j, second) in design.samples.enumerated() {
                    covariance[first * count + second] += (0..<used).reduce(0) { $0 + rows[$1][i] * products[$1][j] }
                }
            }
        }
        for i in 0..<count {
            for j in 0..<count where !covered[i] || !covered[j] { covariance[i * count + j] = .nan }
        }
        return covariance
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
