import Foundation
import SpecCLIP
import Spectra
import StellarLabels
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
    let model: SpecCLIPModel
    let reader: LabelReader
    let instrument: Instrument

    /// A test of one instrument’s label head.
    public init(_ model: SpecCLIPModel, _ reader: LabelReader, _ instrument: Instrument) {
        self.model = model
        self.reader = reader
        self.instrument = instrument
    }

    /// The baseline of this instrument, fitted on a training split.
    public func baseline(_ data: PairedDataSet, components: Int) throws -> LinearBaseline {
        let rows = try SpectrumRows(data, instrument, .train)
        let labels = try reader.labels(for: instrument).map { try data.labels($0.name, split: .train) }
        return LinearBaseline(try rows.tensor(Array(0..<rows.count)), labels: labels, components: components)
    }

    /// Evaluates on a split of a data set.
    public func run(_ data: PairedDataSet, split: Split, baseline: LinearBaseline) throws -> [LabelEvaluation] {
        let rows = try SpectrumRows(data, instrument, split)
        let truth = try reader.labels(for: instrument).map { try data.labels($0.name, split: split) }
        return try run(try rows.tensor(Array(0..<rows.count)), truth: truth, baseline: baseline)
    }

    /// Evaluates prepared spectra.
    /// - Parameters:
    ///   - flux: `[N, pixels]`.
    ///   - truth: per label of the reader, per star; NaN where unknown.
    public func run(_ flux: Tensor, truth: [[Double]], baseline: LinearBaseline) throws -> [LabelEvaluation] {
        let labels = try reader.labels(for: instrument)
        var estimates: [[LabelEstimate]] = []
        for start in stride(from: 0, to: flux.shape[0], by: 512) {
            let block = flux.narrow(0, start: start, length: min(512, flux.shape[0] - start))
            let features = try withoutGradient { try model.features(block, from: instrument) }
            estimates += try reader.predict(features, from: instrument)
        }
        let linear = baseline.predict(flux)
        return labels.indices.map { i in
            LabelEvaluation(
                label: labels[i], truth: truth[i], predicted: estimates.map { $0[i].value },
                errors: estimates.map { $0[i].error ?? .nan }, baseline: linear[i])
        }
    }
}
