import Foundation

/// The `fraction` quantile (0…1) of the finite values, by the nearest rank; nil if there are none.
func quantile(_ fraction: Double, of values: [Double]) -> Double? {
    let sorted = values.filter(\.isFinite).sorted()
    guard !sorted.isEmpty else { return nil }
    return sorted[min(sorted.count - 1, max(0, Int((fraction * Double(sorted.count - 1)).rounded())))]
}

/// A range that shows the bulk of `values` and is not stretched by a few wild ones: the quantiles `tail` and 1 − `tail`,
/// widened by `margin` of their distance, but not beyond the values themselves widened likewise.
func robustRange(of values: [Double], tail: Double = 0.003, margin: Double = 0.12) -> ClosedRange<Double>? {
    let sorted = values.filter(\.isFinite).sorted()
    guard let low = quantile(tail, of: sorted), let high = quantile(1 - tail, of: sorted), low < high,
        let least = sorted.first, let most = sorted.last
    else { return nil }
    let extent = high - low
    return max(low - margin * extent, least - 0.06 * extent)...min(high + margin * extent, most + 0.06 * extent)
}

/// The smallest range that holds both.
func union(_ first: ClosedRange<Double>?, _ second: ClosedRange<Double>?) -> ClosedRange<Double>? {
    guard let first, let second else { return first ?? second }
    return min(first.lowerBound, second.lowerBound)...max(first.upperBound, second.upperBound)
}

/// A number with a fixed count of decimals, a true minus sign, and "–" where there is none.
func fixed(_ value: Double?, decimals: Int) -> String {
    guard let value, value.isFinite else { return "–" }
    return String(format: "%.\(max(0, decimals))f", value).replacing("-", with: "−")
}

/// A whole number with thin spaces between groups of three digits.
func grouped(_ count: Int) -> String {
    let digits = Array(String(abs(count)))
    let marked = digits.enumerated().map { index, digit in
        index > 0 && (digits.count - index) % 3 == 0 ? "\u{2009}\(digit)" : "\(digit)"
    }
    return (count < 0 ? "−" : "") + marked.joined()
}

/// A round number between half of `half` and `half`, so that an axis from −half to half has three ticks: −step, 0 and step.
func roundStep(below half: Double) -> Double {
    let rough = half * 0.9
    let power = pow(10, floor(log10(rough)))
    return ([8, 6, 5, 4, 3, 2, 1.5, 1].first { $0 * power <= rough } ?? 1) * power
}
