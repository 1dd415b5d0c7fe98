import Datasets
import Foundation
import SpecCLIP
import Spectra
import StarReading
import Statistics
import Torch

/// Predicted and true labels of held-out stars.
public struct LabelEvaluation: Sendable {
    /// Which label.
    public let label: StellarLabel
    /// The label as the catalogue has it; NaN where unknown.
    public let truth: [Double]
    /// The model’s values.
    public let predicted: [Double]
    /// The model's own 1σ errors; NaN where it gives none.
    public let errors: [Double]
    /// The linear baseline’s values.
    public let baseline: [Double]

    /// Residuals of stars whose true label is known.
    private func residuals(_ values: [Double]) -> [Double] {
        zip(values, truth).filter { $1.isFinite && $0.isFinite }.map { $0 - $1 }
    }

    /// How the size of residuals is told.
    public enum Measure: String, Sendable {
        /// Tukey's biweight (reference, section 11.6): what the field quotes.
        case robust = "robust σ"
        /// Root mean square: where the baseline is a mean. The biweight would take one of two groups of stars (dwarfs
        /// and giants in log g) for outliers, and praise a constant for hitting the other.
        case rootMeanSquare = "r.m.s."

        func callAsFunction(_ residuals: [Double]) -> Double {
            switch self {
            case .robust: robustSigma(residuals)
            case .rootMeanSquare: (residuals.reduce(0) { $0 + $1 * $1 } / Double(max(1, residuals.count))).squareRoot()
            }
        }
    }

    /// The residuals of model and baseline, as a line of a report.
    public func line(
        _ instrument: Instrument, tier: String, baselineName: String, measure: Measure = .robust
    ) -> ScoreLine {
        let own = residuals(predicted)
        return ScoreLine(
            "\(instrument.title) → \(label.title), \(measure.rawValue)", tier: tier, stars: own.count, unit: label.unit,
            model: measure(own), baseline: measure(residuals(baseline)), baselineName: baselineName, bias: median(own),
            coverage: coverage)
    }

    /// Share of stars whose true label lies within one of the model's σ; 0.683 when the errors are honest; nil where
    /// there are none.
    private var coverage: Double? {
        guard errors.contains(where: \.isFinite) else { return nil }
        let pulls = zip(zip(predicted, errors), truth).filter { $1.isFinite }.map { abs($0.0 - $1) / $0.1 }
        return Double(pulls.filter { $0 <= 1 }.count) / Double(max(1, pulls.count))
    }
}

/// Reads labels with a model and with a linear baseline trained on the same split.
public struct LabelTest {
    let reader: StarReader
    let instrument: Instrument
    private let labels: [StellarLabel]

    /// A test of what is read from one instrument's spectra.
    /// - Throws: `Diagnostic` where the model reads no labels from them.
    public init(_ reader: StarReader, _ instrument: Instrument) throws {
        self.reader = reader
        self.instrument = instrument
        labels = try reader.labels().labels(for: instrument)
    }

    /// The baseline of this instrument, fitted on a training split.
    public func baseline(_ data: PairedDataSet, components: Int) throws -> LinearBaseline {
        let rows = try SpectrumRows(data, instrument, .train)
        let known = try labels.map { label in
            let all = try data.labels(label.name, split: .train)
            return rows.seen.map { all[$0] }
        }
        return LinearBaseline(try rows.tensor(rows.seen), labels: known, components: components)
    }

    /// Evaluates on a split of a data set.
    public func run(_ data: PairedDataSet, split: Split, baseline: LinearBaseline) throws -> [LabelEvaluation] {
        let seen = try data.rows(seenBy: [instrument], split: split)
        let truth = try labels.map { label in
            let all = try data.labels(label.name, split: split)
            return seen.map { all[$0] }
        }
        let ids = try data.sourceIDs(split)
        var observations: [Observation] = []
        for start in stride(from: 0, to: seen.count, by: 1024) {
            let block = Array(seen[start..<min(start + 1024, seen.count)])
            let spectra = try data.spectra(instrument, split: split, indices: block)
            observations += try block.enumerated().map { place, row in
                try Observation(
                    row: place, of: spectra, instrument, name: "\(data.url.path)#\(row)", sourceID: ids[row])
            }
        }
        return try run(observations, truth: truth, baseline: baseline)
    }

    /// What a baseline sees of observations, `[N, pixels]`.
    package func flux(_ observations: [Observation]) -> Tensor {
        Tensor(observations.flatMap(\.prepared.flux), shape: [observations.count, instrument.grid.count])
    }

    /// Evaluates observations by this instrument.
    /// - Parameter truth: per label that is read, per star; NaN where unknown.
    public func run(
        _ observations: [Observation], truth: [[Double]], baseline: LinearBaseline
    ) throws -> [LabelEvaluation] {
        var estimates: [[LabelEstimate]] = []
        for start in stride(from: 0, to: observations.count, by: 512) {
            let block = Array(observations[start..<min(start + 512, observations.count)])
            estimates += try reader.read(ObservedStar.apart(block)).map(\.estimates)
        }
        let linear = baseline.predict(flux(observations))
        return labels.indices.map { i in
            LabelEvaluation(
                label: labels[i], truth: truth[i], predicted: estimates.map { $0[i].value },
                errors: estimates.map { $0[i].error ?? .nan }, baseline: linear[i])
        }
    }
}
