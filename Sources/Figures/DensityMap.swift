import Foundation

/// The density of points in a plane, smoothed with Gaussians of the points' own covariance, on a grid.
struct DensityMap {
    private let x: [Double]
    private let y: [Double]
    /// `values[row][column]` at (x[column], y[row]); zero all around, so that every contour closes.
    private let values: [[Double]]
    /// At the points themselves, ascending.
    private let atPoints: [Double]

    /// - Parameters:
    ///   - points: finite; nil where they have no extent, or are fewer than ten.
    ///   - xRange, yRange: of the grid.
    init?(
        _ points: [(x: Double, y: Double)], xRange: ClosedRange<Double>, yRange: ClosedRange<Double>, cells: Int = 44
    ) {
        // Wild points beyond the grid would widen the smoothing of all others.
        let near = points.filter { xRange.contains($0.x) && yRange.contains($0.y) }
        guard near.count >= 10 else { return nil }
        let n = Double(near.count)
        let mean = (near.reduce(0) { $0 + $1.x } / n, near.reduce(0) { $0 + $1.y } / n)
        var (xx, xy, yy) = (0.0, 0.0, 0.0)
        for point in near {
            let (a, b) = (point.x - mean.0, point.y - mean.1)
            (xx, xy, yy) = (xx + a * a, xy + a * b, yy + b * b)
        }
        // Scott's rule in two dimensions: bandwidth n^(-1/6) of the spread in every direction. Narrower than it would be
        // along the axes where labels are correlated, which would smear a thin ridge.
        let scale = pow(n, -1 / 3.0) / n
        (xx, xy, yy) = (xx * scale, xy * scale, yy * scale)
        // Points on a line still get a little width.
        let determinant = max(xx * yy - xy * xy, 1e-4 * xx * yy)
        guard determinant > 0, determinant.isFinite else { return nil }
        let (a, b, c) = (yy / determinant, -xy / determinant, xx / determinant)
        func centres(_ range: ClosedRange<Double>) -> [Double] {
            let step = (range.upperBound - range.lowerBound) / Double(cells)
            return (-1...cells).map { range.lowerBound + (Double($0) + 0.5) * step }
        }
        let (columns, rows) = (centres(xRange), centres(yRange))
        var grid = [Double](repeating: 0, count: columns.count * rows.count)
        let width = columns.count
        let (dx, dy) = (columns[1] - columns[0], rows[1] - rows[0])
        // Beyond four bandwidths a point adds nothing.
        let (reachX, reachY) = (4 * xx.squareRoot(), 4 * yy.squareRoot())
        for point in points {
            let i0 = max(1, Int(((point.x - reachX - columns[0]) / dx).rounded(.up)))
            let i1 = min(width - 2, Int((point.x + reachX - columns[0]) / dx))
            let j0 = max(1, Int(((point.y - reachY - rows[0]) / dy).rounded(.up)))
            let j1 = min(rows.count - 2, Int((point.y + reachY - rows[0]) / dy))
            guard i0 <= i1, j0 <= j1 else { continue }
            for j in j0...j1 {
                let v = rows[j] - point.y
                for i in i0...i1 {
                    let u = columns[i] - point.x
                    grid[j * width + i] += exp(-0.5 * (a * u * u + 2 * b * u * v + c * v * v))
                }
            }
        }
        x = columns
        y = rows
        values = rows.indices.map { Array(grid[$0 * width..<($0 + 1) * width]) }
        atPoints = points.map { point in
            let (p, q) = ((point.x - columns[0]) / dx, (point.y - rows[0]) / dy)
            guard p >= 0, q >= 0, p < Double(width - 1), q < Double(rows.count - 1) else { return 0 }
            let (i, j) = (Int(p), Int(q))
            let (s, t) = (p - Double(i), q - Double(j))
            let low = grid[j * width + i] * (1 - s) + grid[j * width + i + 1] * s
            let high = grid[(j + 1) * width + i] * (1 - s) + grid[(j + 1) * width + i + 1] * s
            return low * (1 - t) + high * t
        }.sorted()
    }

    /// The density whose contour encloses a share of the points; by their own densities, so that smoothing does not widen
    /// what is enclosed.
    func level(enclosing share: Double) -> Double {
        let level = atPoints[min(atPoints.count - 1, max(0, Int((1 - share) * Double(atPoints.count))))]
        // Where more points than that lie beyond the grid, the outermost on it have to do.
        return level > 0 ? level : atPoints.first { $0 > 0 } ?? 0
    }

    /// The closed outlines of the region with a density above `level`, one after the other, a NaN after each (marching
    /// squares; Lorensen & Cline 1987 in two dimensions).
    func outline(at level: Double) -> (x: [Double], y: [Double]) {
        // Each step leads from one edge of the grid to the next with the inside on its left, so that each edge that is
        // crossed has one successor, and following them closes the outline.
        var next: [Int: Int] = [:]
        let width = x.count
        for j in 0..<y.count - 1 {
            for i in 0..<width - 1 {
                let corners = [values[j][i], values[j][i + 1], values[j + 1][i + 1], values[j + 1][i]]
                let inside = corners.enumerated().reduce(0) { $0 | ($1.element > level ? 1 << $1.offset : 0) }
                let cell = 2 * (j * width + i)
                let (bottom, top, left, right) = (cell, cell + 2 * width, cell + 1, cell + 3)
                for step in Self.steps[inside] {
                    let edges = [bottom, right, top, left]
                    next[edges[step.from]] = edges[step.to]
                }
            }
        }
        var (outlineX, outlineY): ([Double], [Double]) = ([], [])
        for start in next.keys.sorted() {
            var edge = start
            var isOpen = false
            while let following = next.removeValue(forKey: edge) {
                let place = crossing(edge, level)
                outlineX.append(place.x)
                outlineY.append(place.y)
                edge = following
                isOpen = true
            }
            guard isOpen else { continue }
            let place = crossing(start, level)
            outlineX += [place.x, .nan]
            outlineY += [place.y, .nan]
        }
        return (outlineX, outlineY)
    }

    /// Steps of an outline through a cell by which corners are inside (bits: bottom left, bottom right, top right, top
    /// left); edges: bottom 0, right 1, top 2, left 3.
    private static let steps: [[(from: Int, to: Int)]] = [
        [], [(0, 3)], [(1, 0)], [(1, 3)], [(2, 1)], [(0, 3), (2, 1)], [(2, 0)], [(2, 3)], [(3, 2)], [(0, 2)],
        [(1, 0), (3, 2)], [(1, 2)], [(3, 1)], [(0, 1)], [(3, 0)], [],
    ]

    /// Where the density passes `level` on an edge: 2 · node for the edge to its right, one more for the edge upwards.
    private func crossing(_ edge: Int, _ level: Double) -> (x: Double, y: Double) {
        let (node, isUpwards) = (edge / 2, edge % 2 == 1)
        let (i, j) = (node % x.count, node / x.count)
        let start = values[j][i]
        let end = isUpwards ? values[j + 1][i] : values[j][i + 1]
        let share = end == start ? 0.5 : (level - start) / (end - start)
        return isUpwards ? (x[i], y[j] + share * (y[j + 1] - y[j])) : (x[i] + share * (x[i + 1] - x[i]), y[j])
    }
}
