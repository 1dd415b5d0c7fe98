import Figures
import Foundation
import OrderedBottleneck
import Statistics
import Support

/// A dimension report for people and programs.
struct DimensionText {
    /// What programs read: the test's own fields on top.
    private struct Flat: Encodable {
        var dimension: OrNull<Int>
        var interval: OrNull<[Int]>
        var statistic: IntrinsicDimension.Statistic
        var threshold: Double
        var verdict: String
        var problems: [String]
        var curve: [IntrinsicDimension.Point]
        var rows: Int
        var againstRows: [IntrinsicDimension.Subsample]
        var noise: DimensionReport.Noise
        var residual: OrNull<Double>
        var reducedChiSquare: Double?
        var data: String
        var pca: DimensionReport.Components
        var twoNN: OrNull<Double>
        var twoNNProblem: String?
        var maximumLikelihood: Double
        var separate: [DimensionReport.Separate]
    }

    /// A field that is there even where there is no value: `null` is an answer, a missing key is a riddle.
    private struct OrNull<Value: Encodable>: Encodable {
        var value: Value?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(value)
        }
    }

    private let report: DimensionReport

    init(_ report: DimensionReport) { self.report = report }

    var json: String {
        get throws {
            let ordered = report.ordered
            return try JSONText.encode(
                Flat(
                    dimension: OrNull(value: ordered.dimension), interval: OrNull(value: ordered.interval),
                    statistic: ordered.statistic,
                    threshold: ordered.threshold, verdict: ordered.verdict, problems: ordered.problems,
                    curve: ordered.curve, rows: ordered.rows, againstRows: ordered.againstRows, noise: report.noise,
                    residual: OrNull(value: ordered.residual), reducedChiSquare: ordered.reducedChiSquare,
                    data: report.data, pca: report.pca,
                    twoNN: OrNull(value: report.twoNN), twoNNProblem: report.twoNNProblem,
                    maximumLikelihood: report.maximumLikelihood, separate: report.separate))
        }
    }

    /// For people, 80 columns.
    var text: String {
        let ordered = report.ordered
        var lines = ["Intrinsic dimension: " + ordered.verdict]
        lines += ordered.problems.filter { ordered.dimension != nil || $0 != ordered.verdict }.map { "  " + $0 }
        lines += ["  on \(report.data)"] + statisticLines + againstRows
        lines += [
            "Others: PCA \(report.pca.for95) (95 % of the variance) or \(report.pca.for99) (99 %),",
            "  TwoNN " + (report.twoNN.map { String(format: "%.2f", $0) } ?? "none")
                + String(format: ", maximum likelihood %.2f", report.maximumLikelihood),
        ]
        lines += report.twoNNProblem.map { ["  no TwoNN: " + $0] } ?? []
        lines += [
            "",
            " width     error       PCA  " + leftPadded(ordered.statistic.column, 8)
                + (ordered.statistic == .noise ? "         p" : "") + (report.separate.isEmpty ? "" : "  separate"),
        ]
        for point in shown(ordered) {
            var line = String(format: "%6d  %8.5f  %8.5f", point.width, point.error, report.pca.errors[point.width])
            line += point.value.map { String(format: $0 < 100 ? "  %8.2f" : "  %8.0f", $0) } ?? ""
            line += point.p.map { String(format: "  %8.2g", $0) } ?? ""
            if let other = report.separate.first(where: { $0.width == point.width }) {
                line = padded(line, 48) + String(format: "%8.5f", other.error)
            }
            lines.append(line)
        }
        return lines.joined(separator: "\n")
    }

    /// What is compared with what.
    private var statisticLines: [String] {
        let ordered = report.ordered
        guard ordered.statistic == .noise else {
            return [
                String(format: "  by \(ordered.statistic.name) against %.3f", ordered.threshold),
                "  noise: taken to be all of the variance",
            ]
        }
        let level =
            switch report.noise.source {
            case "residual":
                report.noise.sigma.map { String(format: "%.3g per number, from the residual at full width", $0) }
                    ?? "unknown"
            case "given": String(format: "%.3g per number, as given", report.noise.sigma ?? .nan)
            default: "that of \(report.noise.source)"
            }
        return ["  by \(ordered.statistic.name) against 2: signal above the noise", "  noise: \(level)"]
    }

    /// Dimension by each statistic for fewer rows, drawn at random.
    private var againstRows: [String] {
        let sizes = report.ordered.againstRows
        guard sizes.count > 1 else { return [] }
        let full = report.ordered.curve.count - 1
        func line(_ head: String, _ cells: [String]) -> String {
            padded("  " + head, 12) + cells.map { leftPadded($0, 8) }.joined()
        }
        return ["Against the number of rows (drawn; median of 20 draws):", line("rows", sizes.map { "\($0.rows)" })]
            + IntrinsicDimension.Statistic.allCases.map { statistic in
                line(
                    statistic.rawValue,
                    sizes.map { size in
                        size.dimensions[statistic.rawValue].map { $0 == full ? "all \(full)" : "\($0)" } ?? "-"
                    })
            }
    }

    /// All widths of a short curve; of a long one those around the answer and powers of two.
    private func shown(_ ordered: IntrinsicDimension) -> [IntrinsicDimension.Point] {
        guard ordered.curve.count > 40 else { return ordered.curve }
        let around = ordered.dimension ?? ordered.curve.count
        return ordered.curve.filter { point in
            point.width <= 8 || abs(point.width - around) <= 3 || point.width & (point.width - 1) == 0
                || point.width == ordered.curve.count - 1
        }
    }
}

extension IntrinsicDimension.Statistic {
    /// In words.
    fileprivate var name: String {
        switch self {
        case .noise: "the fall of chi-squared per row"
        case .wilks: "Wilks' statistic 2 x gain"
        case .published: "the paper's statistic, the gain,"
        }
    }

    /// Head of its column.
    fileprivate var column: String {
        switch self {
        case .noise: "chi2/row"
        case .wilks: "2 x gain"
        case .published: "gain"
        }
    }

    /// Name on the axis of a figure, and of the threshold.
    fileprivate var labels: (axis: String, threshold: String) {
        switch self {
        case .noise: ("Fall of χ² per row", "signal = noise")
        case .wilks: ("2 x gained log-likelihood", "3.84")
        case .published: ("Gained log-likelihood", "3.84")
        }
    }
}

private func leftPadded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

extension BottleneckFigure {
    init(_ report: DimensionReport) {
        let ordered = report.ordered
        let labels = ordered.statistic.labels
        self.init(
            title: "Intrinsic dimension: \(ordered.verdict)", errors: ordered.curve.map(\.error),
            pcaErrors: report.pca.errors, separate: report.separate.map { ($0.width, $0.error) },
            statistic: ordered.curve.compactMap(\.value), statisticLabel: labels.axis, threshold: ordered.threshold,
            thresholdLabel: labels.threshold, dimension: ordered.dimension)
    }
}
