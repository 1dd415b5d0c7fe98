import Foundation
import Support
import Torch

/// A pair of rows of the same stars, `[N, D]` each: what mutual information is measured between.
public struct PairedRows: Sendable {
    let x: Tensor, y: Tensor

    /// - Parameters:
    ///   - x: `[N, D]`.
    ///   - y: `[N, E]`.
    public init(_ x: Tensor, _ y: Tensor) { (self.x, self.y) = (x.to(.float32), y.to(.float32)) }

    var count: Int { x.size(0) }

    func rows(_ places: [Int]) -> PairedRows {
        let index = Tensor(places.map(Int64.init), shape: [places.count])
        return PairedRows(x.indexSelect(0, index), y.indexSelect(0, index))
    }

    func prefix(_ count: Int) -> PairedRows {
        count < self.count ? rows(Array(0..<self.count).evenlySampled(count)) : self
    }
}

/// A network for each side whose product says how much likelier two rows are of one star than of two: f(x)·g(y), a separable
/// critic (van den Oord et al. 2018, arXiv 1807.03748).
///
/// Trained by InfoNCE. On other stars log N minus its loss bounds the mutual information from below, and log N bounds that.
final class InformationCritic: Module {
    private let first: Sequential, second: Sequential

    /// Numbers that each side is told by.
    static let width = 64

    init(_ x: Int, _ y: Int) {
        func network(_ width: Int) -> Sequential {
            Sequential(Linear(width, 256), GELU(), Linear(256, 256), GELU(), Linear(256, Self.width))
        }
        (first, second) = (network(x), network(y))
        super.init()
    }

    /// f(x) and g(y), `[N, width]`.
    func sides(_ rows: PairedRows) -> (Tensor, Tensor) {
        let scale = 1 / Double(Self.width).squareRoot().squareRoot()
        return (first(rows.x) * scale, second(rows.y) * scale)
    }

    /// Nats, one a star: log N − the cross entropy of finding its partner among the N rows, mean of both directions.
    func bound(_ rows: PairedRows) -> Tensor {
        let (f, g) = sides(rows)
        let scores = f.matmul(g.transposed())
        let own = (f * g).sum(dims: [1])
        let missed = (scores.logSumExp(dim: 1) + scores.logSumExp(dim: 0)) * 0.5
        return own - missed + log(Double(rows.count))
    }

    /// How it is trained, as the other network of these measurements is: small, with the weights that are best on validation rows.
    static func fitted(
        _ training: PairedRows, validation: PairedRows, steps: Int, batch: Int, seed: UInt64
    ) throws -> InformationCritic {
        Generator.seed(seed)
        let critic = InformationCritic(training.x.size(1), training.y.size(1))
        try InformationTraining.fit(
            critic, training, steps: steps, batch: batch, seed: seed, loss: { -critic.bound($0).mean() },
            score: { -critic.bound(validation.prefix(1024)).mean().item() })
        return critic
    }
}

/// A density of y given x: place and width of each number from a network, with the tails of Student's t, since a few stars that
/// are wildly off would else be all that counts.
///
/// If it were the true conditional, means over stars of log q(y|x) − log mean q(y|other x) would bound the mutual information from
/// above (leave-one-out, Poole et al. 2019, arXiv 1905.06922), and more loosely log q(y|x) − mean log q(y|other x) (CLUB, Cheng et
/// al. 2020, arXiv 2006.12013).
final class ConditionalDensity: Module {
    private let network: Sequential
    private let width: Int
    /// Degrees of freedom: near enough to a Gaussian, which has infinitely many.
    private static let freedom = 8.0

    init(_ x: Int, _ y: Int) {
        width = y
        network = Sequential(Linear(x, 256), GELU(), Linear(256, 256), GELU(), Linear(256, 2 * y))
        super.init()
    }

    /// Place and logarithm of the width, `[N, width]`.
    private func parameters(_ x: Tensor) -> (place: Tensor, logWidth: Tensor) {
        let all = network(x)
        return (
            all.narrow(1, start: 0, length: width), all.narrow(1, start: width, length: width).clamp(min: -4, max: 2)
        )
    }

    /// log q up to a constant, summed over the last dimension.
    private func logDensity(_ y: Tensor, _ place: Tensor, _ logWidth: Tensor) -> Tensor {
        let scaled = (y - place) * (-logWidth).exp()
        let terms = (scaled.square() / Self.freedom + 1).log() * ((Self.freedom + 1) / 2) + logWidth
        return -terms.sum(dims: [-1])
    }

    /// log q(y|x), up to a constant, `[N]`.
    func logDensity(_ rows: PairedRows) -> Tensor {
        let (place, logWidth) = parameters(rows.x)
        return logDensity(rows.y, place, logWidth)
    }

    /// Nats, one a star, of both bounds.
    func bounds(_ rows: PairedRows) -> (leaveOneOut: [Double], club: [Double]) {
        let (place, logWidth) = parameters(rows.x)
        let count = rows.count
        var (loose, tight): ([Double], [Double]) = ([], [])
        // All pairs, a block of stars at a time: [block, N, width].
        for start in stride(from: 0, to: count, by: 32) {
            let length = min(32, count - start)
            let y = rows.y.narrow(0, start: start, length: length).unsqueezed(1)
            let all = logDensity(y, place.unsqueezed(0), logWidth.unsqueezed(0)).doubles()
            for star in 0..<length {
                let own = all[star * count + start + star]
                let others = (0..<count).filter { $0 != start + star }.map { all[star * count + $0] }
                let most = others.max() ?? 0
                let shares = others.reduce(0) { $0 + Foundation.exp($1 - most) }
                loose.append(own - others.reduce(0, +) / Double(count - 1))
                tight.append(own - most - Foundation.log(shares / Double(count - 1)))
            }
        }
        return (tight, loose)
    }

    static func fitted(
        _ training: PairedRows, validation: PairedRows, steps: Int, batch: Int, seed: UInt64
    ) throws -> ConditionalDensity {
        Generator.seed(seed)
        let density = ConditionalDensity(training.x.size(1), training.y.size(1))
        try InformationTraining.fit(
            density, training, steps: steps, batch: batch, seed: seed, loss: { -density.logDensity($0).mean() },
            score: { -density.logDensity(validation).mean().item() })
        return density
    }
}

/// The few hundred steps that a network of these measurements takes.
enum InformationTraining {
    /// Ends with the weights whose score is least.
    static func fit(
        _ module: Module, _ training: PairedRows, steps: Int, batch: Int, seed: UInt64,
        loss: (PairedRows) -> Tensor, score: () -> Double
    ) throws {
        let optimiser = AdamW(parameters: module.parameters(), learningRate: 1e-3, weightDecay: 0.01)
        var random = StepRandom(seed, 0x1F0)
        var (best, kept): (Double, [String: Tensor]) = (.infinity, [:])
        let size = min(batch, training.count)
        for step in 1...steps {
            try Interruption.check()
            // Half a cosine: what is left to learn at the end is small.
            optimiser.learningRate =
                1e-3 * min(1, Double(step) / 50) * (0.02 + 0.98 * pow(cos(.pi / 2 * Double(step) / Double(steps)), 2))
            let places = (0..<size).map { _ in Int.random(in: 0..<training.count, using: &random) }
            try catchingTorchErrors {
                loss(training.rows(places)).backward()
                optimiser.step()
                optimiser.zeroGradients()
            }
            guard step.isMultiple(of: max(1, steps / 20)) || step == steps else { continue }
            let now = try catchingTorchErrors { withoutGradient { score() } }
            if now < best {
                best = now
                kept = Dictionary(uniqueKeysWithValues: module.stateDictionary().map { ($0.0, $0.1.detached() + 0) })
            }
        }
        if !kept.isEmpty { try module.load(kept) }
    }
}
