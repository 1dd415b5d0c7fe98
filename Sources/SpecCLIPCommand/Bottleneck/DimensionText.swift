import Figures
import Foundation
import OrderedBottleneck

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
        var data: String
        var pca: DimensionReport.Components
        var twoNN: Double
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
                    curve: ordered.curve, rows: ordered.rows, data: report.data, pca: report.pca,
                    twoNN: report.twoNN, maximumLikelihood: report.maximumLikelihood, separate: report.separate))
        }
    }

    /// For people, 80 columns.
    var text: String {
        let ordered = report.ordered
        let name = ordered.statistic == .wilks ? "Wilks' statistic 2 x gain" : "the paper's statistic, the gain"
        var lines = ["Intrinsic dimension: " + ordered.verdict]
        lines += ordered.problems.filter { ordered.dimension != nil || $0 != ordered.verdict }.map { "  " + $0 }
        lines += [
            "  on \(report.data)",
            "  by \(name), against \(String(format: "%.3f", ordered.threshold)) (p = 0.05)",
            "Others: PCA \(report.pca.for95) (95 % of the variance) or \(report.pca.for99) (99 %),",
            String(format: "  TwoNN %.2f, maximum likelihood %.2f", report.twoNN, report.maximumLikelihood),
            "", " width     error       PCA      gain         p" + (report.separate.isEmpty ? "" : "  separate"),
        ]
        for point in shown(ordered) {
            var line = String(format: "%6d  %8.5f  %8.5f", point.width, point.error, report.pca.errors[point.width])
            line += point.gain.map { String(format: "  %8.1f  %8.2g", $0, point.p ?? .nan) } ?? ""
            if let other = report.separate.first(where: { $0.width == point.width }) {
                line = padded(line, 48) + String(format: "%8.5f", other.error)
            }
            lines.append(line)
        }
        return lines.joined(separator: "\n")
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

extension BottleneckFigure {
    init(_ report: DimensionReport) {
        let ordered = report.ordered
        let isWilks = ordered.statistic == .wilks
        self.init(
            title: "Intrinsic dimension: \(ordered.verdict)", errors: ordered.curve.map(\.error),
            pcaErrors: report.pca.errors, separate: report.separate.map { ($0.width, $0.error) },
            statistic: ordered.curve.compactMap(\.gain).map { isWilks ? 2 * $0 : $0 },
            statisticLabel: isWilks ? "2 x gained log-likelihood" : "Gained log-likelihood",
            threshold: ordered.threshold, dimension: ordered.dimension)
    }
}
