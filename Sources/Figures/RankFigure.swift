import Statistics
import Support

/// Histograms of the ranks of truths among their posteriors' draws, a panel a label: flat where posteriors are honest, ∪
/// where they are too narrow, ∩ where too wide, sloping where biased (Talts et al. 2018, arXiv 1804.06788).
public struct RankFigure: FigureConvertible {
    /// One label.
    public struct Histogram: Sendable {
        /// The label.
        public var symbol: PlotText
        /// Stars a bin, from low ranks to high.
        public var counts: [Int]
        /// Probability that ranks of honest posteriors are as uneven, if it was computed.
        public var probability: Double?
        /// Counts to compare with, such as those before calibration; drawn as a line.
        public var compared: [Int]?

        /// The ranks of one label.
        public init(symbol: PlotText, counts: [Int], probability: Double? = nil, compared: [Int]? = nil) {
            self.symbol = symbol
            self.counts = counts
            self.probability = probability
            self.compared = compared
        }
    }

    /// Title of the page.
    public var title: String
    /// Where the stars come from.
    public var tier: String
    /// In reading order, three in a row.
    public var histograms: [Histogram]
    /// What `compared` of the histograms are.
    public var comparedName: String

    /// A page of rank histograms.
    public init(title: String, tier: String, histograms: [Histogram], comparedName: String = "before calibration") {
        self.title = title
        self.tier = tier
        self.histograms = histograms
        self.comparedName = comparedName
    }

    /// The page, up to three panels wide.
    public func figure() throws -> Figure {
        let columns = min(3, max(1, histograms.count))
        let (left, gap, width, height) = (46.0, 12.0, 142.0, 96.0)
        let rows = (histograms.count + columns - 1) / columns
        let right = left + (width + gap) * Double(columns) - gap
        let page = PageHeading(title: title, tier: tier, left: left, right: right)
        let legendY = page.bottom + 6
        let heading = legendY + 24
        let top = histograms.map(Self.highest).max() ?? 1
        let panels = try histograms.enumerated().map { index, histogram in
            guard histogram.compared.map({ $0.count == histogram.counts.count }) ?? true, !histogram.counts.isEmpty
            else {
                throw Diagnostic(
                    .invalidData, histogram.symbol.plain,
                    "\(histogram.counts.count) bins compared with \(histogram.compared?.count ?? 0)",
                    remedy: "count both in the same bins, at least one")
            }
            let frame = Frame(
                x: left + (width + gap) * Double(index % columns),
                y: heading + (height + 28) * Double(index / columns), width: width, height: height)
            return panel(
                histogram, frame, top: 1.08 * top, isFirst: index % columns == 0,
                isLast: index + columns >= histograms.count)
        }
        return Figure(
            width: right + 14, height: heading + (height + 28) * Double(rows) + 8, panels: panels,
            texts: page.texts + legend(x: left, y: legendY), rules: rule(x: left, y: legendY))
    }

    /// The highest bar or band, relative to the expected count.
    private static func highest(_ histogram: Histogram) -> Double {
        let all = [histogram.counts, histogram.compared ?? []].flatMap { counts in
            counts.map { Double($0) * Double(counts.count) / Double(max(1, counts.reduce(0, +))) }
        }
        let stars = histogram.counts.reduce(0, +)
        let bins = Double(histogram.counts.count)
        let band = BinomialBand(trials: stars, probability: 1 / bins, share: 0.99).shares.upperBound * bins
        return max(all.max() ?? 1, band, 1)
    }

    private func panel(
        _ histogram: Histogram, _ frame: Frame, top: Double, isFirst: Bool, isLast: Bool
    ) -> Panel {
        let (stars, bins) = (histogram.counts.reduce(0, +), histogram.counts.count)
        // Relative to the expected count, so that labels with few and many stars are told alike.
        let expected = max(Double(stars) / Double(bins), 1e-9)
        let edges = (0...bins).map { Double($0) / Double(bins) }
        let band = BinomialBand(trials: stars, probability: 1 / Double(bins), share: 0.99).counts
        let (low, high) = (Double(band.lowerBound) / expected, Double(band.upperBound) / expected)
        let heights = histogram.counts.map { Double($0) / expected }
        var series: [Series] = [
            .histogram(edges: edges, counts: heights, colour: .skyBlue, opacity: 0.75),
            .band(x: [0, 1], low: [low, low], high: [high, high], colour: .grey, opacity: 0.4),
            .line(x: [0, 1], y: [1, 1], colour: .ink, width: 0.6),
        ]
        if let compared = histogram.compared {
            let scale = max(Double(compared.reduce(0, +)) / Double(bins), 1e-9)
            let others = compared.map { Double($0) / scale }
            let steps = others.enumerated().flatMap { [(edges[$0], $1), (edges[$0 + 1], $1)] }
            series.append(.line(x: steps.map(\.0), y: steps.map(\.1), colour: .vermilion, width: 1))
        }
        let probability = histogram.probability.map { $0 < 0.001 ? "p < 0.001" : "p = " + fixed($0, decimals: 3) }
        var panel = Panel(
            frame: frame, title: histogram.symbol,
            x: Axis(isLast ? "Rank / draws" : "", range: 0...1, ticks: .every(0.2), showsNumbers: isLast),
            y: Axis(isFirst ? "Stars / expected" : "", range: 0...top, showsNumbers: isFirst), series: series,
            legend: .none,
            labelDistance: 32)
        let facts = ["n = \(grouped(stars))", probability].compactMap { $0 }.joined(separator: ", ")
        // Above the frame, where no bar can be.
        panel.notes = [Panel.Note(PlotText(facts), x: 1, y: -8 / frame.height, alignment: .right)]
        return panel
    }

    /// One legend for all panels, below the title.
    private func legend(x: Double, y: Double) -> [PageText] {
        var texts = [PageText("grey band: 99 % of honest posteriors", x: x, y: y, size: Style.legendSize)]
        if histograms.contains(where: { $0.compared != nil }) {
            texts.append(
                PageText(PlotText(comparedName), x: x + 18 + legendWidth, y: y, size: Style.legendSize))
        }
        return texts
    }

    private var legendWidth: Double {
        PlotText("grey band: 99 % of honest posteriors").width(size: Style.legendSize) + 14
    }

    private func rule(x: Double, y: Double) -> [Figure.Rule] {
        guard histograms.contains(where: { $0.compared != nil }) else { return [] }
        return [
            Figure.Rule(
                x0: x + legendWidth, y0: y, x1: x + legendWidth + 14, y1: y, colour: .vermilion, width: 1)
        ]
    }
}
