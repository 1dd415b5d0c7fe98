import Foundation
import Support

/// Training and validation loss against the step, from the columns of a run's metrics.
///
/// Long training curves are drawn as their mean over equal stretches of steps on top of the range within each stretch;
/// the axis is logarithmic when all losses are positive and span a factor of five or more.
public struct LossFigure: FigureConvertible {
    /// A loss at some steps; steps and values are equally long, NaN values are left out.
    public struct Curve: Sendable {
        /// Optimiser steps.
        public var steps: [Double]
        /// The loss at each step.
        public var values: [Double]

        /// A curve of `values` at `steps`.
        public init(steps: [Double], values: [Double]) {
            self.steps = steps
            self.values = values
        }

        /// The points with finite values.
        var finite: [(step: Double, value: Double)] {
            zip(steps, values).filter { $0.isFinite && $1.isFinite }.map { (step: $0, value: $1) }
        }
    }

    /// Title above the panel, such as the run's name and the data tier.
    public var title: String
    /// Loss of the training batches.
    public var training: Curve
    /// Loss on the validation split, if there is one.
    public var validation: Curve?
    /// What the loss is, with its unit if it has one.
    public var lossLabel: String

    /// A loss figure.
    public init(title: String, training: Curve, validation: Curve? = nil, lossLabel: String = "Loss") {
        self.title = title
        self.training = training
        self.validation = validation
        self.lossLabel = lossLabel
    }

    /// A loss figure from named columns of metrics (NaN where a row has no value).
    /// - Throws: ``Diagnostic/Kind/invalidData`` naming the column that is missing.
    public init(
        title: String, columns: [String: [Double]], step: String = "step", training: String = "train_loss",
        validation: String? = "validation_loss", lossLabel: String = "Loss"
    ) throws {
        func column(_ name: String) throws -> [Double] {
            guard let values = columns[name] else {
                throw Diagnostic(
                    .invalidData, title, "the metrics have no column '\(name)'",
                    remedy: "the columns are \(columns.keys.sorted().joined(separator: ", "))")
            }
            return values
        }
        let steps = try column(step)
        self.init(
            title: title, training: Curve(steps: steps, values: try column(training)),
            validation: try validation.map { Curve(steps: steps, values: try column($0)) }, lossLabel: lossLabel)
    }

    /// The page, 420 × 270 points.
    public func figure() throws -> Figure {
        for curve in [training, validation].compactMap({ $0 }) where curve.steps.count != curve.values.count {
            throw Diagnostic(
                .invalidData, title, "\(curve.steps.count) steps but \(curve.values.count) losses",
                remedy: "give one loss a step")
        }
        let frame = Frame(x: 58, y: 34, width: 348, height: 196)
        var series = trainingSeries()
        var title = PlotText(self.title, .bold)
        if let points = validation?.finite, !points.isEmpty {
            series.append(
                .line(
                    x: points.map(\.step), y: points.map(\.value), colour: .vermilion, width: 1.2, label: "validation"))
            if points.count <= 60 {
                series.append(
                    .points(x: points.map(\.step), y: points.map(\.value), colour: .vermilion, size: 0.35))
            }
            if let best = points.min(by: { $0.value < $1.value }) {
                let text = "best: \(String(format: "%.4g", best.value)) at step \(grouped(Int(best.step)))"
                series.append(
                    .points(
                        x: [best.step], y: [best.value], colour: .ink, size: 0.9, shape: .circle, label: PlotText(text))
                )
            }
        }
        title = title.fitted(width: frame.width, size: Style.titleSize)
        let panel = Panel(
            frame: frame, x: Axis("Optimiser step"), y: Axis(PlotText(lossLabel), isLogarithmic: isLogarithmic),
            series: series, labelDistance: 44)
        let heading = PageText(title, x: frame.x, y: 11, size: Style.titleSize)
        return Figure(width: 420, height: 270, panels: [panel], texts: [heading])
    }

    private var isLogarithmic: Bool {
        let values = (training.finite + (validation?.finite ?? [])).map(\.value)
        guard let low = values.min(), let high = values.max() else { return false }
        return low > 0 && high / low >= 5
    }

    private func trainingSeries() -> [Series] {
        let points = training.finite
        let stretches = 300
        guard points.count > 2 * stretches else {
            return [
                .line(x: points.map(\.step), y: points.map(\.value), colour: .blue, width: 1, label: "training")
            ]
        }
        let groups = (0..<stretches).map { index in
            points[index * points.count / stretches..<(index + 1) * points.count / stretches]
        }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        let x = groups.map { mean($0.map(\.step)) }
        let values = groups.map { $0.map(\.value) }
        let each = PlotText("training, mean of \(grouped(points.count / stretches)) steps")
        return [
            .band(
                x: x, low: values.map { $0.min() ?? .nan }, high: values.map { $0.max() ?? .nan }, colour: .skyBlue,
                opacity: 0.4),
            .line(x: x, y: values.map(mean), colour: .blue, width: 1.1, label: each),
        ]
    }
}
