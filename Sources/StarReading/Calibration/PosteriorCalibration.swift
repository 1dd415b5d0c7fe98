import Algorithms
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
///
/// What counts are different stars: spectra of one star, changed anew, say no more of the stars to come than one of them
/// would. Few stars cannot tell how a posterior is bent, nor its wings: then g is a straight line, one shift and one factor
/// on the width.
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
        /// Different stars that a bin of S/N needs.
        public var starsPerBin: Int
        /// Different stars that a label needs; with fewer its centre and width alone are corrected.
        public var minimumStars: Int

        /// Different stars without which a label is left as it is: a shift learnt on so many is good to 0.18 σ.
        public static let fewestStars = 50
        /// Different stars that a bin of S/N needs where centre and width alone are corrected.
        static let starsPerCentreBin = 2 * fewestStars

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
        /// Different validation stars that there were to learn from; in files without `spectra`, spectra.
        var stars: Int
        /// Spectra of these; nil in older files.
        var spectra: Int?
        /// Whether they told no more than a shift and a factor on the width; nil in older files: they told all.
        var centreOnly: Bool?
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
    ///   - truth: per label of the samples, per posterior; NaN where unknown.
    ///   - snr: per posterior, NaN where unknown; nil makes one correction for all.
    ///   - sources: which star each posterior is of, by its identifier; nil where all are different.
    ///   - options: bins and levels.
    public static func fit(
        samples: PosteriorSamples, truth: [[Double]], snr: [Double]? = nil, sources: [String]? = nil,
        options: Options = Options()
    ) -> PosteriorCalibration {
        precondition(truth.count == samples.labels.count && truth.allSatisfy { $0.count == samples.stars })
        precondition(snr.map { $0.count == samples.stars } ?? true)
        precondition(sources.map { $0.count == samples.stars } ?? true)
        let scores = DrawScores.scores(of: samples.draws)
        var numbers: [String: Int] = [:]
        let stars = sources?.map { source -> Int in
            let number = numbers[source] ?? numbers.count
            numbers[source] = number
            return number
        }
        return PosteriorCalibration(
            corrections: samples.labels.indices.map { label in
                let spectra = (0..<samples.stars).compactMap { row -> KnownSpectrum? in
                    guard samples.draws > 1, truth[label][row].isFinite,
                        let sorted = samples.sortedDraws(ofStar: row, label: label)
                    else { return nil }
                    return KnownSpectrum(
                        star: stars?[row] ?? row, truth: truth[label][row],
                        draws: DrawScores(sorted: sorted, scores: scores), logSNR: log10(snr?[row] ?? .nan))
                }
                return LabelCorrection(samples.labels[label].name, spectra, options)
            })
    }

    /// Corrects draws in place; labels it has not learnt stay as they are.
    /// - Parameters:
    ///   - samples: draws of posteriors.
    ///   - snr: per star, NaN where unknown; without it every star gets the correction for all.
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
                guard let (order, sorted) = samples.rankedDraws(ofStar: star, label: label) else { continue }
                let own = snr.flatMap { learnt.correction(snr: $0[star]) }
                let moved = (own ?? overall).corrected(
                    DrawScores(sorted: sorted, scores: scores), sorted: sorted,
                    table: own?.table(scores: scores) ?? table)
                let first = star * draws * width + label
                samples.values.withUnsafeMutableBufferPointer { values in
                    for (rank, draw) in order.enumerated() { values[first + Int(draw) * width] = moved[rank] }
                }
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

    /// What the corrections rest on, for people, in one part for all labels that are corrected alike.
    public var basis: [String] {
        func text(_ form: String, _ chosen: [LabelCorrection]) -> [String] {
            guard let least = chosen.map(\.stars).min(), let most = chosen.map(\.stars).max() else { return [] }
            let names = chosen.count == corrections.count ? "" : chosen.map(\.name).joined(separator: ", ") + ": "
            // Older files counted spectra.
            let unit = chosen.allSatisfy { $0.spectra == nil } ? "spectra" : "stars"
            return [names + form + (least == most ? "\(most) \(unit)" : "\(least) to \(most) \(unit)")]
        }
        let learnt = corrections.filter { $0.overall != nil }
        return text("calibrated on ", learnt.filter { $0.centreOnly != true })
            + text("centre and width alone calibrated on ", learnt.filter { $0.centreOnly == true })
            + text("not calibrated, for want of stars: ", corrections.filter { $0.overall == nil })
    }
}

/// A spectrum to learn from.
private struct KnownSpectrum {
    /// The number of its star.
    let star: Int
    let truth: Double
    let draws: DrawScores
    /// Not finite where unknown.
    let logSNR: Double
}

extension Sequence<KnownSpectrum> {
    fileprivate var starCount: Int { Set(map(\.star)).count }

    /// The same for spectra of one star, together 1.
    fileprivate var weights: [Double] {
        let counts = reduce(into: [Int: Int]()) { $0[$1.star, default: 0] += 1 }
        return map { 1 / Double(counts[$0.star] ?? 1) }
    }
}

extension PosteriorCalibration.LabelCorrection {
    fileprivate init(_ name: String, _ known: [KnownSpectrum], _ options: PosteriorCalibration.Options) {
        let method = options.method
        let isCentre = known.starCount < options.minimumStars
        self.name = name
        (stars, spectra, centreOnly) = (known.starCount, known.count, isCentre)
        guard stars >= PosteriorCalibration.Options.fewestStars else {
            (overall, nodes) = (nil, [])
            return
        }
        func knots(_ stars: Int) -> [Double] {
            isCentre ? PosteriorCorrection.centreKnots : PosteriorCorrection.knots(method, stars: stars)
        }
        func correction(_ chosen: [KnownSpectrum], knots: [Double]) -> PosteriorCorrection {
            let statistics = chosen.map {
                PosteriorCorrection.statistics(method, knots: knots, truth: $0.truth, draws: $0.draws)
            }
            return isCentre
                ? PosteriorCorrection(centre: method, statistics: statistics, weights: chosen.weights)
                : PosteriorCorrection(method, knots: knots, statistics: statistics, weights: chosen.weights)
        }
        overall = correction(known, knots: knots(stars))
        let ordered = known.filter(\.logSNR.isFinite).sorted { $0.logSNR < $1.logSNR }
        func bins(_ count: Int) -> [[KnownSpectrum]] {
            (0..<count).map { Array(ordered[$0 * ordered.count / count..<($0 + 1) * ordered.count / count]) }
        }
        let needed = isCentre ? PosteriorCalibration.Options.starsPerCentreBin : options.starsPerBin
        // One bin would say the same as the correction for all.
        let parts = stride(from: options.snrBins, to: 1, by: -1).lazy.map(bins)
            .first { $0.allSatisfy { $0.starCount >= needed } }
        // Nodes share their knots: they are mixed.
        let shared = knots(parts?.map(\.starCount).min() ?? 0)
        nodes = (parts ?? []).map { part in
            .init(logSNR: part[part.count / 2].logSNR, correction: correction(part, knots: shared))
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
