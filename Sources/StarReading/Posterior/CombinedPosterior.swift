import Foundation
import Statistics
import Support
import Torch

/// What two instruments tell of one star together: the product of their posteriors, with one prior.
///
/// Given the labels, what one spectrum shows does not depend on the other, so likelihoods multiply. Draws of one are kept as
/// often as the other one's density says, which is estimated from its draws, so that calibration carries over, times what
/// makes one prior of two (``SharedPrior``). Where no prior is known densities multiply as they are, and the prior counts
/// twice: that makes errors too small where spectra tell little, by a seventh where each leaves 0.7 of the prior's width.
struct CombinedPosterior {
    /// Draws of all labels that either has, in the order of the first, `[1, draws, labels]`.
    let samples: PosteriorSamples
    /// Whether the two are farther apart than one star's would be once in a thousand.
    let disagrees: Bool

    private static let leastProbability = 1e-3

    /// - Parameters:
    ///   - star: a row of both.
    ///   - prior: of the labels that both have, in the order of the first.
    init(_ first: PosteriorSamples, _ second: PosteriorSamples, star: (Int, Int), prior: SharedPrior? = nil) {
        let parts = [Draws(first, star.0), Draws(second, star.1)]
        let shared = Self.shared(first.labels, second.labels)
        let labels = first.labels + second.labels.filter { !first.labels.contains($0) }
        let clouds = parts.compactMap { part in DrawCloud(shared.map { part.columns[$0] ?? [] }) }
        guard clouds.count == 2 else {
            // Nothing in common, or a star that one of them could not read: side by side.
            let readable = DrawCloud(shared.map { parts[0].columns[$0] ?? [] }) != nil ? 0 : 1
            samples = Self.joined(labels, parts, chosen: parts.map { Array($0.indices) }, sharper: readable, mixing: [])
            disagrees = false
            return
        }
        disagrees = clouds[0].distance(to: clouds[1]) > Self.limit(shared.count)
        guard !disagrees else {
            samples = Self.joined(labels, parts, chosen: parts.map { Array($0.indices) }, sharper: 0, mixing: shared)
            return
        }
        let weights = [0, 1].map { own -> [Double] in
            let density = clouds[1 - own].density(at: clouds[own])
            guard let prior else { return density }
            return zip(density, prior.factors(at: shared.map { parts[own].columns[$0] ?? [] })).map(*)
        }
        let worth = weights.map(Self.effectiveSize)
        let chosen = zip(parts, weights).map { Self.resampled($0.indices.count, by: $1) }
        samples = Self.joined(labels, parts, chosen: chosen, sharper: worth[0] >= worth[1] ? 0 : 1, mixing: [])
    }

    /// The labels that both have, in the order of the first.
    static func shared(_ first: [StellarLabel], _ second: [StellarLabel]) -> [StellarLabel] {
        first.filter(second.contains)
    }

    /// A star's draws, label by label.
    private struct Draws {
        let columns: [StellarLabel: [Float]]
        let indices: Range<Int>

        init(_ samples: PosteriorSamples, _ star: Int) {
            indices = 0..<samples.draws
            columns = samples.labels.enumerated().reduce(into: [:]) {
                $0[$1.element] = samples.draws(ofStar: star, label: $1.offset)
            }
        }
    }

    /// - Parameters:
    ///   - chosen: which draws of each part are taken.
    ///   - sharper: the part whose draws of shared labels are taken.
    ///   - mixing: labels of which every other draw comes from the other part.
    private static func joined(
        _ labels: [StellarLabel], _ parts: [Draws], chosen: [[Int]], sharper: Int, mixing: [StellarLabel]
    ) -> PosteriorSamples {
        let draws = chosen.map(\.count).max() ?? 0
        var values = [Float](repeating: .nan, count: draws * labels.count)
        for (place, label) in labels.enumerated() {
            let isMixed = mixing.contains(label)
            let own = parts.indices.filter { parts[$0].columns[label] != nil }
            let columns = parts.map { $0.columns[label] ?? [] }
            for draw in 0..<draws {
                let part = own.count < 2 ? own[0] : isMixed ? draw % 2 : sharper
                values[draw * labels.count + place] = columns[part][chosen[part][draw % chosen[part].count]]
            }
        }
        return PosteriorSamples(values, draws: draws, labels: labels)
    }

    /// So many draws as good as independent ones (Kish 1965).
    private static func effectiveSize(_ weights: [Double]) -> Double {
        let sum = weights.reduce(0, +)
        let squares = weights.reduce(0) { $0 + $1 * $1 }
        return squares > 0 ? sum * sum / squares : 0
    }

    /// Places of draws, each as often as its weight says, evenly spread (systematic resampling).
    private static func resampled(_ count: Int, by weights: [Double]) -> [Int] {
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
        var random = SeededGenerator(seed: 0x70_6E7)
        return places.shuffled(using: &random)
    }

    /// The χ² that is exceeded with the least probability (Wilson & Hilferty 1931).
    private static func limit(_ dimensions: Int) -> Double {
        let k = Double(dimensions)
        return k * pow(1 - 2 / (9 * k) + normalScore(1 - leastProbability) * (2 / (9 * k)).squareRoot(), 3)
    }
}

/// Draws of some labels as points, with a density estimated from them.
private struct DrawCloud {
    private let points: Tensor, centre: Tensor, covariance: Tensor
    /// To axes along which the draws have unit variance.
    private let whitening: Tensor

    /// Kernels of the density: more would cost time and tell nothing.
    private static let kernels = 1000

    /// - Parameter columns: per label; nil where there are none, or draws that are not finite or all the same.
    init?(_ columns: [[Float]]) {
        guard let count = columns.first?.count, count > 1, columns.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
            return nil
        }
        points = Tensor.cat(columns.map { Tensor($0, shape: [count, 1]) }, dim: 1).to(.float64)
        centre = points.mean(dims: [0], keepDims: true)
        let deviations = points - centre
        covariance = deviations.transposed().matmul(deviations) * (1 / Double(count - 1))
        let (values, vectors) = covariance.symmetricEigen()
        guard let least = values.doubles().min(), least > 0 else { return nil }
        whitening = vectors * values.sqrt().reciprocal()
    }

    /// Densities, up to a factor, at the points of another cloud.
    ///
    /// Gaussian kernels of Scott's width (1992), drawn towards the centre so that the variance stays that of the draws
    /// (West 1993, J. R. Stat. Soc. B 55, 409).
    func density(at other: DrawCloud) -> [Double] {
        let (rows, dimensions) = (points.size(0), Double(points.size(1)))
        let step = max(1, rows / Self.kernels)
        let chosen = Tensor(stride(from: 0, to: rows, by: step).map(Int64.init), shape: [(rows + step - 1) / step])
        let width = pow(Double(chosen.size(0)), -1 / (dimensions + 4))
        let kernels = (points.indexSelect(0, chosen) - centre).matmul(whitening) * (1 - width * width).squareRoot()
        let places = (other.points - centre).matmul(whitening)
        let squares =
            places.square().sum(dims: [1], keepDims: true) + kernels.square().sum(dims: [1], keepDims: false)
            - places.matmul(kernels.transposed()) * 2
        return (squares * (-0.5 / (width * width))).exp().sum(dims: [1], keepDims: false).doubles()
    }

    /// Squared distance of the centres in units of both widths together.
    func distance(to other: DrawCloud) -> Double {
        let between = centre - other.centre
        return (between * (covariance + other.covariance).solving(between.transposed()).transposed()).sum().item()
    }
}
