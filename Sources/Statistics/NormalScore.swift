import Foundation

/// Φ(z): the share of a standard Gaussian below z.
public func normalShare(_ z: Double) -> Double { 0.5 * erfc(-z / 2.0.squareRoot()) }

/// Φ⁻¹(p): the standard Gaussian's quantile, ±∞ at 0 and 1.
///
/// Acklam's rational approximation (relative error 1e-9) with one step of Halley's method, which leaves rounding errors.
public func normalScore(_ p: Double) -> Double {
    guard p > 0 else { return -.infinity }
    guard p < 1 else { return .infinity }
    func polynomial(_ x: Double, _ coefficients: [Double]) -> Double { coefficients.reduce(0) { $0 * x + $1 } }
    func tail(_ share: Double) -> Double {
        let q = (-2 * log(share)).squareRoot()
        return polynomial(
            q,
            [
                -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838, -2.549732539343734,
                4.374664141464968, 2.938163982698783,
            ])
            / polynomial(
                q, [7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996, 3.754408661907416, 1])
    }
    let start: Double
    if p < 0.02425 {
        start = tail(p)
    } else if p > 1 - 0.02425 {
        start = -tail(1 - p)
    } else {
        let q = p - 0.5
        let numerator = polynomial(
            q * q,
            [
                -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02,
                -3.066479806614716e+01, 2.506628277459239,
            ])
        let denominator = polynomial(
            q * q,
            [
                -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
                -1.328068155288572e+01, 1,
            ])
        start = q * numerator / denominator
    }
    let error = normalShare(start) - p
    let step = error * (2 * Double.pi).squareRoot() * exp(start * start / 2)
    return start - step / (1 + start * step / 2)
}
