import Foundation
import Posteriors
import Spectra
import Torch

extension PosteriorSamples {
    /// Samples of the posteriors of stars, in the labels' units.
    /// - Parameters:
    ///   - context: `[B, C]`.
    ///   - draws: samples per star; equal numbers give equal samples.
    init(_ sampler: EnsembleSampler, given context: Tensor, draws: Int, labels: [StellarLabel]) throws {
        let learned = try sampler.even(draws, given: context, seed: 0x5A3B)
        var columns = learned.split(labels.map { _ in 1 }, 2)
        for (i, label) in labels.enumerated() where label.isLogarithmic {
            columns[i] = (columns[i] * log(10)).exp()
        }
        try self.init(columns.count == 1 ? columns[0] : Tensor.cat(columns, dim: 2), labels: labels)
    }
}

/// What a catalogue says of posteriors: medians, errors and intervals of each label, and what speaks against them.
struct PosteriorSummary {
    /// Per star, per label.
    private(set) var estimates: [[LabelEstimate]] = []
    /// Per star.
    private(set) var flags: [QualityFlags] = []

    /// - Parameter ranges: of the training labels.
    init(_ samples: PosteriorSamples, ranges: [ClosedRange<Double>]?) {
        let quantiles = SmoothedQuantiles(
            [0.1587, 0.5, 0.8413], scores: DrawScores.scores(of: samples.draws))
        for star in 0..<samples.stars {
            var own: [LabelEstimate] = []
            var doubts: QualityFlags = []
            for (i, label) in samples.labels.enumerated() {
                guard let sorted = samples.sortedDraws(ofStar: star, label: i) else {
                    own.append(LabelEstimate(label: label, value: .nan, error: .nan))
                    continue
                }
                let found = quantiles(sorted)
                let (low, high) = (found[0], max(found[0], found[2]))
                own.append(
                    LabelEstimate(
                        label: label, value: min(max(found[1], low), high), error: (high - low) / 2,
                        interval: low...high))
                // Stars are read at rest: however fast one is, nothing of it is farther out.
                if label.name != RadialVelocity.label, let range = ranges?[i],
                    low < range.lowerBound || high > range.upperBound
                {
                    doubts.insert(.extrapolated)
                }
                if Self.hasTwoPeaks(sorted) { doubts.insert(.multimodal) }
            }
            estimates.append(own)
            flags.append(doubts)
        }
    }

    /// Whether the density of sorted draws falls between two peaks, each with a tenth of the draws or more, to less than
    /// a quarter of the lower one.
    private static func hasTwoPeaks(_ sorted: [Float]) -> Bool {
        let bins = 24
        let low = quantile(0.005, ofSorted: sorted)
        let high = quantile(0.995, ofSorted: sorted)
        guard high > low, sorted.count >= 200 else { return false }
        var counts = [Double](repeating: 0, count: bins)
        for value in sorted {
            let place = (Double(value) - low) / (high - low) * Double(bins)
            if place >= 0, place < Double(bins) { counts[Int(place)] += 1 }
        }
        // Smoothed, so that the noise of counts makes no valleys.
        let smooth = counts.indices.map { i in
            (counts[max(0, i - 1)] + 2 * counts[i] + counts[min(bins - 1, i + 1)]) / 4
        }
        let total = counts.reduce(0, +)
        for valley in 1..<bins - 1 {
            let (left, right) = (smooth[..<valley].max() ?? 0, smooth[(valley + 1)...].max() ?? 0)
            guard smooth[valley] < 0.25 * min(left, right) else { continue }
            let share = counts[..<valley].reduce(0, +) / total
            if share > 0.1, share < 0.9 { return true }
        }
        return false
    }
}
