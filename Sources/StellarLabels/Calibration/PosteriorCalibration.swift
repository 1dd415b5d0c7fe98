import Foundation

/// Makes posteriors honest: learnt on stars of the validation split, applied to the draws of others, kept in a model file.
///
/// Each label is corrected by itself, and a star's draws keep their order in each label. So the dependence between labels
/// (the copula of the joint draws) stays as the model has it.
///
/// By level, the default, the draw of score z = Φ⁻¹(k / (S + 1)) moves to where the original posterior has score g(z): g
/// rises through a few knots, each the conformal quantile of the scores of the validation stars' truths. g(z) = z is an
/// honest posterior, 2z one that was overconfident by a factor of two, z + 0.3 one that was biased; a bent g mends
/// skewness and wings. By width, draws are spread about their median instead, by one factor for 68 and one for 95 % on
/// each side; that mends no bias of half a σ or more, and so is the simple alternative.
public struct PosteriorCalibration: Codable, Sendable, Hashable {
    /// What is learnt.
    public enum Method: String, Codable, Sendable, CaseIterable {
        /// A map of levels: moves, widens and bends.
        case levels
        /// Factors about the median: widens only.
        case widths
    }

    /// How it is learnt.
    public struct Options: Sendable, Hashable {
        /// What is learnt.
        public var method: Method
        /// Bins of S/N with a correction of their own, at most; 1 makes one correction for all.
        public var snrBins: Int
        /// Stars that a bin of S/N needs.
        public var starsPerBin: Int
        /// Stars that a label needs; with fewer it is left as it is.
        public var minimumStars: Int

        /// The defaults are what experiments with skewed, heavy-tailed and biased posteriors recommend.
        public init(method: Method = .levels, snrBins: Int = 5, starsPerBin: Int = 400, minimumStars: Int = 200) {
            precondition(
                snrBins >= 1 && starsPerBin >= 200 && minimumStars >= 200, "too few stars to tell a tail of 2.5 %")
            (self.method, self.snrBins) = (method, snrBins)
            (self.starsPerBin, self.minimumStars) = (starsPerBin, minimumStars)
        }
    }

    /// What is known of one label.
    struct LabelCorrection: Codable, Sendable, Hashable {
        /// The label's name.
        var name: String
        /// Validation stars it was learnt on.
        var stars: Int
        /// For stars of any or unknown S/N; nil where there were too few to learn from.
        var overall: PosteriorCorrection?
        /// By S/N, ascending; empty without dependence on it.
        var nodes: [Node]
    }

    /// A correction for stars about one S/N.
    struct Node: Codable, Sendable, Hashable {
        /// log₁₀ of the S/N.
        var logSNR: Double
        var correction: PosteriorCorrection
    }

    var corrections: [LabelCorrection]

    /// Learns from stars whose labels are known.
    /// - Parameters:
    ///   - samples: posteriors of stars that the model was not trained on.
    ///   - truth: per label of the samples, per star; NaN where unknown.
    ///   - snr: per star, NaN where unknown; nil makes one correction for all.
    public static func fit(
        samples: PosteriorSamples, truth: [[Double]], snr: [Double]? = nil, options: Options = Options()
    ) -> PosteriorCalibration {
        precondition(truth.count == samples.labels.count && truth.allSatisfy { $0.count == samples.stars })
        precondition(snr.map { $0.count == samples.stars } ?? true)
        let scores = DrawScores.scores(of: samples.draws)
        return PosteriorCalibration(
            corrections: samples.labels.indices.map { label in
                let stars = (0..<samples.stars).compactMap { star -> KnownStar? in
                    guard truth[label][star].isFinite, let sorted = samples.sortedDraws(ofStar: star, label: label)
                    else { return nil }
                    return KnownStar(
                        truth: truth[label][star], draws: DrawScores(sorted: sorted, scores: scores),
                        logSNR: log10(snr?[star] ?? .nan))
                }
                let isEnough = stars.count >= options.minimumStars && samples.draws > 1
                return LabelCorrection(samples.labels[label].name, isEnough ? stars : [], options)
            })
    }

    /// Corrects draws in place; labels it has not learnt stay as they are.
    /// - Parameter snr: per star, NaN where unknown; without it every star gets the correction for all.
    public func apply(to samples: inout PosteriorSamples, snr: [Double]? = nil) {
        precondition(snr.map { $0.count == samples.stars } ?? true)
        let scores = DrawScores.scores(of: samples.draws)
        let (draws, width) = (samples.draws, samples.labels.count)
        for (label, what) in samples.labels.enumerated() {
            guard let learnt = corrections.first(where: { $0.name == what.name }), let overall = learnt.overall else {
                continue
            }
            let table = overall.table(scores: scores)
            for star in 0..<samples.stars {
                let (order, sorted) = sortedWithOrder(samples.draws(ofStar: star, label: label))
                guard let last = sorted.last, last.isFinite, sorted[0].isFinite else { continue }
                let own = snr.flatMap { learnt.correction(snr: $0[star]) }
                let moved = (own ?? overall).corrected(
                    DrawScores(sorted: sorted, scores: scores), sorted: sorted,
                    table: own?.table(scores: scores) ?? table)
                let first = star * draws * width + label
                for (rank, draw) in order.enumerated() { samples.values[first + draw * width] = moved[rank] }
            }
        }
    }

    /// Whether the numbers of a file make a calibration.
    public var isConsistent: Bool {
        corrections.allSatisfy { label in
            (label.overall?.isConsistent ?? true) && label.nodes.allSatisfy(\.correction.isConsistent)
                && Set(label.nodes.map(\.correction.knots)).count <= 1
                && zip(label.nodes, label.nodes.dropFirst()).allSatisfy { $0.logSNR < $1.logSNR }
        }
    }

    /// Labels that are corrected, with the number of stars that the correction was learnt on.
    public var learnt: [(name: String, stars: Int)] {
        corrections.filter { $0.overall != nil }.map { ($0.name, $0.stars) }
    }
}

/// A star to learn from.
private struct KnownStar {
    let truth: Double
    let draws: DrawScores
    /// Not finite where unknown.
    let logSNR: Double
}

extension PosteriorCalibration.LabelCorrection {
    fileprivate init(_ name: String, _ stars: [KnownStar], _ options: PosteriorCalibration.Options) {
        let method = options.method
        func correction(_ chosen: [KnownStar], knots: [Double]) -> PosteriorCorrection {
            let statistics = chosen.map {
                PosteriorCorrection.statistics(method, knots: knots, truth: $0.truth, draws: $0.draws)
            }
            return PosteriorCorrection(method, knots: knots, statistics: statistics)
        }
        self.name = name
        self.stars = stars.count
        overall =
            stars.isEmpty ? nil : correction(stars, knots: PosteriorCorrection.knots(method, stars: stars.count))
        let ordered = stars.filter(\.logSNR.isFinite).sorted { $0.logSNR < $1.logSNR }
        let count = min(options.snrBins, ordered.count / options.starsPerBin)
        // One bin would say the same as the correction for all. Nodes share their knots: they are mixed.
        let knots = PosteriorCorrection.knots(method, stars: ordered.count / max(1, count))
        nodes = (count > 1 ? 0..<count : 0..<0).map { bin in
            let part = Array(ordered[bin * ordered.count / count..<(bin + 1) * ordered.count / count])
            return .init(logSNR: part[part.count / 2].logSNR, correction: correction(part, knots: knots))
        }
    }

    /// The correction at an S/N: linear in its logarithm between nodes, that of the last node beyond; nil where unknown.
    func correction(snr: Double) -> PosteriorCorrection? {
        guard snr > 0, let first = nodes.first, let last = nodes.last else { return nil }
        let place = log10(snr)
        if place <= first.logSNR { return first.correction }
        if place >= last.logSNR { return last.correction }
        let above = nodes.partitioningIndex { $0.logSNR >= place }
        let (low, high) = (nodes[above - 1], nodes[above])
        return low.correction.mixed(
            with: high.correction, share: (place - low.logSNR) / (high.logSNR - low.logSNR))
    }
}

/// Draws from small to large and where each of them stood. Key and place are sorted as one integer, several times faster
/// than places by their keys.
private func sortedWithOrder(_ draws: [Float]) -> (order: [Int], sorted: [Float]) {
    var keys = draws.enumerated().map { place, value -> UInt64 in
        // The bits of a Float, ordered as the numbers: negative ones reversed and below.
        let bits = value.bitPattern
        let ordered = bits >> 31 == 0 ? bits | 0x8000_0000 : ~bits
        return UInt64(ordered) << 32 | UInt64(place)
    }
    keys.sort()
    let order = keys.map { Int($0 & 0xFFFF_FFFF) }
    return (order, order.map { draws[$0] })
}
