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
