import Foundation
import Statistics
import Support
import Testing

@testable import Posteriors

@Suite struct EvenNormalsTests {
    /// Root mean square distance of quantiles, along random directions, from those of a Gaussian.
    private func unevenness(_ rows: [[Double]]) -> Double {
        var random = SeededGenerator(seed: 77)
        let levels = [0.1587, 0.5, 0.8413]
        var squares: [Double] = []
        for _ in 0..<100 {
            var direction = rows[0].map { _ in random.gaussian() }
            let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
            direction = direction.map { $0 / length }
            let places = rows.map { row in zip(row, direction).reduce(0) { $0 + $1.0 * $1.1 } }.sorted()
            for level in levels {
                let place = level * Double(places.count + 1) - 1
                let below = Int(place)
                let value = places[below] + (place - Double(below)) * (places[below + 1] - places[below])
                squares.append(pow(value - normalScore(level), 2))
            }
        }
        return (squares.reduce(0, +) / Double(squares.count)).squareRoot()
    }

    /// Over seeds, 500 numbers in five dimensions stray 0.025 to 0.029 along any direction, independent ones 0.06; those of
    /// one flow of three 0.047 to 0.053.
    @Test(arguments: [UInt64(1), 2, 3]) func theyAreEvenInAllDirections(seed: UInt64) {
        let shares = [167, 167, 166]
        let numbers = EvenNormals(shares: shares, dimensions: 5, seed: seed)
        let rows = (0..<500).map { row in (0..<5).map { Double(numbers.values[row * 5 + $0]) } }
        #expect(unevenness(rows) < 0.034)
        #expect(unevenness(Array(rows[..<167])) < 0.065)
        #expect(unevenness(Array(rows[334...])) < 0.065)
        for axis in 0..<5 {
            let column = rows.map { $0[axis] }
            #expect(abs(column.reduce(0, +) / 500) < 0.01)
            #expect(abs(column.reduce(0) { $0 + $1 * $1 } / 500 - 1) < 0.03)
        }
    }

    @Test func theyRepeatAndMayBeFew() {
        let first = EvenNormals(shares: [20, 20], dimensions: 3, seed: 4)
        #expect(first.values == EvenNormals(shares: [20, 20], dimensions: 3, seed: 4).values)
        #expect(first.values != EvenNormals(shares: [20, 20], dimensions: 3, seed: 5).values)
        #expect(EvenNormals(shares: [1, 0, 0], dimensions: 2, seed: 1).values.count == 2)
        #expect(EvenNormals(shares: [1, 1, 0], dimensions: 2, seed: 1).values.allSatisfy { $0.isFinite })
        #expect(EvenNormals(shares: [30_000], dimensions: 2, seed: 1).values.count == 60_000)
    }

    @Test func ordersAreThoseOfASort() {
        var random = SeededGenerator(seed: 9)
        let odd: [Float] = [
            0, -0.0, .infinity, -.infinity, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, 1, 1, -1, -1,
        ]
        for count in [0, 1, 2, 3, 17, 256, 5000] {
            for scale in [1e-30, 1.0, 1e30] {
                var values = (0..<count).map { _ in Float(random.gaussian() * scale) }
                if count > 20 { values.replaceSubrange(3..<3 + odd.count, with: odd) }
                let order = ascendingOrder(values).map { Int($0) }
                #expect(order.sorted() == Array(values.indices))
                #expect(order.map { values[$0] } == values.sorted())
                // Equal ones keep their order; −0 goes before 0, which is equal to it.
                for (a, b) in zip(order, order.dropFirst()) where values[a] == values[b] && values[a] != 0 {
                    #expect(a < b)
                }
            }
        }
        for place in 0..<4 {
            var values: [Float] = [3, 1, 2, 0]
            values[place] = place.isMultiple(of: 2) ? .nan : -.nan
            let order = ascendingOrder(values)
            #expect(values[Int(order[0])].isNaN || values[Int(order[3])].isNaN)
        }
    }
}
