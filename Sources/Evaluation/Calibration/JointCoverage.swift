import StarReading
import Support

extension Credibility {
    /// Tests of accuracy with random points (TARP; Lemos et al. 2023, arXiv 2302.03026): regions are balls about a random
    /// point that reach just to the truth; their level is the share of draws within. It needs no densities and sees wrong
    /// correlations that the labels by themselves do not show.
    ///
    /// Distances are taken in units of the truths' standard deviation in each label. Stars that lack a label are left out.
    /// - Parameters:
    ///   - truth: per label of the samples, per star; NaN where unknown.
    ///   - references: the points, per label, per star, in the labels' units. They must not depend on the truth. Random ones
    ///     are uniform in the box that holds 98 % of the truths in each label: a few wild stars would else stretch it so far
    ///     that most points see all posteriors from the same side.
    public static func randomPoints(
        _ samples: PosteriorSamples, truth: [[Double]], references: [[Double]]? = nil, seed: UInt64 = 1
    ) -> Credibility {
        let shares = nearerDraws(samples, truth: truth, references: references, seed: seed)
        var generator = SeededGenerator(seed: seed, source: "TARP levels")
        return Credibility(
            name: "joint, TARP",
            levels: shares.map { nearer in
                let uniform = generator.uniform()
                return nearer.map { (Double($0) + uniform) / Double(samples.draws + 1) } ?? .nan
            })
    }

    /// Draws that are nearer to the star's reference point than its truth; nil for stars that lack a label.
    static func nearerDraws(
        _ samples: PosteriorSamples, truth: [[Double]], references: [[Double]]?, seed: UInt64
    ) -> [Int?] {
        let width = samples.labels.count
        precondition(truth.count == width && truth.allSatisfy { $0.count == samples.stars })
        precondition(references.map { $0.count == width && $0.allSatisfy { $0.count == samples.stars } } ?? true)
        let complete = (0..<samples.stars).filter { star in truth.allSatisfy { $0[star].isFinite } }
        let columns = truth.map { column in complete.map { column[$0] } }
        let scales = columns.map { column in
            let mean = column.reduce(0, +) / Double(max(1, column.count))
            let variance = column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, column.count))
            return variance > 0 ? 1 / variance.squareRoot() : 1
        }
        let boxes = columns.map { column -> ClosedRange<Double> in
            let sorted = column.sorted()
            guard let last = sorted.indices.last else { return 0...0 }
            let out = last / 100
            return sorted[out]...sorted[last - out]
        }
        var generator = SeededGenerator(seed: seed, source: "TARP")
        var counts = [Int?](repeating: nil, count: samples.stars)
        for star in complete {
            let point = (0..<width).map { references?[$0][star] ?? generator.uniform(in: boxes[$0]) }
            func distance(_ value: (Int) -> Double) -> Double {
                (0..<width).reduce(0) { sum, label in
                    let step = (value(label) - point[label]) * scales[label]
                    return sum + step * step
                }
            }
            let reach = distance { truth[$0][star] }
            let draws = samples.star(star)
            guard draws.allSatisfy(\.isFinite) else { continue }
            counts[star] = (0..<samples.draws).count { draw in
                distance { Double(draws[draws.startIndex + draw * width + $0]) } < reach
            }
        }
        return counts
    }
}
