import Datasets
import Foundation
import StarReading
import Statistics

/// What held-out stars say of the labels a model reads: how good, how honest, beside what simpler methods reach.
public struct LabelReport: Codable, Sendable {
    /// Of which instrument.
    public let instrument: String
    /// The data: tier, split, and what was done to spectra.
    public let tier: String, split: String, conditions: String
    /// Stars that were read.
    public let stars: Int
    /// Label by label.
    public var labels: [Label]
    /// The joint posterior's coverage by random points (TARP).
    public let joint: CoverageCurve?
    /// Share of the stars with each flag.
    public let flags: [String: Double]

    /// One label.
    public struct Label: Codable, Sendable {
        /// Its name and unit.
        public let name: String, unit: String
        /// Posterior median minus catalogue: bias and robust σ with bootstrap errors.
        public let residuals: ResidualStatistics
        /// The same over stars without any flag.
        public let unflagged: ResidualStatistics
        /// Median of the error that the model states.
        public let statedError: Double
        /// Observed coverage of central intervals.
        public let coverage: CoverageCurve
        /// Probability that ranks of honest posteriors are as far from uniform (Kolmogorov-Smirnov).
        public let uniformity: Double
        /// In bins of S/N and of the labels.
        public let bins: [CalibrationBins]
        /// Residuals of simpler methods that learned from the same stars, by their names.
        public var baselines: [String: ResidualStatistics] = [:]
    }

    /// The report on stars that were read.
    /// - Parameter checks: of the samples of `stars`.
    public init(
        _ held: HeldOutStars, _ checks: [PosteriorCheck], tier: String, split: Split, conditions: String
    ) {
        instrument = held.instrument.name
        (self.tier, self.split, self.conditions) = (tier, split.rawValue, conditions)
        stars = held.count
        let quantities =
            [("S/N", held.snr)]
            + held.samples.labels.enumerated().filter { ["teff", "fe_h"].contains($0.element.name) }.map {
                ($0.element.title, held.truth[$0.offset])
            }
        labels = checks.enumerated().map { index, check in
            let residuals = check.residuals
            let calm = residuals.indices.filter { held.flags[$0].isEmpty }.map { residuals[$0] }
            let intervals = held.samples.quantiles([0.1587, 0.8413], label: index).filter { $0[0].isFinite }
            return Label(
                name: check.label.name, unit: check.label.unit, residuals: ResidualStatistics(residuals),
                unflagged: ResidualStatistics(calm),
                statedError: median(intervals.map { ($0[1] - $0[0]) / 2 }), coverage: check.credibility.coverage(),
                uniformity: check.uniformity().distanceProbability,
                bins: quantities.compactMap { name, values in
                    values.contains(where: \.isFinite) ? CalibrationBins(check, by: values, named: name) : nil
                })
        }
        // Random points tell nothing about a label that is the same for all stars.
        let isComplete = held.truth.allSatisfy { Set($0.filter(\.isFinite)).count > 1 }
        joint =
            isComplete && checks.count > 1
            ? Credibility.randomPoints(held.samples, truth: held.truth).coverage() : nil
        let count = Double(max(1, held.count))
        flags = Dictionary(
            uniqueKeysWithValues: QualityFlags.all.map { flag, name, _ in
                (name, Double(held.flags.count { $0.contains(flag) }) / count)
            })
    }

    /// Adds what a simpler method reaches on the same stars.
    /// - Parameter predicted: per label, per star.
    public mutating func add(_ name: String, _ predicted: [[Double]], truth: [[Double]]) {
        // A label that is the same for all stars is no task.
        for i in labels.indices where Set(truth[i].filter(\.isFinite)).count > 1 {
            labels[i].baselines[name] = ResidualStatistics(zip(predicted[i], truth[i]).map { $0 - $1 })
        }
    }
}
