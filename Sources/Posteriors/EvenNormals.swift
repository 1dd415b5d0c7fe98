import Foundation
import Statistics
import Support

/// Standard Gaussian numbers in several dimensions that are spread evenly: in whatever direction one looks at them, they stand
/// near the quantiles of a Gaussian.
///
/// They begin as a Latin hypercube (McKay, Beckman & Conover 1979, Technometrics 21, 239), which is even along each axis
/// alone, and are moved by sliced optimal transport: along each direction of a random orthogonal frame the k-th of n numbers
/// goes towards the quantile of (k − ½)/n, by ever smaller steps (Pitié, Kokaram & Dahyot 2007, CVIU 107, 123;
/// Paulin et al. 2020, ACM TOG 39, 119). Where they are shared out among several flows, so are the numbers of each flow.
/// Quantiles of 500 draws made of them are as good as those of 1,000 of the hypercube.
struct EvenNormals {
    /// How many numbers each flow gets; these of the first flow come first.
    let shares: [Int]
    /// Coordinates of each.
    let dimensions: Int
    /// Row-major, `[sum of the shares, dimensions]`.
    private(set) var values: [Float]

    /// What decides them.
    private struct Key: Equatable { let shares: [Int], dimensions: Int, seed: UInt64 }

    /// Every batch of stars takes the same, and where stars come one at a time they would take longer than all else.
    private static let known = SharedCache<Key, EvenNormals>(capacity: 8)

    /// As ``init(shares:dimensions:seed:)``, remembered.
    static func shared(_ shares: [Int], dimensions: Int, seed: UInt64) -> EvenNormals {
        known.value(for: Key(shares: shares, dimensions: dimensions, seed: seed)) {
            EvenNormals(shares: shares, dimensions: dimensions, seed: seed)
        }
    }

    /// Steps of the transport; more of them gain nothing.
    private static let steps = 100
    /// Beyond so many numbers the hypercube alone is even enough, and transport would take seconds.
    private static let mostMoved = 20_000

    /// - Parameter seed: fixes the numbers.
    init(shares: [Int], dimensions: Int, seed: UInt64) {
        (self.shares, self.dimensions) = (shares, dimensions)
        var random = SeededGenerator(seed: seed)
        values = shares.flatMap { Self.hypercube($0, dimensions, using: &random) }
        let count = shares.reduce(0, +)
        guard dimensions > 1, count > 1, count <= Self.mostMoved else { return }
        var parts = [0..<count]
        if shares.count > 1 {
            var start = 0
            for share in shares {
                parts.append(start..<start + share)
                start += share
            }
        }
        let quantiles = parts.map { part in
            part.indices.map { Float(normalScore((Double($0 - part.lowerBound) + 0.5) / Double(part.count))) }
        }
        for step in 0..<Self.steps {
            // Labels of a flow stand for axes: these are looked along most often.
            let frame = step % 4 == 3 ? Self.axes(dimensions) : Self.frame(dimensions, using: &random)
            let rate = 1 - Float(step) / Float(Self.steps)
            // The numbers of all flows come last: their evenness counts most.
            for place in parts.indices.reversed() where !parts[place].isEmpty {
                move(parts[place], along: frame, to: quantiles[place], rate: rate)
            }
        }
    }

    /// Moves some of the numbers towards the quantiles along each direction of an orthogonal frame.
    private mutating func move(_ part: Range<Int>, along frame: [[Float]], to quantiles: [Float], rate: Float) {
        let moves = frame.map { direction -> [Float] in
            let places = part.map { row in
                direction.indices.reduce(Float(0)) { $0 + direction[$1] * values[row * dimensions + $1] }
            }
            var moves = places
            for (rank, row) in ascendingOrder(places).enumerated() {
                moves[Int(row)] = rate * (quantiles[rank] - places[Int(row)])
            }
            return moves
        }
        for (direction, moves) in zip(frame, moves) {
            for (row, move) in zip(part, moves) {
                for axis in 0..<dimensions { values[row * dimensions + axis] += move * direction[axis] }
            }
        }
    }

    private static func hypercube(_ count: Int, _ dimensions: Int, using random: inout SeededGenerator) -> [Float] {
        let columns = (0..<dimensions).map { _ in
            (0..<count).map { Float(normalScore((Double($0) + random.uniform()) / Double(count))) }
                .shuffled(using: &random)
        }
        return (0..<count).flatMap { row in columns.map { $0[row] } }
    }

    private static func axes(_ dimensions: Int) -> [[Float]] {
        (0..<dimensions).map { axis in (0..<dimensions).map { $0 == axis ? 1 : 0 } }
    }

    /// Orthogonal unit vectors of random directions (Gram & Schmidt).
    private static func frame(_ dimensions: Int, using random: inout SeededGenerator) -> [[Float]] {
        var frame: [[Float]] = []
        while frame.count < dimensions {
            var vector = (0..<dimensions).map { _ in Float(random.gaussian()) }
            for other in frame {
                let share = zip(vector, other).reduce(Float(0)) { $0 + $1.0 * $1.1 }
                for axis in vector.indices { vector[axis] -= share * other[axis] }
            }
            let length = vector.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
            if length > 1e-3 { frame.append(vector.map { $0 / length }) }
        }
        return frame
    }
}
