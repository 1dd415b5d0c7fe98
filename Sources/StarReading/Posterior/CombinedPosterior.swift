import Foundation
import Support
import Torch

/// What several posteriors of one star tell together: their product, with one prior; where they contradict each other, the
/// mixture of the products of those that agree.
///
/// Given the labels, what one instrument's spectrum shows does not depend on another's, so likelihoods multiply. Draws of one
/// are kept as often as the densities of the others say, which are estimated from their draws, so that calibration carries
/// over, times what makes one prior of all (``SharedPrior``). Where no prior is known densities multiply as they are, and the
/// prior counts as often as there are posteriors: that makes errors too small where spectra tell little, by a seventh where
/// each of two leaves 0.7 of the prior's width.
struct CombinedPosterior {
    /// Draws of all labels that one of them has, in the order in which they come first, `[1, draws, labels]`.
    let samples: PosteriorSamples
    /// Which of them can be of one star.
    let agreement: Agreement

    /// - Parameters:
    ///   - posteriors: at least one. In another order they give the same, within the noise of draws.
    ///   - shares: what each is worth where they contradict each other; nil: all the same.
    ///   - never: two that are not to be multiplied, whatever they say.
    ///   - prior: of the posteriors at some places, for the labels that all of these have.
    init(
        _ posteriors: [StarPosterior], shares: [Double]? = nil, never: (Int, Int) -> Bool = { _, _ in false },
        prior: ([Int]) -> SharedPrior? = { _ in nil }
    ) {
        agreement = Agreement(posteriors, never: never)
        let products = agreement.sets.map { set in
            Self.product(set.map { posteriors[$0] }, prior: set.count > 1 ? prior(set) : nil)
        }
        let weights = agreement.sets.map { set in set.reduce(0) { $0 + (shares?[$1] ?? 1) } }
        var labels: [StellarLabel] = []
        for label in posteriors.flatMap(\.labels) where !labels.contains(label) { labels.append(label) }
        samples = Self.mixture(of: products, weights, labels: labels)
    }

    // MARK: - Products

    /// One posterior of several that agree: labels that all have from the narrowest, whose draws are worth most, the others from
    /// draws of their own.
    private static func product(_ parts: [StarPosterior], prior: SharedPrior?) -> StarPosterior {
        let shared = StarPosterior.shared(parts.map(\.labels))
        let clouds = parts.map { DrawCloud($0.columns(of: shared), factors: max(1, parts.count - 1)) }
        let readable = parts.indices.filter { clouds[$0] != nil }
        let sharper = readable.min { clouds[$0]?.logVolume ?? 0 < clouds[$1]?.logVolume ?? 0 } ?? 0
        // Nothing in common, or a star that all but one could not read: side by side.
        guard readable.count > 1 else { return joined(parts, sharper: sharper) }
        let chosen = parts.enumerated().map { place, part -> StarPosterior in
            let isTaken = place == sharper || part.labels.contains { parts[sharper].columns[$0] == nil }
            guard isTaken, let own = clouds[place] else { return part }
            return resampled(part, shared, own: own) { points in
                readable.filter { $0 != place }.reduce(into: prior?.logFactors(at: points, of: shared)) { sum, other in
                    let density = clouds[other]?.logDensity(at: points) ?? []
                    sum = sum.map { zip($0, density).map(+) } ?? density
                } ?? []
            }
        }
        return joined(chosen, sharper: sharper)
    }

    private static func joined(_ parts: [StarPosterior], sharper: Int) -> StarPosterior {
        guard parts.count > 1 else { return parts[0] }
        let draws = parts.map(\.count).max() ?? 0
        var labels: [StellarLabel] = []
        for label in parts.flatMap(\.labels) where !labels.contains(label) { labels.append(label) }
        let columns = labels.map { label in
            let column = parts[sharper].columns[label] ?? parts.lazy.compactMap { $0.columns[label] }.first ?? []
            return (0..<draws).map { column[$0 % column.count] }
        }
        return StarPosterior(labels, columns)
    }

    /// The share of draws that is to be as good as independent ones.
    private static let leastSize = 0.2
    private static let rounds = 8

    /// Draws as often as `others` says of them.
    ///
    /// Where the others know far more, few draws would be left. Then weights are taken to a power that leaves enough, new draws
    /// are made from a density estimated from those, and weighed by what they should have been drawn from, until the power is
    /// one (population Monte Carlo, Cappé et al. 2004, tempered).
    /// - Parameters:
    ///   - shared: labels that the others have, too.
    ///   - own: the density of the draws in these.
    ///   - others: the logarithm of what points are to be weighed by, from the shared labels' columns.
    private static func resampled(
        _ part: StarPosterior, _ shared: [StellarLabel], own: DrawCloud, by others: ([[Float]]) -> [Double]
    ) -> StarPosterior {
        var random = SeededGenerator(seed: 0x70_6E7)
        func kept(_ draws: StarPosterior, _ logWeights: [Double]) -> (draws: StarPosterior, power: Double) {
            let most = logWeights.filter(\.isFinite).max() ?? 0
            var (power, weights) = (1.0, [Double]())
            while true {
                weights = logWeights.map { $0.isFinite ? exp(power * ($0 - most)) : 0 }
                if effectiveSize(weights) >= leastSize * Double(draws.count) || power < 1e-4 { break }
                power *= 0.8
            }
            return (draws.selecting(places(draws.count, by: weights, using: &random)), power)
        }
        var best = kept(part, others(part.columns(of: shared)))
        for _ in 0..<rounds where best.power < 1 {
            guard let joint = DrawCloud(best.draws.columns(of: part.labels)),
                let marginal = DrawCloud(best.draws.columns(of: shared), width: joint.width)
            else { break }
            let drawn = StarPosterior(part.labels, joint.draws(part.count, using: &random))
            let points = drawn.columns(of: shared)
            let wanted = zip(others(points), own.logDensity(at: points)).map(+)
            best = kept(drawn, zip(wanted, marginal.logDensity(at: points)).map(-))
        }
        return best.draws
    }

    /// So many draws as good as independent ones (Kish 1965).
    private static func effectiveSize(_ weights: [Double]) -> Double {
        let sum = weights.reduce(0, +)
        let squares = weights.reduce(0) { $0 + $1 * $1 }
        return squares > 0 ? sum * sum / squares : 0
    }

    /// Places of draws, each as often as its weight says, evenly spread (systematic resampling).
    private static func places(
        _ count: Int, by weights: [Double], using random: inout SeededGenerator
    ) -> [Int] {
        let sum = weights.reduce(0, +)
        guard sum > 0, sum.isFinite else { return Array(0..<count) }
        var places: [Int] = []
        places.reserveCapacity(count)
        var (place, reached) = (0, weights[0] / sum)
        for i in 0..<count {
            let level = (Double(i) + 0.5) / Double(count)
            while reached < level, place < count - 1 {
                place += 1
                reached += weights[place] / sum
            }
            places.append(place)
        }
        // In the order drawn, neighbours would be copies of each other.
        return places.shuffled(using: &random)
    }

    // MARK: - Mixtures

    /// Draws of each part by turns, as many of it as its weight says among those that have the label.
    private static func mixture(
        of parts: [StarPosterior], _ weights: [Double], labels: [StellarLabel]
    ) -> PosteriorSamples {
        let draws = parts.map(\.count).max() ?? 0
        var values = [Float](repeating: .nan, count: draws * labels.count)
        for (place, label) in labels.enumerated() {
            let having = parts.indices.filter { parts[$0].columns[label]?.allSatisfy(\.isFinite) == true }
            let own = having.isEmpty ? parts.indices.filter { parts[$0].columns[label] != nil } : having
            var due = own.map { _ in 0.0 }
            let total = own.reduce(0) { $0 + weights[$1] }
            for draw in 0..<draws {
                for (i, part) in own.enumerated() { due[i] += weights[part] / total }
                let turn = due.indices.max { due[$0] < due[$1] } ?? 0
                due[turn] -= 1
                let column = parts[own[turn]].columns[label] ?? []
                values[draw * labels.count + place] = column[draw % column.count]
            }
        }
        return PosteriorSamples(values, draws: draws, labels: labels)
    }
}
