import Statistics
import Support
import Torch

/// Draws from the joint posteriors of many stars: `[stars, draws, labels]`, flat and in single precision, so that 6000
/// stars × 1000 draws × 5 labels take 120 MB.
public struct PosteriorSamples: Sendable {
    /// How many stars.
    public let stars: Int
    /// How many draws a star.
    public let draws: Int
    /// What is drawn, in the order of the last axis.
    public let labels: [StellarLabel]
    /// All draws, row-major `[stars, draws, labels]`, in the labels' units.
    public internal(set) var values: [Float]

    /// Samples from a flat array.
    /// - Parameters:
    ///   - values: row-major `[stars, draws, labels]`; the number of stars follows from its length.
    ///   - draws: of each posterior.
    ///   - labels: what is drawn, in the order of the columns.
    public init(_ values: [Float], draws: Int, labels: [StellarLabel]) {
        precondition(draws > 0 && !labels.isEmpty, "a posterior needs draws and labels")
        precondition(values.count.isMultiple(of: draws * labels.count), "not a whole number of stars")
        stars = values.count / (draws * labels.count)
        self.draws = draws
        self.labels = labels
        self.values = values
    }

    /// Samples from a tensor `[stars, draws, labels]` in the labels' units, on any device.
    public init(_ tensor: Tensor, labels: [StellarLabel]) throws {
        precondition(tensor.shape.count == 3 && tensor.shape[2] == labels.count, "want [stars, draws, labels]")
        self.init(try tensor.to(.cpu).to(.float32).contiguous().floats(), draws: tensor.shape[1], labels: labels)
    }

    /// Draws of labels that are told as Gaussians: their quantiles, in a random order for each label; of labels without
    /// errors, the same value over and over.
    /// - Parameters:
    ///   - stars: at least one, all with the same labels.
    ///   - draws: of each posterior.
    public init(gaussians stars: [StarLabels], draws: Int) {
        let scores = (0..<draws).map { normalScore((Double($0) + 0.5) / Double(draws)) }
        var random = SeededGenerator(seed: 1)
        let values = stars.flatMap { star -> [Float] in
            let columns = star.estimates.map { estimate in
                scores.shuffled(using: &random).map { Float(estimate.value + (estimate.error ?? 0) * $0) }
            }
            return (0..<draws).flatMap { draw in columns.map { $0[draw] } }
        }
        self.init(values, draws: draws, labels: stars.first?.estimates.map(\.label) ?? [])
    }

    /// One number: a star's draw of a label.
    public subscript(star: Int, draw: Int, label: Int) -> Float {
        values[(star * draws + draw) * labels.count + label]
    }

    /// All draws of a star, `[draws, labels]`.
    public func star(_ star: Int) -> ArraySlice<Float> {
        values[star * draws * labels.count..<(star + 1) * draws * labels.count]
    }

    /// A star's draws of one label, in the order drawn.
    public func draws(ofStar star: Int, label: Int) -> [Float] {
        let first = star * draws * labels.count + label
        return values.withUnsafeBufferPointer { values in
            [Float](unsafeUninitializedCapacity: draws) { out, count in
                for draw in 0..<draws { out[draw] = values[first + draw * labels.count] }
                count = draws
            }
        }
    }

    /// A star's draws of one label from small to large, and where in the order drawn each of them stands; nil where one of them
    /// is not finite, since such a star has no posterior to speak of.
    func rankedDraws(ofStar star: Int, label: Int) -> (order: [Int32], sorted: [Float])? {
        let draws = draws(ofStar: star, label: label)
        let order = ascendingOrder(draws)
        let sorted = order.map { draws[Int($0)] }
        guard let last = sorted.last, last.isFinite, sorted[0].isFinite else { return nil }
        return (order, sorted)
    }

    /// A star's draws of one label from small to large; nil where one of them is not finite.
    public func sortedDraws(ofStar star: Int, label: Int) -> [Float]? {
        rankedDraws(ofStar: star, label: label)?.sorted
    }

    /// Adds a number to all draws of a label of each star.
    mutating func add(_ offsets: [Double], to label: String) {
        guard let place = labels.firstIndex(where: { $0.name == label }) else { return }
        for star in 0..<stars where offsets[star] != 0 {
            for draw in 0..<draws {
                values[(star * draws + draw) * labels.count + place] += Float(offsets[star])
            }
        }
    }

    /// Some of the stars, in the order given.
    public func selecting(_ rows: [Int]) -> PosteriorSamples {
        PosteriorSamples(rows.flatMap { star($0) }, draws: draws, labels: labels)
    }

    /// Quantiles of one label for each star, `[stars][levels]`; NaN for a star without finite draws.
    ///
    /// The k-th smallest of S draws is the quantile of level k / (S + 1) (Hyndman & Fan's type 6): a star drawn from its
    /// own posterior then lies between the quantiles of levels a and b with probability b − a exactly, however few the
    /// draws. Levels beyond the outermost draws give these.
    public func quantiles(_ levels: [Double], label: Int) -> [[Double]] {
        (0..<stars).map { star in
            guard let sorted = sortedDraws(ofStar: star, label: label) else { return levels.map { _ in .nan } }
            return levels.map { quantile($0, ofSorted: sorted) }
        }
    }
}

/// The quantile of type 6 of sorted draws: linear between draws, the outermost draws beyond them.
func quantile(_ level: Double, ofSorted draws: [Float]) -> Double {
    let place = min(max(level * Double(draws.count + 1) - 1, 0), Double(draws.count - 1))
    let below = Int(place)
    let above = min(below + 1, draws.count - 1)
    return Double(draws[below]) + (place - Double(below)) * (Double(draws[above]) - Double(draws[below]))
}
