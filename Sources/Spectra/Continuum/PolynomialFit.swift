/// Least-squares polynomials over fixed abscissae, prepared once so that each fit costs two sweeps over the data.
///
/// The abscissae are mapped to x ∈ [-1, 1]. A fit needs only the moments mⱼ = Σ xʲ·y: its coefficients in powers of x
/// are a = W·m, where the small matrix W = (XᵀX)⁻¹ is computed here from an orthogonal factorisation. A rank-truncated
/// fit, as `numpy.polyfit` makes it, is a projection onto fewer directions and changes only W.
struct PolynomialFit: Sendable {
    /// Number of coefficients, degree + 1.
    let order: Int
    /// Abscissae in [-1, 1], padded with zeros to a whole number of SIMD8 lanes.
    private let x: [SIMD8<Double>]
    private let count: Int
    /// W, row by row.
    private let weights: [Double]

    /// Prepares fits of `degree` over `abscissae`; nil if there are too few distinct ones.
    ///
    /// - Parameter cutoff: relative cutoff of the singular values of the matrix of unit-norm raw monomials, as in
    ///   `numpy.polyfit(rcond:)`; nil for the exact least-squares fit.
    init?(_ abscissae: ArraySlice<Double>, degree: Int, cutoff: Double? = nil) {
        guard degree >= 0, abscissae.count > degree, let low = abscissae.min(), let high = abscissae.max(), high > low
        else { return nil }
        let centre = (low + high) / 2
        let half = (high - low) / 2
        let scaled = abscissae.map { ($0 - centre) / half }
        guard let basis = OrthogonalBasis(Self.powers(of: scaled, degree: degree)) else { return nil }
        order = degree + 1
        count = scaled.count

        // W = R⁻¹·P·R⁻ᵀ with P the projection, in the basis Q, onto the directions kept.
        var directions: [[Double]]
        if let cutoff {
            let raw = Self.powers(of: Array(abscissae), degree: degree).map { column in
                let norm = dot(column, column).squareRoot()
                return column.map { $0 / norm }
            }
            guard let rawBasis = OrthogonalBasis(raw) else { return nil }
            directions = rawBasis.leadingDirections(cutoff: cutoff).map(basis.project)
        } else {
            directions = (0...degree).map { j in (0...degree).map { $0 == j ? 1 : 0 } }
        }
        var weights = [Double](repeating: 0, count: order * order)
        for direction in directions.map(basis.solve) {
            for i in 0..<order {
                for j in 0..<order { weights[i * order + j] += direction[i] * direction[j] }
            }
        }
        self.weights = weights
        x = stride(from: 0, to: count, by: 8).map { start in
            var lanes = SIMD8<Double>.zero
            for n in 0..<min(8, scaled.count - start) { lanes[n] = scaled[start + n] }
            return lanes
        }
    }

    /// Columns 1, t, t², … of the abscissae `t`.
    private static func powers(of t: [Double], degree: Int) -> [[Double]] {
        var columns = [[Double](repeating: 1, count: t.count)]
        for _ in 0..<degree { columns.append(zip(columns[columns.count - 1], t).map { $0 * $1 }) }
        return columns
    }

    /// Number of SIMD8 blocks the data take.
    var blockCount: Int { x.count }

    /// Values in blocks; the last block is filled up with zeros, which leave the moments unchanged.
    func blocks(_ values: ArraySlice<Double>) -> [SIMD8<Double>] {
        var blocks = [SIMD8<Double>](repeating: .zero, count: x.count)
        blocks.withUnsafeMutableBytes { bytes in
            values.withUnsafeBytes { bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0.prefix(bytes.count))) }
        }
        return blocks
    }

    /// Calls `body` with each block of the polynomial of `coefficients` and its number; the lanes past the end of the
    /// data are the polynomial at x = 0.
    @inline(__always)
    func evaluate(_ coefficients: [Double], _ body: (Int, SIMD8<Double>) -> Void) {
        x.withUnsafeBufferPointer { x in
            coefficients.withUnsafeBufferPointer { a in
                for block in 0..<x.count { body(block, Self.horner(a, x[block])) }
            }
        }
    }

    /// Coefficients of the fit to `values`.
    func fit(_ values: [SIMD8<Double>]) -> [Double] {
        var moments = Moments(order: order)
        x.withUnsafeBufferPointer { x in
            moments.withAccumulators { sums in
                for block in 0..<x.count { Moments.add(values[block], x[block], to: sums) }
            }
        }
        return coefficients(moments)
    }

    /// Evaluates `coefficients`, lets `update` change each block of `values` in the light of the polynomial there, and
    /// returns the fit to the changed values: one sweep through memory.
    @inline(__always)
    func refit(
        _ coefficients: [Double], _ values: inout [SIMD8<Double>],
        _ update: (_ value: SIMD8<Double>, _ fit: SIMD8<Double>) -> SIMD8<Double>
    ) -> [Double] {
        var moments = Moments(order: order)
        let last = x.count - 1
        let tail = count - last * 8
        x.withUnsafeBufferPointer { x in
            coefficients.withUnsafeBufferPointer { a in
                values.withUnsafeMutableBufferPointer { values in
                    moments.withAccumulators { sums in
                        for block in 0..<x.count {
                            var value = update(values[block], Self.horner(a, x[block]))
                            if block == last { for lane in tail..<8 { value[lane] = 0 } }
                            values[block] = value
                            Moments.add(value, x[block], to: sums)
                        }
                    }
                }
            }
        }
        return self.coefficients(moments)
    }

    /// The polynomial of `coefficients` at each abscissa.
    func values(_ coefficients: [Double]) -> [Double] {
        var values = [Double](repeating: 0, count: x.count * 8)
        values.withUnsafeMutableBytes { bytes in
            evaluate(coefficients) { block, value in
                bytes.storeBytes(
                    of: value, toByteOffset: block * MemoryLayout<SIMD8<Double>>.size, as: SIMD8<Double>.self)
            }
        }
        values.removeLast(values.count - count)
        return values
    }

    /// Population standard deviation of the residuals `values` - fit.
    func residualSigma(_ coefficients: [Double], _ values: [SIMD8<Double>]) -> Double {
        var sum = SIMD8<Double>.zero
        var squares = SIMD8<Double>.zero
        let last = x.count - 1
        let tail = count - last * 8
        values.withUnsafeBufferPointer { values in
            evaluate(coefficients) { block, fit in
                var residual = values[block] - fit
                if block == last { for lane in tail..<8 { residual[lane] = 0 } }
                sum += residual
                squares += residual * residual
            }
        }
        let mean = sum.sum() / Double(count)
        return max(0, squares.sum() / Double(count) - mean * mean).squareRoot()
    }

    private func coefficients(_ moments: Moments) -> [Double] {
        let m = moments.values
        return (0..<order).map { i in
            var sum = 0.0
            for j in 0..<order { sum += weights[i * order + j] * m[j] }
            return sum
        }
    }

    @inline(__always)
    private static func horner(_ a: UnsafeBufferPointer<Double>, _ x: SIMD8<Double>) -> SIMD8<Double> {
        var value = SIMD8<Double>(repeating: a[a.count - 1])
        for j in stride(from: a.count - 2, through: 0, by: -1) { value = value * x + a[j] }
        return value
    }
}

/// The running sums Σ xʲ·y, j < order.
private struct Moments {
    private var sums: [SIMD2<Double>]

    init(order: Int) { sums = Array(repeating: .zero, count: order) }

    var values: [Double] { sums.map { $0.x + $0.y } }

    @inline(__always)
    mutating func withAccumulators(_ body: (UnsafeMutableBufferPointer<SIMD2<Double>>) -> Void) {
        sums.withUnsafeMutableBufferPointer { body($0) }
    }

    @inline(__always)
    static func add(_ y: SIMD8<Double>, _ x: SIMD8<Double>, to sums: UnsafeMutableBufferPointer<SIMD2<Double>>) {
        var term = y
        for j in 0..<sums.count {
            let quarter = term.lowHalf + term.highHalf
            sums[j] += quarter.lowHalf + quarter.highHalf
            term *= x
        }
    }
}
