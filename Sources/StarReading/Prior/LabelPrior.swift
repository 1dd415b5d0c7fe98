import Foundation
import Posteriors
import Support
import Torch

/// The prior that the posteriors of a head carry: the density of the labels that it was trained on, a mixture of Gaussians.
///
/// It is smooth on a twentieth of a label's spread. What is finer no spectrum should owe to its prior.
public struct LabelPrior: Codable, Sendable, Hashable {
    /// One Gaussian, in units of the labels' spread about their mean.
    struct Component: Codable, Sendable, Hashable {
        var weight: Double
        var mean: [Double]
        var covariance: [[Double]]
    }

    /// Names of the labels, in the order of all that follows.
    let labels: [String]
    /// Mean and standard deviation of each label, in the form in which it is learned (log10 of Teff).
    let mean: [Double], std: [Double]
    let components: [Component]

    /// Rows that a fit sees: more would take longer and tell nothing.
    private static let rows = 10_000
    private static let leastSpread = 0.05

    /// - Parameters:
    ///   - columns: labels of training rows by label, in the form in which they are learned; NaN where missing.
    ///   - dataName: how messages call the data.
    /// - Throws: `Diagnostic` where fewer than 50 know a label.
    init(fitting columns: [[Double]], labels: [StellarLabel], dataName: String) throws {
        self.labels = labels.map(\.name)
        (mean, std) = try StandardisedLabels.statistics(
            columns, names: self.labels, minimumStars: FlowData.leastRows, dataName: dataName)
        let standard = zip(columns, zip(mean, std)).map { column, form in
            column.evenlySampled(Self.rows).map { ($0 - form.0) / form.1 }
        }
        let mixture = try catchingTorchErrors {
            withoutGradient {
                GaussianMixture(fitting: standard, leastVariance: Self.leastSpread * Self.leastSpread)
            }
        }
        let (means, covariances) = (mixture.means.doubles(), mixture.covariances.doubles())
        let d = labels.count
        components = mixture.weights.doubles().enumerated().map { part, weight in
            Component(
                weight: weight, mean: Array(means[part * d..<(part + 1) * d]),
                covariance: (0..<d).map { row in
                    Array(covariances[(part * d + row) * d..<(part * d + row + 1) * d])
                })
        }
    }

    /// Gaussians.
    public var count: Int { components.count }

    /// Whether the numbers of a file make a density.
    public var isConsistent: Bool {
        let d = labels.count
        guard d > 0, Set(labels).count == d, mean.count == d, std.count == d, (1...1024).contains(components.count),
            (mean + std).allSatisfy(\.isFinite), std.allSatisfy({ $0 > 0 })
        else { return false }
        let areWhole = components.allSatisfy { part in
            part.weight > 0 && part.weight <= 1 && part.mean.count == d && part.mean.allSatisfy(\.isFinite)
                && part.covariance.count == d
                && part.covariance.allSatisfy { $0.count == d && $0.allSatisfy(\.isFinite) }
        }
        guard areWhole, abs(components.reduce(0) { $0 + $1.weight } - 1) < 1e-6 else { return false }
        let areSymmetric = components.allSatisfy { part in
            (0..<d).allSatisfy { row in
                (0..<row).allSatisfy { abs(part.covariance[row][$0] - part.covariance[$0][row]) < 1e-6 }
            }
        }
        return areSymmetric && mixture.leastVariance > 0
    }

    private var mixture: GaussianMixture {
        let (k, d) = (components.count, labels.count)
        return GaussianMixture(
            weights: Tensor(components.map(\.weight), shape: [k]),
            means: Tensor(components.flatMap(\.mean), shape: [k, d]),
            covariances: Tensor(components.flatMap { $0.covariance.flatMap { $0 } }, shape: [k, d, d]))
    }

    /// The prior of some of the labels, whatever the others are; nil where it does not know one of them.
    func marginal(over wanted: [StellarLabel]) -> Marginal? {
        let places = wanted.compactMap { labels.firstIndex(of: $0.name) }
        guard !places.isEmpty, places.count == wanted.count else { return nil }
        return Marginal(mixture.marginal(places), mean: places.map { mean[$0] }, std: places.map { std[$0] })
    }

    /// The density of a few labels, ready to be evaluated.
    struct Marginal {
        private let mixture: GaussianMixture
        private let mean: Tensor, std: Tensor
        private let norm: Double
        /// The logarithm of the density that 99.9 % of the training stars have at least.
        private let floor: Double

        private static let shareBelow = 0.001

        fileprivate init(_ mixture: GaussianMixture, mean: [Double], std: [Double]) {
            self.mixture = mixture
            self.mean = Tensor(mean)
            self.std = Tensor(std)
            norm = std.reduce(0) { $0 + log($1) }
            var random = SeededGenerator(seed: 0x9B10)
            let found = mixture.logDensity(mixture.draws(20_000, using: &random)).doubles().sorted()
            floor = found[Int(Self.shareBelow * Double(found.count))]
        }

        /// The logarithm of the density per unit of the labels as they are learned.
        ///
        /// Where training labels are rarer than for 99.9 % of the training stars it is taken as even: nothing is known of
        /// how rare they are there, and a division by it stays finite.
        /// - Parameter columns: values by label, as they are learned.
        func logDensity(_ columns: [[Double]]) -> [Double] {
            let rows = Tensor(columns.flatMap { $0 }, shape: [columns.count, columns[0].count]).transposed()
            return mixture.logDensity((rows - mean) / std).clamp(min: floor).doubles().map { $0 - norm }
        }
    }
}

/// What makes one prior of several, for labels that all posteriors have.
///
/// Posteriors are likelihoods times priors, pᵢ = Lᵢπᵢ. The star's prior counts once: π ΠLᵢ = Πpᵢ · π/Ππᵢ. For π all populations
/// are as likely: π is the mean of the πᵢ. Where one is not known π is that one, and the factor is 1 over the others; where
/// several are not, these stay as often as there are of them.
struct SharedPrior: Sendable {
    private let labels: [StellarLabel]
    private let priors: [LabelPrior.Marginal]
    private let areAllKnown: Bool

    /// - Parameters:
    ///   - priors: of each posterior; nil where it is not known.
    ///   - labels: what all posteriors tell.
    /// - Returns: nil where no prior is known, so that posteriors can only be multiplied as they are.
    init?(_ priors: [LabelPrior?], labels: [StellarLabel]) {
        self.labels = labels
        // One prior, looked up as often as it is there.
        var known: [LabelPrior: LabelPrior.Marginal] = [:]
        self.priors = priors.compactMap { prior in
            guard let prior else { return nil }
            if known[prior] == nil { known[prior] = prior.marginal(over: labels) }
            return known[prior]
        }
        areAllKnown = self.priors.count == priors.count
        guard !self.priors.isEmpty else { return nil }
    }

    /// The logarithm of π/Ππᵢ at some draws, per unit of the labels, up to a common term; −∞ where a draw is no possible value.
    /// - Parameters:
    ///   - draws: by label, in the labels' units.
    ///   - order: the labels of these, in another order perhaps.
    func logFactors(at draws: [[Float]], of order: [StellarLabel]) -> [Double] {
        let columns = labels.map { label in order.firstIndex(of: label).map { draws[$0] } ?? [] }
        let densities = priors.map { prior in
            prior.logDensity(zip(labels, columns).map { label, column in column.map { label.learned(Double($0)) } })
        }
        // Densities of draws are per unit of the label; those of priors become so by the slope.
        let curved = zip(labels, columns).filter { $0.0.isLogarithmic }
        let powers = Double(areAllKnown ? priors.count - 1 : priors.count)
        return (draws.first ?? []).indices.map { draw in
            let own = densities.map { $0[draw] }
            var factor = -own.reduce(0, +)
            if areAllKnown, let most = own.max() { factor += most + log(own.reduce(0) { $0 + exp($1 - most) }) }
            for (label, column) in curved { factor -= powers * log(label.slope(at: Double(column[draw]))) }
            return factor.isFinite ? factor : -.infinity
        }
    }
}
