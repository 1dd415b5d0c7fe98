import Foundation
import Statistics

/// Which of several posteriors can be of one star.
///
/// Two contradict each other where their centres are farther apart than one star's would be once in a thousand: χ² of the
/// labels that both have, both covariances added; with many pairs, once in a thousand in any of them.
struct Agreement {
    /// Two that contradict each other, by their places, the lower first.
    struct Contradiction: Hashable {
        let first: Int, second: Int
    }

    /// In the order of their places.
    let contradictions: [Contradiction]
    /// Places of posteriors in sets within which none contradicts another, in the order of their first places; one set where
    /// all agree.
    let sets: [[Int]]

    private static let leastProbability = 1e-3

    /// - Parameters:
    ///   - posteriors: what is compared; one that could not be read contradicts none.
    ///   - never: two that belong into no set together, whatever they say.
    init(_ posteriors: [StarPosterior], never: (Int, Int) -> Bool = { _, _ in false }) {
        let count = posteriors.count
        let all = (0..<count).flatMap { first in (first + 1..<max(first + 1, count)).map { (first, $0) } }
        var clouds: [[StellarLabel]: [Int: DrawCloud?]] = [:]
        func cloud(_ place: Int, _ labels: [StellarLabel]) -> DrawCloud? {
            if let found = clouds[labels]?[place] { return found }
            let made = DrawCloud(posteriors[place].columns(of: labels))
            clouds[labels, default: [:]][place] = .some(made)
            return made
        }
        // In units of what one star's exceeds once in a thousand.
        var distances = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
        var found: [Contradiction] = []
        for (first, second) in all {
            // The same order of labels whichever comes first.
            let labels = StarPosterior.shared([posteriors[first].labels, posteriors[second].labels])
                .sorted { $0.name < $1.name }
            if let one = cloud(first, labels), let other = cloud(second, labels) {
                let limit = Self.limit(labels.count, Self.leastProbability / Double(all.count))
                distances[first][second] = one.distance(to: other) / limit
                if distances[first][second] > 1 { found.append(Contradiction(first: first, second: second)) }
            }
            if never(first, second) { distances[first][second] = .infinity }
            distances[second][first] = distances[first][second]
        }
        contradictions = found
        sets = Self.sets(distances)
    }

    /// Complete linkage: the two sets that are nearest to each other become one, as long as none in them is too far from
    /// another. The order of the posteriors does not matter.
    private static func sets(_ distances: [[Double]]) -> [[Int]] {
        var sets = distances.indices.map { [$0] }
        guard distances.contains(where: { $0.contains { $0 > 1 } }) else {
            return sets.isEmpty ? [] : [sets.map { $0[0] }]
        }
        func apart(_ one: [Int], _ other: [Int]) -> Double {
            one.reduce(0) { most, first in other.reduce(most) { max($0, distances[first][$1]) } }
        }
        while true {
            var nearest: (distance: Double, first: Int, second: Int)?
            for first in sets.indices {
                for second in sets.indices.dropFirst(first + 1) {
                    let distance = apart(sets[first], sets[second])
                    if distance <= 1, distance < nearest?.distance ?? .infinity { nearest = (distance, first, second) }
                }
            }
            guard let nearest else { break }
            sets[nearest.first] = (sets[nearest.first] + sets[nearest.second]).sorted()
            sets.remove(at: nearest.second)
        }
        return sets.sorted { $0[0] < $1[0] }
    }

    /// The χ² that is exceeded with a probability (Wilson & Hilferty 1931).
    private static func limit(_ dimensions: Int, _ probability: Double) -> Double {
        let k = Double(dimensions)
        return k * pow(1 - 2 / (9 * k) + normalScore(1 - probability) * (2 / (9 * k)).squareRoot(), 3)
    }
}
