/// A tall matrix factored as A = Q·R: Q has orthonormal columns, R is upper triangular.
///
/// Gram-Schmidt carried out twice, which is as orthogonal as Householder's method ("twice is enough", Giraud et al.
/// 2005) and keeps the columns contiguous.
struct OrthogonalBasis {
    /// Columns of Q, each as long as the columns of A.
    private(set) var columns: [[Double]]
    /// R, column by column: `triangle[j][i]` is the row i, column j entry; zero below the diagonal.
    private(set) var triangle: [[Double]]

    /// Factors the matrix of these columns; nil if they are linearly dependent to working precision.
    init?(_ matrix: [[Double]]) {
        columns = []
        triangle = []
        for column in matrix {
            var rest = column
            var coefficients = [Double](repeating: 0, count: matrix.count)
            let norm = dot(column, column).squareRoot()
            for _ in 0..<2 {
                for (i, q) in columns.enumerated() {
                    let overlap = dot(q, rest)
                    coefficients[i] += overlap
                    for n in rest.indices { rest[n] -= overlap * q[n] }
                }
            }
            let length = dot(rest, rest).squareRoot()
            guard length > norm * 1e-15, length.isFinite else { return nil }
            coefficients[columns.count] = length
            columns.append(rest.map { $0 / length })
            triangle.append(coefficients)
        }
    }

    /// Qᵀ·vector.
    func project(_ vector: [Double]) -> [Double] { columns.map { dot($0, vector) } }

    /// R⁻¹·vector, by back substitution.
    func solve(_ vector: [Double]) -> [Double] {
        var x = vector
        for j in x.indices.reversed() {
            x[j] /= triangle[j][j]
            for i in 0..<j { x[i] -= triangle[j][i] * x[j] }
        }
        return x
    }

    /// The left singular vectors of A whose singular values exceed `cutoff` times the largest.
    func leadingDirections(cutoff: Double) -> [[Double]] {
        let rotated = singularColumns(of: triangle)
        let values = rotated.map { dot($0, $0).squareRoot() }
        let least = cutoff * (values.max() ?? 0)
        return zip(rotated, values).filter { $0.1 > least }.map { column, value in
            var direction = [Double](repeating: 0, count: columns.first?.count ?? 0)
            for (i, q) in columns.enumerated() {
                let weight = column[i] / value
                for n in direction.indices { direction[n] += weight * q[n] }
            }
            return direction
        }
    }
}

/// Rotates the columns of a small matrix until they are mutually orthogonal (one-sided Jacobi): they are then the left
/// singular vectors, each scaled by its singular value.
private func singularColumns(of matrix: [[Double]]) -> [[Double]] {
    var columns = matrix
    for _ in 0..<60 {
        var rotated = false
        for p in columns.indices {
            for q in columns.indices where q > p {
                let alpha = dot(columns[p], columns[p])
                let beta = dot(columns[q], columns[q])
                let gamma = dot(columns[p], columns[q])
                guard abs(gamma) > 1e-16 * (alpha * beta).squareRoot() else { continue }
                rotated = true
                let zeta = (beta - alpha) / (2 * gamma)
                let tangent = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
                let cosine = 1 / (1 + tangent * tangent).squareRoot()
                let sine = cosine * tangent
                for n in columns[p].indices {
                    let (a, b) = (columns[p][n], columns[q][n])
                    columns[p][n] = cosine * a - sine * b
                    columns[q][n] = sine * a + cosine * b
                }
            }
        }
        if !rotated { break }
    }
    return columns
}

/// Scalar product of two vectors of equal length.
func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for i in a.indices { sum += a[i] * b[i] }
    return sum
}
