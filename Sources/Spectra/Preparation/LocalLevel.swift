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
        // Sums of the weights and of the flux, each also times the place, and the weights times its square.
        func sums(_ value: (Int) -> Double) -> [Double] {
            (0..<passes).reduce(flux.indices.map { isBad[$0] ? 0 : value($0) }) { sums, _ in boxcar(sums, half) }
        }
        let (weights, values) = (sums { _ in 1 }, sums { flux[$0] })
        let (first, second) = (sums { place[$0] }, sums { place[$0] * place[$0] })
        let products = sums { place[$0] * flux[$0] }
        return flux.indices.map { i in
            // A sum of differences leaves a rest of rounding where nothing is.
            guard weights[i] > 1e-6 else { return 0 }
            let (mean, centre) = (values[i] / weights[i], first[i] / weights[i])
            let spread = max(0, second[i] / weights[i] - centre * centre)
            let slope = (products[i] / weights[i] - centre * mean) / (spread + calm)
            return mean + slope * (place[i] - centre)
        }
    }

    /// Means over 2 half + 1 pixels; beyond the ends there is nothing.
    private static func boxcar(_ values: [Double], _ half: Int) -> [Double] {
        var running = [0.0]
        running.reserveCapacity(values.count + 1)
        for value in values { running.append(running[running.count - 1] + value) }
        let width = Double(2 * half + 1)
        return values.indices.map { i in
            (running[min(values.count, i + half + 1)] - running[max(0, i - half)]) / width
        }
    }
}
