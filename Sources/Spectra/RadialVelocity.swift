/// Doppler shifts of wavelengths, fully relativistic for motion along the line of sight.
public enum RadialVelocity {
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
