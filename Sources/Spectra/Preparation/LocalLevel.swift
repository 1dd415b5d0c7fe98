import Foundation

/// The level of a spectrum around each of its pixels, by which it is divided where its continuum is nobody's business: a straight
/// line is fitted to the good pixels under a Gaussian, so that neither a slope nor an end shifts it.
enum LocalLevel {
    /// Boxcars of which three, one after the other, are as good as a Gaussian, and cost the same at any width.
    private static let passes = 3
    /// Slopes are held back as if there were one more such share of the pixels around: where few are left, none is made up.
    private static let calm = 0.02

    /// - Parameters:
    ///   - flux: one value per pixel of equal steps.
    ///   - isBad: pixels that do not count.
    ///   - sigma: of the Gaussian, pixels.
    /// - Returns: the level at each pixel; 0 where no good one is within reach.
    static func of(_ flux: [Double], where isBad: [Bool], sigma: Double) -> [Double] {
        // Three boxcars of n pixels have the variance (n² − 1) / 4.
        let half = max(1, Int(((4 * sigma * sigma + 1).squareRoot() / 2).rounded(.down)))
        let middle = Double(flux.count) / 2
        let place = flux.indices.map { (Double($0) - middle) / sigma }
        var sums = flux.indices.map { i -> Sums in
            guard !isBad[i] else { return .zero }
            return Sums(1, flux[i], place[i], place[i] * place[i], place[i] * flux[i], 0, 0, 0)
        }
        for _ in 0..<passes { boxcar(&sums, half) }
        // Of sums: what follows takes their ratios.
        let least = 1e-6 * pow(Double(2 * half + 1), Double(passes))
        return flux.indices.map { i in
            // A sum of differences leaves a rest of rounding where nothing is.
            let (weights, values, first, second, products) = (
                sums[i][0], sums[i][1], sums[i][2], sums[i][3], sums[i][4]
            )
            guard weights > least else { return 0 }
            let (mean, centre) = (values / weights, first / weights)
            let spread = max(0, second / weights - centre * centre)
            let slope = (products / weights - centre * mean) / (spread + calm)
            return mean + slope * (place[i] - centre)
        }
    }

    /// Sums of the weights and of the flux, of either times the place, and of the weights times its square; the rest is
    /// none. Side by side, since sums that follow each other wait for each other.
    private typealias Sums = SIMD8<Double>

    /// Sums over 2 half + 1 pixels; beyond the ends there is nothing.
    private static func boxcar(_ values: inout [Sums], _ half: Int) {
        let count = values.count
        let running = [Sums](unsafeUninitializedCapacity: count + 1) { running, filled in
            var sum = Sums.zero
            running.initializeElement(at: 0, to: sum)
            for i in 0..<count {
                sum += values[i]
                running.initializeElement(at: i + 1, to: sum)
            }
            filled = count + 1
        }
        for i in 0..<count { values[i] = running[min(count, i + half + 1)] - running[max(0, i - half)] }
    }
}
