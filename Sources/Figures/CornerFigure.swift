import Foundation
import Support

/// The joint posterior of one star: a histogram for each label on the diagonal, contours that enclose 68 and 95 % of the
/// draws for each pair below, and the true values where they are known.
public struct CornerFigure: FigureConvertible {
    /// One label.
    public struct Quantity: Sendable {
        /// Its symbol.
        public var symbol: PlotText
        /// Its unit.
        public var unit: String
        /// Draws; the n-th of all labels belong together.
        public var draws: [Double]
        /// The true value, if known.
        public var truth: Double?

        /// The draws of one label.
        public init(symbol: PlotText, unit: String, draws: [Double], truth: Double? = nil) {
            self.symbol = symbol
            self.unit = unit
            self.draws = draws
            self.truth = truth
        }
    }

    /// What is shown, such as the star's name.
    public var title: String
    /// Where star and model come from.
    public var tier: String
    /// The labels, from left to right.
    public var quantities: [Quantity]
    /// What the true values are, in the legend.
    public var truthName: String

    /// A corner figure.
    public init(title: String, tier: String, quantities: [Quantity], truthName: String = "catalogue") {
        self.title = title
        self.tier = tier
        self.quantities = quantities
        self.truthName = truthName
    }

    private static let (left, gap) = (58.0, 8.0)
    /// Contours of more draws look no different.
    private static let contourDraws = 2000

    /// The page: as large as its panels need.
    public func figure() throws -> Figure {
        let counts = quantities.map(\.draws.count)
        guard let count = counts.first, counts.allSatisfy({ $0 == count }), count >= 10 else {
            throw Diagnostic(
                .invalidData, title, "draws of \(counts.map(String.init).joined(separator: ", ")) values",
                remedy: "give each label the same number of draws, at least ten")
        }
        let size = quantities.count > 3 ? 92.0 : 116.0
        let extent = (size + Self.gap) * Double(quantities.count) - Self.gap
        let page = PageHeading(title: title, tier: tier, left: Self.left, right: Self.left + extent)
        let top = page.bottom + 20
        let ranges = quantities.map(Self.range)
        let panels = quantities.indices.flatMap { row in
            (0...row).map { column in
                let place = (x: (size + Self.gap) * Double(column), y: (size + Self.gap) * Double(row))
                let frame = Frame(x: Self.left + place.x, y: top + place.y, width: size, height: size)
                return row == column ? diagonal(row, ranges, frame) : pair(row, column, ranges, frame)
            }
        }
        // The title above the last panel on the diagonal may be wider than the panel.
        let titles = quantities.enumerated().map { index, quantity in
            (size + Self.gap) * Double(index) + Self.summary(quantity).unstacked.width(size: Style.titleSize)
        }
        let width = Self.left + max(extent + 14, (titles.max() ?? 0) + 8)
        var figure = Figure(width: width, height: top + extent + 36, panels: panels, texts: page.texts)
        addLegend(to: &figure, right: Self.left + extent, top: top)
        return figure
    }

    /// The bulk of the draws and the true value, if it is near.
    private static func range(_ quantity: Quantity) -> ClosedRange<Double> {
        let bulk = bulk(quantity.draws)
        guard let truth = quantity.truth, truth.isFinite else { return bulk }
        let extent = bulk.upperBound - bulk.lowerBound
        // A truth that lies far off would shrink the posterior to a dot; it is left to the legend's numbers then.
        guard truth > bulk.lowerBound - 0.6 * extent, truth < bulk.upperBound + 0.6 * extent else { return bulk }
        return min(bulk.lowerBound, truth - 0.08 * extent)...max(bulk.upperBound, truth + 0.08 * extent)
    }

    /// Where all but a few draws are, or 4.5 of their own σ to each side if that still holds 98 % of them: heavy wings would
    /// else leave no room to see the middle in.
    private static func bulk(_ draws: [Double]) -> ClosedRange<Double> {
        let whole = robustRange(of: draws, tail: 0.002, margin: 0.06) ?? 0...1
        let places = [0.1587, 0.5, 0.8413].map { quantile($0, of: draws) ?? .nan }
        let most = robustRange(of: draws, tail: 0.01, margin: 0.02) ?? whole
        let low = max(whole.lowerBound, min(most.lowerBound, places[1] - 4.5 * (places[1] - places[0])))
        let high = min(whole.upperBound, max(most.upperBound, places[1] + 4.5 * (places[2] - places[1])))
        return low < high ? low...high : whole
    }

    private func axis(_ index: Int, _ ranges: [ClosedRange<Double>], isShown: Bool) -> Axis {
        let quantity = quantities[index]
        let unit = quantity.unit.isEmpty ? PlotText("") : PlotText(" [\(quantity.unit)]")
        return Axis(
            isShown ? quantity.symbol + unit : "", range: ranges[index], ticks: Self.ticks(ranges[index]),
            showsNumbers: isShown)
    }

    /// Two or three round ticks: more would run into those of the neighbouring panel.
    private static func ticks(_ range: ClosedRange<Double>) -> Axis.Ticks {
        let rough = (range.upperBound - range.lowerBound) / 3.2
        let power = pow(10, floor(log10(rough)))
        return .every(([1, 2, 2.5, 5].first { $0 * power >= rough } ?? 10) * power)
    }

    private func diagonal(_ index: Int, _ ranges: [ClosedRange<Double>], _ frame: Frame) -> Panel {
        let quantity = quantities[index]
        let range = ranges[index]
        let bins = max(12, min(40, Int(Double(quantity.draws.count).squareRoot())))
        let step = (range.upperBound - range.lowerBound) / Double(bins)
        var counts = [Double](repeating: 0, count: bins)
        for draw in quantity.draws where range.contains(draw) {
            counts[min(bins - 1, Int((draw - range.lowerBound) / step))] += 1
        }
        let edges = (0...bins).map { range.lowerBound + Double($0) * step }
        let top = 1.12 * (counts.max() ?? 1)
        var series: [Series] = [.histogram(edges: edges, counts: counts, colour: .skyBlue, opacity: 0.6)]
        for (level, width) in [(0.1587, 0.7), (0.5, 1.1), (0.8413, 0.7)] {
            let place = quantile(level, of: quantity.draws) ?? .nan
            series.append(
                .line(x: [place, place], y: [0, top], colour: .blue, width: width, isDashed: level != 0.5))
        }
        series += truthLines(x: quantity.truth, y: nil, xRange: range, yRange: 0...top)
        let isLast = index + 1 == quantities.count
        return Panel(
            frame: frame, title: Self.summary(quantity), x: axis(index, ranges, isShown: isLast),
            y: Axis(range: 0...top, ticks: .none), series: series, legend: .none)
    }

    private func pair(_ row: Int, _ column: Int, _ ranges: [ClosedRange<Double>], _ frame: Frame) -> Panel {
        let (x, y) = (quantities[column], quantities[row])
        let points = zip(x.draws, y.draws).filter { $0.isFinite && $1.isFinite }.map { (x: $0, y: $1) }
        let shown = points.filter { ranges[column].contains($0.x) && ranges[row].contains($0.y) }.evenlySampled(1500)
        var series: [Series] = [
            .points(x: shown.map(\.x), y: shown.map(\.y), colour: .grey, size: 0.12, opacity: 0.5)
        ]
        if let map = DensityMap(
            points.evenlySampled(Self.contourDraws), xRange: ranges[column], yRange: ranges[row])
        {
            for (share, opacity) in [(0.95, 0.35), (0.6827, 0.55)] {
                let outline = map.outline(at: map.level(enclosing: share))
                series.append(.area(x: outline.x, y: outline.y, colour: .skyBlue, opacity: opacity))
                series.append(.line(x: outline.x, y: outline.y, colour: .blue, width: 0.9))
            }
        }
        series += truthLines(x: x.truth, y: y.truth, xRange: ranges[column], yRange: ranges[row])
        return Panel(
            frame: frame, x: axis(column, ranges, isShown: row + 1 == quantities.count),
            y: axis(row, ranges, isShown: column == 0), series: series, legend: .none, labelDistance: 42)
    }

    private func truthLines(
        x: Double?, y: Double?, xRange: ClosedRange<Double>, yRange: ClosedRange<Double>
    ) -> [Series] {
        var series: [Series] = []
        if let x, xRange.contains(x) {
            series.append(
                .line(x: [x, x], y: [yRange.lowerBound, yRange.upperBound], colour: .vermilion, width: 0.9))
        }
        if let y, yRange.contains(y) {
            series.append(
                .line(x: [xRange.lowerBound, xRange.upperBound], y: [y, y], colour: .vermilion, width: 0.9))
        }
        if let x, let y, xRange.contains(x), yRange.contains(y) {
            series.append(.points(x: [x], y: [y], colour: .vermilion, size: 0.45, shape: .square))
        }
        return series
    }

    /// "T_eff = 5432 +45 −40 K": median and the distances to the quantiles of 16 and 84 %, to two digits of the smaller.
    static func summary(_ quantity: Quantity) -> PlotText {
        let places = [0.1587, 0.5, 0.8413].map { quantile($0, of: quantity.draws) ?? .nan }
        let (below, above) = (places[1] - places[0], places[2] - places[1])
        let smaller = min(below, above)
        let decimals = smaller > 0 ? max(0, min(4, 1 - Int(floor(log10(smaller))))) : 2
        let unit = quantity.unit.isEmpty ? "" : " " + quantity.unit
        return quantity.symbol + PlotText(" = " + fixed(places[1], decimals: decimals))
            + PlotText("+" + fixed(above, decimals: decimals), .raised)
            + PlotText("−" + fixed(below, decimals: decimals), .subscript) + PlotText(unit)
    }

    /// In the empty corner: what contours and lines mean.
    private func addLegend(to figure: inout Figure, right: Double, top: Double) {
        guard quantities.count > 1 else { return }
        var entries: [(Colour, Double, String)] = [(.blue, 1, "68 and 95 % of the draws")]
        if quantities.contains(where: { $0.truth != nil }) { entries.append((.vermilion, 1, truthName)) }
        let widest = entries.map { PlotText($0.2).width(size: Style.legendSize) }.max() ?? 0
        // Right of the first panel's title, or below it where this is long.
        let x = right - widest
        let first = Self.left + Self.summary(quantities[0]).width(size: Style.titleSize) + 30
        let y = x - 18 > first ? top - 8 : top + 12
        for (index, entry) in entries.enumerated() {
            let line = y + 11 * Double(index)
            figure.rules.append(
                Figure.Rule(x0: x - 18, y0: line, x1: x - 4, y1: line, colour: entry.0, width: entry.1))
            figure.texts.append(PageText(PlotText(entry.2), x: x, y: line, size: Style.legendSize))
        }
    }
}
