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
    let middle = values.count / 2
    var (candidates, smaller) = candidates(values, at: middle)
    let upper = partition(&candidates, at: middle - smaller)
    guard values.count.isMultiple(of: 2) else { return upper }
    // The one before it is the largest of those that are no larger, here or among what was left out.
    guard middle > smaller else { return (ordered(values, at: middle - 1) + upper) / 2 }
    return (candidates[..<(middle - smaller)].reduce(candidates[0]) { max($0, $1) } + upper) / 2
}

/// The value that stands at a place (counted from 0) once values are sorted.
package func ordered(_ values: [Double], at place: Int) -> Double {
    var (candidates, smaller) = candidates(values, at: place)
    return partition(&candidates, at: place - smaller)
}

/// The values among which that of a place is once all are sorted, and how many are smaller than any of these: of many values those
/// in one of 1,024 equal intervals, counted first.
private func candidates(_ values: [Double], at place: Int) -> (values: [Double], smaller: Int) {
    let intervals = 1024
    guard values.count >= intervals / 2 else { return (values, 0) }
    var (low, high) = (values[0], values[0])
    for value in values {
        low = value < low ? value : low
        high = value > high ? value : high
    }
    let scale = Double(intervals) / (high - low)
    // A number that is none, or a range that no number holds.
    guard scale.isFinite, scale > 0, !values.contains(where: \.isNaN) else { return (values, 0) }
    func interval(_ value: Double) -> Int { min(intervals - 1, Int((value - low) * scale)) }
    var counts = [Int32](repeating: 0, count: intervals)
    for value in values { counts[interval(value)] += 1 }
    var (smaller, chosen) = (0, 0)
    while smaller + Int(counts[chosen]) <= place {
        smaller += Int(counts[chosen])
        chosen += 1
    }
    return (values.filter { interval($0) == chosen }, smaller)
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
