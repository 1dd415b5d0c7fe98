/// Running median of odd `width` with zeros beyond both ends, as `scipy.signal.medfilt`.
///
/// The published pipeline pads with zeros, so the outermost `width / 2` pixels come out low.
/// - Parameter values: finite numbers.
func runningMedian(_ values: [Double], width: Int) -> [Double] {
    let reach = max(0, width / 2)
    guard reach > 0, !values.isEmpty else { return values }
    var padded = [Double](repeating: 0, count: values.count + 2 * reach)
    padded.replaceSubrange(reach..<reach + values.count, with: values)
    return [Double](unsafeUninitializedCapacity: values.count) { output, initialised in
        padded.withUnsafeBufferPointer { input in
            if width == 7 {
                for i in 0..<values.count { output[i] = medianOf7(input, at: i) }
            } else {
                for i in 0..<values.count { output[i] = input[i..<i + 2 * reach + 1].sorted()[reach] }
            }
        }
        initialised = values.count
    }
}

/// The median of seven neighbours by a branch-free sorting network (Devillard 1998), which the compiler vectorises
/// over neighbouring pixels.
@inline(__always)
private func medianOf7(_ p: UnsafeBufferPointer<Double>, at i: Int) -> Double {
    var (a, b, c, d) = (p[i], p[i &+ 1], p[i &+ 2], p[i &+ 3])
    var (e, f, g) = (p[i &+ 4], p[i &+ 5], p[i &+ 6])
    order(&a, &f)
    order(&a, &d)
    order(&b, &g)
    order(&c, &e)
    order(&a, &b)
    order(&d, &f)
    order(&c, &g)
    order(&c, &d)
    order(&d, &g)
    order(&e, &f)
    order(&b, &e)
    order(&b, &d)
    order(&d, &e)
    return d
}

@inline(__always)
private func order(_ a: inout Double, _ b: inout Double) {
    let low = a < b ? a : b
    b = a < b ? b : a
    a = low
}

/// Savitzky-Golay smoothing: each value becomes the centre of a local polynomial fit. Beyond the ends the first and
/// last values are repeated (`scipy.signal.savgol_filter`, mode `nearest`).
///
/// A window no wider than `degree` + 1 leaves the values unchanged.
func savitzkyGolay(_ values: [Double], window: Int, degree: Int) -> [Double] {
    let reach = window / 2
    guard window > degree + 1, let first = values.first, let last = values.last else { return values }
    let offsets = (-reach...reach).map { Double($0) / Double(reach) }
    var powers = [[Double](repeating: 1, count: offsets.count)]
    for _ in 0..<degree { powers.append(zip(powers[powers.count - 1], offsets).map { $0 * $1 }) }
    guard let basis = OrthogonalBasis(powers) else { return values }
    let kernel = offsets.indices.map { n in basis.columns.reduce(0) { $0 + $1[reach] * $1[n] } }
    let padded =
        [Double](repeating: first, count: reach) + values + [Double](repeating: last, count: reach)
    return values.indices.map { i in
        var sum = 0.0
        for n in kernel.indices { sum += kernel[n] * padded[i + n] }
        return sum
    }
}
