/// Tukey's biweight estimate of the standard deviation: insensitive to outliers, efficient for Gaussian data
/// (Beers, Flynn & Gebhardt 1990, AJ 100, 32; the form of the IDL astronomy library's `ROBUST_SIGMA`).
///
/// - Parameters:
///   - values: finite numbers.
///   - aboutZero: measure the scatter about 0 instead of the median.
/// - Returns: the scatter; 0 if all values agree, -1 if fewer than three values are usable.
public func robustSigma(_ values: [Double], aboutZero: Bool = false) -> Double {
    guard !values.isEmpty else { return -1 }
    let centre = aboutZero ? 0 : median(values)
    let deviations = values.map { abs($0 - centre) }
    var scale = median(deviations) / 0.6745
    if scale < 1e-20 { scale = deviations.reduce(0, +) / Double(values.count) / 0.8 }
    if scale < 1e-20 { return 0 }
    var kept = 0
    var numerator = 0.0
    var denominator = 0.0
    for deviation in deviations {
        let u2 = (deviation / (6 * scale)) * (deviation / (6 * scale))
        guard u2 <= 1 else { continue }
        kept += 1
        let w = 1 - u2
        numerator += deviation * deviation * w * w * w * w
        denominator += w * (1 - 5 * u2)
    }
    guard kept >= 3 else { return -1 }
    let variance = Double(values.count) * numerator / (denominator * (denominator - 1))
    return variance > 0 ? variance.squareRoot() : 0
}

/// The median: the mean of the two middle values for an even count, NaN for none.
public func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return .nan }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
}
