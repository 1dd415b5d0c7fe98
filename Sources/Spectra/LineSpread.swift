import Foundation

/// Blurs spectra: by a Gaussian of a fixed width in pixels together with a shift, or by one whose width changes along
/// the spectrum.
package enum LineSpread {
    /// A spectrum on a grid with `margin` more pixels at each end, brought to the inner grid: shifted by `shift` pixels
    /// (positive to longer wavelengths) and convolved with a Gaussian of `sigma` pixels, in one pass.
    ///
    /// - Precondition: `margin` holds the shift and three σ: |shift| + 3 sigma + 1 ≤ margin.
    package static func blur(_ flux: [Float], margin: Int, shift: Double, sigma: Double) -> [Float] {
        let whole = Int(shift.rounded())
        let fraction = shift - Double(whole)
        let reach = min(Int((3 * sigma).rounded(.up)) + 1, margin - abs(whole))
        precondition(reach > 0, "the margin does not hold the shift")
        var kernel = (-reach...reach).map { exp(-0.5 * pow((Double($0) + fraction) / sigma, 2)) }
        let sum = kernel.reduce(0, +)
        for k in kernel.indices { kernel[k] /= sum }
        let taps = kernel.map { Float($0) }
        let count = flux.count - 2 * margin
        return [Float](unsafeUninitializedCapacity: count) { output, initialized in
            output.initialize(repeating: 0)
            flux.withUnsafeBufferPointer { input in
                for (k, tap) in taps.enumerated() {
                    let start = margin - whole + k - reach
                    for i in 0..<count { output[i] += tap * input[start + i] }
                }
            }
            initialized = count
        }
    }
}

extension LineSpread {
    /// A spectrum smoothed from one resolving power to a lower one, by Gaussians of the width that is lacking.
    /// - Parameters:
    ///   - flux: one value per wavelength, all finite.
    ///   - wavelength: increasing, Å.
    ///   - resolution: λ/FWHM of the spectrum.
    ///   - target: λ/FWHM that is wanted, lower.
    /// - Returns: the flux, and by how much the variance of independent errors shrinks at each pixel.
    static func smoothed(
        _ flux: [Double], at wavelength: [Double], from resolution: Double, to target: Double
    ) -> (flux: [Double], variance: [Double]) {
        let width = (1 / (target * target) - 1 / (resolution * resolution)).squareRoot() / 2.354_820_045
        var (out, variance) = (flux, [Double](repeating: 1, count: flux.count))
        var first = 0
        for pixel in flux.indices {
            let sigma = wavelength[pixel] * width
            while wavelength[first] < wavelength[pixel] - 4 * sigma { first += 1 }
            var (sum, weights, squares) = (0.0, 0.0, 0.0)
            var other = first
            while other < flux.count, wavelength[other] <= wavelength[pixel] + 4 * sigma {
                let step = wavelength[min(other + 1, flux.count - 1)] - wavelength[max(other - 1, 0)]
                let distance = (wavelength[other] - wavelength[pixel]) / sigma
                let weight = step * exp(-0.5 * distance * distance)
                sum += weight * flux[other]
                weights += weight
                squares += weight * weight
                other += 1
            }
            guard weights > 0 else { continue }
            out[pixel] = sum / weights
            variance[pixel] = squares / (weights * weights)
        }
        return (out, variance)
    }
}

/// A linear map from a fine spectrum to a coarse one: each coarse pixel is a Gaussian mean of the fine pixels around it.
package struct ResolutionMap: Sendable {
    private let starts: [Int]
    private let weights: [[Float]]

    /// - Parameters:
    ///   - fine: increasing wavelengths of the input, Å.
    ///   - coarse: wavelengths of the output, Å.
    ///   - fwhm: full width at half maximum at a wavelength, Å.
    package init(from fine: [Double], to coarse: [Double], fwhm: (Double) -> Double) {
        var starts: [Int] = []
        var weights: [[Float]] = []
        for centre in coarse {
            let sigma = fwhm(centre) / 2.354820045
            let first = fine.firstIndex { $0 >= centre - 4 * sigma } ?? fine.count
            let end = fine.firstIndex { $0 > centre + 4 * sigma } ?? fine.count
            // Wider pixels count for more, so that the mean does not lean to where pixels are dense.
            let raw = (first..<max(first, end)).map { i in
                let step = (fine[min(i + 1, fine.count - 1)] - fine[max(i - 1, 0)]) / 2
                return step * exp(-0.5 * pow((fine[i] - centre) / sigma, 2))
            }
            let sum = raw.reduce(0, +)
            starts.append(first)
            weights.append(raw.map { Float($0 / sum) })
        }
        self.starts = starts
        self.weights = weights
    }

    /// The coarse spectrum of a fine one.
    package func callAsFunction(_ fine: [Float]) -> [Float] {
        fine.withUnsafeBufferPointer { input in
            zip(starts, weights).map { start, row in
                var sum: Float = 0
                for i in row.indices { sum += row[i] * input[start + i] }
                return sum
            }
        }
    }
}
