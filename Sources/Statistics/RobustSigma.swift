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
    var values = values
    let middle = values.count / 2
    let upper = partition(&values, at: middle)
    guard values.count.isMultiple(of: 2) else { return upper }
    return (values[1..<middle].reduce(values[0]) { max($0, $1) } + upper) / 2
}

/// The value that stands at a place (counted from 0) once values are sorted.
package func ordered(_ values: [Double], at place: Int) -> Double {
    var values = values
    return partition(&values, at: place)
}

/// Brings to a place the value that stands there once all are sorted, no larger ones before it and no smaller ones behind
/// (Hoare 1961, CACM 4, 321: in the time of a few passes, where sorting takes a dozen).
private func partition(_ values: inout [Double], at place: Int) -> Double {
    values.withUnsafeMutableBufferPointer { values in
        var (low, high) = (0, values.count - 1)
        while low < high {
            let pivot = values[place]
            var (left, right) = (low, high)
            repeat {
                while values[left] < pivot { left += 1 }
                while pivot < values[right] { right -= 1 }
                if left <= right {
                    values.swapAt(left, right)
                    (left, right) = (left + 1, right - 1)
                }
            } while left <= right
            if right < place { low = left }
            if place < left { high = right }
        }
        return values[place]
    }
}
