import Foundation
import Statistics
import Support

/// Predicted against true labels, one column a label, with the residuals below.
public struct OneToOneFigure: FigureConvertible {
    /// One label of many stars.
    public struct Quantity: Sendable {
        /// The quantity's symbol, such as T_eff.
        public var symbol: PlotText
        /// Its unit, such as "K" or "dex".
        public var unit: String
        /// True values; NaN leaves a star out.
        public var truth: [Double]
        /// Predicted values, one a star.
        public var predicted: [Double]
        /// The bias (median of predicted − true) that the report states, in `unit`.
        public var bias: Double
        /// The robust scatter of predicted − true that the report states, in `unit`.
        public var sigma: Double
        /// What the values along and up the page are called.
        public var names: (String, String)

        /// One label with the bias and robust scatter its report states, so that figure and table cannot disagree.
        public init(
            symbol: PlotText, unit: String, truth: [Double], predicted: [Double], bias: Double, sigma: Double,
            names: (String, String) = ("True", "Predicted")
        ) {
            self.names = names
            self.symbol = symbol
            self.unit = unit
            self.truth = truth
            self.predicted = predicted
            self.bias = bias
            self.sigma = sigma
        }
    }

    /// Title of the page: what was predicted from what, and the data tier.
    public var title: String
    /// The labels, one column each.
    public var quantities: [Quantity]

    /// A one-to-one figure.
    public init(title: String, quantities: [Quantity]) {
        self.title = title
        self.quantities = quantities
    }

    private static let column = 256.0
    private static let side = 170.0
    /// From this many stars on, a density map replaces the points.
    private static let densityThreshold = 3000

    /// The page, 256 points a column and 318 points high.
    public func figure() throws -> Figure {
        let panels = try quantities.enumerated().flatMap { index, quantity in
            try OneToOneFigure.panels(quantity, x: 52 + Self.column * Double(index))
        }
        let width = Self.column * Double(max(1, quantities.count))
        let title = PlotText(self.title, .bold).fitted(width: width - 60, size: Style.titleSize)
        return Figure(
            width: width, height: 318, panels: panels, texts: [PageText(title, x: 52, y: 13, size: Style.titleSize)])
    }

    private static func panels(_ quantity: Quantity, x: Double) throws -> [Panel] {
        guard quantity.truth.count == quantity.predicted.count else {
            throw Diagnostic(
                .invalidData, quantity.symbol.plain,
                "\(quantity.truth.count) true but \(quantity.predicted.count) predicted values",
                remedy: "give one prediction a star")
        }
        let stars = zip(quantity.truth, quantity.predicted).filter { $0.isFinite && $1.isFinite }
        let truth = stars.map(\.0)
        let predicted = stars.map(\.1)
        let residual = stars.map { $1 - $0 }
        let range =
            union(
                robustRange(of: truth, tail: 0.001, margin: 0.06), robustRange(of: predicted, tail: 0.001, margin: 0.06)
            )
            ?? 0...1
        let reach = max(6 * quantity.sigma, 2 * abs(quantity.bias))
        let half = reach.isFinite && reach > 0 ? reach : max(1e-9, residual.map(abs).max() ?? 1)
        let outside = residual.count { abs($0) > half }
        let unit = PlotText(" [\(quantity.unit)]")
        let ends = [range.lowerBound, range.upperBound]
        let main = Panel(
            frame: Frame(x: x, y: 46, width: side, height: side),
            x: Axis(range: range, showsNumbers: false),
            y: Axis(PlotText("\(quantity.names.1) ") + quantity.symbol + unit, range: range),
            series: marks(truth, predicted, xRange: range, yRange: range)
                + [.line(x: ends, y: ends, colour: .vermilion, width: 0.9)],
            notes: [Panel.Note(PlotText("n = \(grouped(stars.count))"), x: 0.97, y: 0.94, alignment: .right)],
            colour: Axis("stars", isLogarithmic: true), showsColourBar: stars.count >= densityThreshold)
        let strip = Panel(
            frame: Frame(x: x, y: 46 + side + 8, width: side, height: 56),
            x: Axis(PlotText("\(quantity.names.0) ") + quantity.symbol + unit, range: range),
            y: Axis("Residual" + unit, range: -half...half, ticks: .every(roundStep(below: half))),
            series: marks(truth, residual, xRange: range, yRange: -half...half)
                + [
                    .line(x: ends, y: [0, 0], colour: .vermilion, width: 0.9),
                    .line(x: ends, y: [quantity.sigma, quantity.sigma], colour: .ink, width: 0.6, isDashed: true),
                    .line(x: ends, y: [-quantity.sigma, -quantity.sigma], colour: .ink, width: 0.6, isDashed: true),
                ],
            notes: outside > 0
                ? [Panel.Note(PlotText("\(grouped(outside)) beyond"), x: 0.97, y: 0.11, alignment: .right)] : [],
            colour: Axis(isLogarithmic: true))
        var titled = main
        titled.title = heading(quantity).fitted(width: side + 20, size: Style.titleSize)
        return [titled, strip]
    }

    /// "T_eff: bias −12 K, σ 81 K".
    private static func heading(_ quantity: Quantity) -> PlotText {
        let decimals = quantity.sigma >= 10 ? 0 : quantity.sigma >= 1 ? 1 : 3
        let bias = (quantity.bias > 0 ? "+" : "") + fixed(quantity.bias, decimals: decimals)
        return quantity.symbol
            + PlotText(": bias \(bias), σ \(fixed(quantity.sigma, decimals: decimals)) \(quantity.unit)")
    }

    /// Points for few stars, a map of log star counts for many.
    private static func marks(
        _ x: [Double], _ y: [Double], xRange: ClosedRange<Double>, yRange: ClosedRange<Double>
    ) -> [Series] {
        guard x.count >= densityThreshold else {
            return [
                .points(x: x, y: y, colour: .blue, size: x.count > 500 ? 0.2 : 0.3, opacity: x.count > 200 ? 0.5 : 0.9)
            ]
        }
        let bins = 80
        let rows = max(8, Int((Double(bins) * (yRange == xRange ? 1 : 0.33)).rounded()))
        var counts = [[Double]](repeating: [Double](repeating: 0, count: bins), count: rows)
        func bin(_ value: Double, _ range: ClosedRange<Double>, _ count: Int) -> Int? {
            guard range.contains(value) else { return nil }
            return min(
                count - 1, Int((value - range.lowerBound) / (range.upperBound - range.lowerBound) * Double(count)))
        }
        for (x, y) in zip(x, y) {
            if let column = bin(x, xRange, bins), let row = bin(y, yRange, rows) { counts[row][column] += 1 }
        }
        func centres(_ range: ClosedRange<Double>, _ count: Int) -> [Double] {
            let step = (range.upperBound - range.lowerBound) / Double(count)
            return (0..<count).map { range.lowerBound + (Double($0) + 0.5) * step }
        }
        let shown = counts.map { $0.map { $0 > 0 ? $0 : .nan } }
        return [.heatMap(x: centres(xRange, bins), y: centres(yRange, rows), values: shown)]
    }
}

extension OneToOneFigure.Quantity {
    /// One label with its bias (median of predicted − true) and robust scatter (Tukey's biweight) computed here.
    public init(symbol: PlotText, unit: String, truth: [Double], predicted: [Double]) {
        let residuals = zip(truth, predicted).map { $1 - $0 }.filter(\.isFinite).sorted()
        let middle = residuals.count / 2
        let bias =
            residuals.isEmpty
            ? Double.nan
            : residuals.count % 2 == 1 ? residuals[middle] : (residuals[middle - 1] + residuals[middle]) / 2
        self.init(
            symbol: symbol, unit: unit, truth: truth, predicted: predicted, bias: bias,
            sigma: residuals.count < 3 ? .nan : robustSigma(residuals))
    }
}
