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
        let last = flux.count - 1
        func value(_ pixel: Int) -> Float { flux[max(0, min(last, pixel))] }
        return (0...last).map { pixel in
            let place = grid.pixel(at: grid.wavelength(at: Double(pixel)) * factor)
            guard place > 0, place < Double(last) else { return value(place > 0 ? last : 0) }
            let left = Int(place)
            let t = Float(place - Double(left))
            let (a, b, c, d) = (value(left - 1), value(left), value(left + 1), value(left + 2))
            let (slope, bend, twist) = (c - a, 2 * a - 5 * b + 4 * c - d, 3 * (b - c) + d - a)
            return b + 0.5 * t * (slope + t * (bend + t * twist))
        }
    }
}
