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
        func place(_ i: Int) -> Double { (Double(i) - middle) / sigma }
        // Farther away there is nothing worth a straight line.
        let least = 1e-6 * pow(Double(2 * half + 1), Double(passes))
        var level = [Double](repeating: 0, count: flux.count)
        forEachSum(of: flux.count, half) { i in
            guard !isBad[i] else { return .zero }
            let place = place(i)
            return Sums(1, flux[i], place, place * place, place * flux[i], 0, 0, 0)
        } body: { i, sums in
            let (weights, values, first, second, products) = (sums[0], sums[1], sums[2], sums[3], sums[4])
            guard weights > least else { return }
            let (mean, centre) = (values / weights, first / weights)
            let spread = max(0, second / weights - centre * centre)
            let slope = (products / weights - centre * mean) / (spread + calm)
            level[i] = mean + slope * (place(i) - centre)
        }
        return level
    }

    /// Sums of the weights and of the flux, of either times the place, and of the weights times its square; the rest is
    /// none. Side by side, since sums that follow each other wait for each other.
    private typealias Sums = SIMD8<Double>

    /// Sums over 2 half + 1 pixels, of these sums over as many, and so on; beyond the ends there is nothing.
    ///
    /// All passes go along together, each behind the one before it, so that what they still need fits into the cache.
    @inline(__always)
    private static func forEachSum(
        of count: Int, _ half: Int, of value: (Int) -> Sums, body: (_ pixel: Int, _ sums: Sums) -> Void
    ) {
        let width = 2 * half + 1
        // What each pass was given last: as many as it is wide.
        var given = [Sums](repeating: .zero, count: passes * width)
        var sums = [Sums](repeating: .zero, count: passes)
        given.withUnsafeMutableBufferPointer { given in
            sums.withUnsafeMutableBufferPointer { sums in
                var slot = 0
                for step in 0..<count + passes * half {
                    var value = step < count ? value(step) : .zero
                    for pass in 0..<passes {
                        let oldest = pass * width + slot
                        sums[pass] += value - given[oldest]
                        given[oldest] = value
                        // The sum is of the pixel in the middle of what is in it.
                        let pixel = step - (pass + 1) * half
                        value = pixel >= 0 && pixel < count ? sums[pass] : .zero
                        if pass == passes - 1, pixel >= 0 { body(pixel, value) }
                    }
                    slot = slot + 1 == width ? 0 : slot + 1
                }
            }
        }
    }
}
