import Foundation
import Support

/// Residuals of each label against the labels themselves and other quantities, such as S/N: one panel for each pair, with
/// the binned median and the 16–84 % band over the stars.
public struct ResidualFigure: FigureConvertible {
    /// What residuals are plotted against.
    public struct Quantity: Sendable {
        /// Its symbol.
        public var symbol: PlotText
        /// Its unit; empty for none.
        public var unit: String
        /// One a star; NaN leaves a star out.
        public var values: [Double]
        /// Whether equal factors take equal room, as suits S/N.
        public var isLogarithmic: Bool

        /// One column.
        public init(symbol: PlotText, unit: String = "", values: [Double], isLogarithmic: Bool = false) {
            self.symbol = symbol
            self.unit = unit
            self.values = values
            self.isLogarithmic = isLogarithmic
        }
    }

    /// Residuals of one label.
    public struct Residual: Sendable {
        /// The label's symbol.
        public var symbol: PlotText
        /// Its unit.
        public var unit: String
        /// Predicted minus true, one a star; NaN where unknown.
        public var values: [Double]
        /// Medians with their errors that a report states, by quantity: (place, median, error); none by default.
        public var marks: [[(x: Double, y: Double, error: Double)]]

        /// One row.
        public init(
            symbol: PlotText, unit: String, values: [Double], marks: [[(x: Double, y: Double, error: Double)]] = []
        ) {
            self.symbol = symbol
            self.unit = unit
            self.values = values
            self.marks = marks
        }
    }

    /// Title of the page.
    public var title: String
    /// Where the stars come from.
    public var tier: String
    /// The rows.
    public var residuals: [Residual]
    /// The columns.
    public var quantities: [Quantity]

    /// A page of residuals.
    public init(title: String, tier: String, residuals: [Residual], quantities: [Quantity]) {
        self.title = title
        self.tier = tier
        self.residuals = residuals
        self.quantities = quantities
    }

    private static let (left, width, height, gap) = (56.0, 132.0, 92.0, 9.0)
    /// Points of all panels together: more make a vector file heavy and the paper black.
    private static let points = 24_000

    /// The page: as large as its panels need.
    public func figure() throws -> Figure {
        let count = residuals.first?.values.count ?? 0
        let lengths = residuals.map(\.values.count) + quantities.map(\.values.count)
        guard lengths.allSatisfy({ $0 == count }) else {
            throw Diagnostic(
                .invalidData, title, "columns of \(lengths.map(String.init).joined(separator: ", ")) values",
                remedy: "give every residual and quantity one value a star")
        }
        let ranges = quantities.map { quantity in
            let shown = quantity.isLogarithmic ? quantity.values.map { $0 > 0 ? log10($0) : .nan } : quantity.values
            return robustRange(of: shown, tail: 0.002, margin: 0.04) ?? 0...1
        }
        let right = Self.left + (Self.width + Self.gap) * Double(quantities.count) - Self.gap
        let page = PageHeading(title: title, tier: tier, left: Self.left, right: right)
        let top = page.bottom + 8
        let panels = residuals.enumerated().flatMap { row, residual in
            let half = Self.reach(of: residual.values)
            return quantities.indices.map { column in
                panel(
                    residual, half, quantities[column], ranges[column],
                    residual.marks.indices.contains(column) ? residual.marks[column] : [], top: top, row: row,
                    column: column)
            }
        }
        return Figure(
            width: right + 14,
            height: top + (Self.height + Self.gap) * Double(residuals.count) - Self.gap + 34, panels: panels,
            texts: page.texts)
    }

    /// Half the height of a row: nearly all stars, but no more than five times what two thirds of them stay within.
    private static func reach(of values: [Double]) -> Double {
        let sizes = values.map { abs($0) }
        let (most, usual) = (quantile(0.985, of: sizes) ?? 1, quantile(0.68, of: sizes) ?? 1)
        let half = min(1.1 * most, 5 * usual)
        return half > 0 ? half : 1
    }

    private func panel(
        _ residual: Residual, _ half: Double, _ quantity: Quantity, _ range: ClosedRange<Double>,
        _ stated: [(x: Double, y: Double, error: Double)], top: Double, row: Int, column: Int
    ) -> Panel {
        func place(_ value: Double) -> Double { quantity.isLogarithmic ? (value > 0 ? log10(value) : .nan) : value }
        func drawn(_ place: Double) -> Double { quantity.isLogarithmic ? pow(10, place) : place }
        let stars = zip(quantity.values, residual.values).map { (place($0), $1) }
            .filter { $0.0.isFinite && $0.1.isFinite && range.contains($0.0) }
        let bins = BinnedSpread(stars)
        let ends = [drawn(range.lowerBound), drawn(range.upperBound)]
        let centres = bins.centres.map(drawn)
        let series =
            marks(stars, quantity, range, half) + [
                .band(x: centres, low: bins.low, high: bins.high, colour: .orange, opacity: 0.35),
                .line(x: ends, y: [0, 0], colour: .ink, width: 0.6),
                .line(x: centres, y: bins.middle, colour: .vermilion, width: 1.3),
            ]
            + (stated.isEmpty
                ? []
                : [
                    .errorBars(
                        x: stated.map(\.x), y: stated.map(\.y), yError: stated.map(\.error), colour: .black, width: 1),
                    .points(x: stated.map(\.x), y: stated.map(\.y), colour: .black, size: 0.45),
                ])
        let unit = quantity.unit.isEmpty ? PlotText("") : PlotText(" [\(quantity.unit)]")
        let isLast = row + 1 == residuals.count
        return Panel(
            frame: Frame(
                x: Self.left + (Self.width + Self.gap) * Double(column),
                y: top + (Self.height + Self.gap) * Double(row), width: Self.width, height: Self.height),
            x: Axis(
                isLast ? quantity.symbol + unit : "", range: ends[0]...ends[1],
                isLogarithmic: quantity.isLogarithmic, showsNumbers: isLast),
            y: Axis(
                column == 0 ? PlotText("Δ ") + residual.symbol + PlotText(" [\(residual.unit)]") : "",
                range: -half...half, ticks: .every(roundStep(below: half)), showsNumbers: column == 0),
            series: series, legend: .none, labelDistance: 42)
    }

    /// All stars where they are few, some of them where they are many: the band tells where the bulk is.
    private func marks(
        _ stars: [(Double, Double)], _ quantity: Quantity, _ range: ClosedRange<Double>, _ half: Double
    ) -> [Series] {
        let shown = stars.filter { abs($0.1) <= half }.evenlySampled(
            max(500, Self.points / max(1, residuals.count * quantities.count)))
        let x = shown.map { quantity.isLogarithmic ? pow(10, $0.0) : $0.0 }
        return [
            .points(
                x: x, y: shown.map(\.1), colour: .blue, size: shown.count > 500 ? 0.15 : 0.25,
                opacity: shown.count > 1000 ? 0.3 : 0.5)
        ]
    }
}

/// Median and 16–84 % band of residuals in bins of equal width, at least ten stars in each; neighbours with fewer are
/// joined, so that the thin ends of a distribution do not fray.
struct BinnedSpread {
    private(set) var (centres, low, middle, high): ([Double], [Double], [Double], [Double]) = ([], [], [], [])

    init(_ stars: [(Double, Double)], bins: Int = 14, minimum: Int = 10) {
        guard let first = stars.map(\.0).min(), let last = stars.map(\.0).max(), first < last else { return }
        let sorted = stars.sorted { $0.0 < $1.0 }
        var group: [(Double, Double)] = []
        var bin = 0
        func index(_ x: Double) -> Int { min(bins - 1, Int((x - first) / (last - first) * Double(bins))) }
        func close() {
            guard group.count >= minimum else { return }
            let values = group.map(\.1)
            centres.append(quantile(0.5, of: group.map(\.0)) ?? .nan)
            low.append(quantile(0.1587, of: values) ?? .nan)
            middle.append(quantile(0.5, of: values) ?? .nan)
            high.append(quantile(0.8413, of: values) ?? .nan)
            group = []
        }
        for star in sorted {
            if index(star.0) > bin {
                close()
                bin = index(star.0)
            }
            group.append(star)
        }
        close()
    }
}
