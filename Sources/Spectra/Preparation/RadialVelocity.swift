import Foundation

/// Doppler shifts of wavelengths, fully relativistic for motion along the line of sight.
public enum RadialVelocity {
    /// Name of the label that tells how fast a star recedes, km/s.
    public static let label = "rv"

    /// Speed of light, km/s (exact).
    public static let speedOfLight = 299_792.458

    /// λ′/λ for a source that recedes at `velocity` km/s.
    public static func factor(_ velocity: Double) -> Double {
        let beta = velocity / speedOfLight
        return ((1 + beta) / (1 - beta)).squareRoot()
    }

    /// Wavelengths as seen from a source receding at `velocity` km/s; a negative velocity undoes a positive one.
    public static func shift(_ wavelength: [Double], kmPerSecond velocity: Double) -> [Double] {
        let factor = factor(velocity)
        return wavelength.map { $0 * factor }
    }
}

extension Instrument {
    /// A prepared spectrum brought to rest, for spectra of which only the prepared form is left: cubic interpolation on the
    /// grid (Catmull-Rom, which keeps lines and noise as they are better than a straight line does); beyond its ends a
    /// spectrum goes on as it stops.
    /// - Parameters:
    ///   - flux: one value per pixel of the grid.
    ///   - velocity: radial velocity to remove, km/s, positive when receding.
    public func atRest(_ flux: [Float], removing velocity: Double) -> [Float] {
        guard velocity != 0, flux.count > 3, flux.count == grid.count else { return flux }
        let factor = RadialVelocity.factor(velocity)
        // Where the steps are equal in log λ, all pixels move alike: trainings move every spectrum that they show.
        if case .logarithmic(_, let step, _) = grid { return Self.moved(flux, by: log10(factor) / step) }
        let last = flux.count - 1
        return (0...last).map { pixel in
            let place = grid.pixel(at: grid.wavelength(at: Double(pixel)) * factor)
            guard place > 0, place < Double(last) else { return flux[place > 0 ? last : 0] }
            let (left, weights) = Self.cubic(place)
            return (0..<4).reduce(0) { $0 + weights[$1] * flux[max(0, min(last, left + $1 - 1))] }
        }
    }

    /// The pixel before a place between pixels, and what it, its predecessor and its two successors count there.
    private static func cubic(_ place: Double) -> (left: Int, weights: SIMD4<Float>) {
        let left = place.rounded(.down)
        let t = Float(place - left)
        let (t2, t3) = (t * t, t * t * t)
        return (
            Int(left),
            0.5 * SIMD4(-t + 2 * t2 - t3, 2 - 5 * t2 + 3 * t3, t + 4 * t2 - 3 * t3, t3 - t2)
        )
    }

    /// A spectrum whose every value is that so many pixels further on.
    private static func moved(_ flux: [Float], by shift: Double) -> [Float] {
        let count = flux.count
        guard abs(shift) < Double(count) else { return flux.map { _ in flux[shift > 0 ? count - 1 : 0] } }
        let (left, weights) = cubic(shift)
        // Long enough at both ends, so that no pixel asks whether it is near one.
        let margin = abs(left) + 2
        let wide = Array(repeating: flux[0], count: margin) + flux + Array(repeating: flux[count - 1], count: margin)
        var result = [Float](repeating: 0, count: count)
        wide.withUnsafeBufferPointer { wide in
            result.withUnsafeMutableBufferPointer { result in
                let first = margin + left - 1
                for place in 0..<4 {
                    let (weight, there) = (weights[place], UnsafeBufferPointer(rebasing: wide[(first + place)...]))
                    for i in 0..<count { result[i] += weight * there[i] }
                }
            }
        }
        return result
    }
}
