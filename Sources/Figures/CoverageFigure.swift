import Statistics
import Support

/// Observed against expected coverage of credible regions, one line a label, with the difference below: the diagonal is
/// what honest posteriors reach.
public struct CoverageFigure: FigureConvertible {
    /// One line.
    public struct Curve: Sendable {
        /// What is covered: a label or the joint posterior.
        public var name: PlotText
        /// Levels of the regions and the share of truths within, both in 0…1.
        public var (expected, observed): ([Double], [Double])
        /// Range of the observed shares when stars are drawn anew, if known.
        public var band: [ClosedRange<Double>]?
        /// Stars that were counted.
        public var stars: Int
        /// Whether it is of all labels together; drawn dashed.
        public var isJoint: Bool

        /// A line through `observed` at `expected`.
        public init(
            name: PlotText, expected: [Double], observed: [Double], stars: Int, band: [ClosedRange<Double>]? = nil,
            isJoint: Bool = false
        ) {
            self.name = name
            (self.expected, self.observed) = (expected, observed)
            self.stars = stars
            self.band = band
            self.isJoint = isJoint
        }
    }

    /// Title of the page.
    public var title: String
    /// Where the stars come from, such as "real-xp, test".
    public var tier: String
    /// The lines.
    public var curves: [Curve]

    /// A coverage figure.
    public init(title: String, tier: String, curves: [Curve]) {
        self.title = title
        self.tier = tier
        self.curves = curves
    }

    private static let side = 230.0
    private static let share = 0.99

    /// The page, 310 points wide.
    public func figure() throws -> Figure {
        for curve in curves where curve.expected.count != curve.observed.count {
            throw Diagnostic(
                .invalidData, curve.name.plain,
                "\(curve.expected.count) expected but \(curve.observed.count) observed values",
                remedy: "give one observed share a level")
        }
        let heading = PageHeading(title: title, tier: tier, left: 52, right: 52 + Self.side)
        let (left, top) = (52.0, heading.bottom + 8)
        let main = Panel(
            frame: Frame(x: left, y: top, width: Self.side, height: Self.side),
            x: Axis(range: 0...1, ticks: .every(0.2), showsNumbers: false),
            y: Axis("Observed coverage", range: 0...1, ticks: .every(0.2)), series: series { $1 },
            legend: .inside(.topLeft), notes: note)
        let reach = reach()
        let below = Panel(
            frame: Frame(x: left, y: top + Self.side + 8, width: Self.side, height: 74),
            x: Axis("Expected coverage", range: 0...1, ticks: .every(0.2)),
            y: Axis("Difference", range: -reach...reach, ticks: .every(roundStep(below: reach))),
            series: series { $1 - $0 }, legend: .none)
        return Figure(width: 300, height: top + Self.side + 8 + 74 + 34, panels: [main, below], texts: heading.texts)
    }

    /// The largest difference, or the band where this is larger.
    private func reach() -> Double {
        let differences = curves.flatMap { zip($0.expected, $0.observed).map { abs($1 - $0) } }.filter(\.isFinite)
        let band = binomial.map { max(0.5 - $0.lower[$0.lower.count / 2], 0.01) } ?? 0.02
        return 1.15 * max(differences.max() ?? 0, band)
    }

    /// Levels and the shares between which those of honest posteriors stray, for the label with the fewest stars.
    private var binomial: (levels: [Double], lower: [Double], upper: [Double], stars: Int)? {
        guard let stars = curves.map(\.stars).filter({ $0 > 0 }).min() else { return nil }
        let levels = (0...50).map { Double($0) / 50 }
        let bands = levels.map { BinomialBand(trials: stars, probability: $0, share: Self.share).shares }
        return (levels, bands.map(\.lowerBound), bands.map(\.upperBound), stars)
    }

    /// What the grey band is: in the free corner, since the legend beside the lines has to stay small.
    private var note: [Panel.Note] {
        guard let binomial else { return [] }
        return [
            Panel.Note(
                "grey: 99 % of honest posteriors", x: 0.97, y: 0.9, alignment: .right, colour: .grey),
            Panel.Note(
                PlotText("with n = \(grouped(binomial.stars)) stars"), x: 0.97, y: 0.95, alignment: .right,
                colour: .grey),
        ]
    }

    /// What both panels show, after `shown` of expected and observed shares.
    private func series(_ shown: (Double, Double) -> Double) -> [Series] {
        var series: [Series] = []
        if let binomial {
            let levels = binomial.levels
            series.append(
                .band(
                    x: levels, low: zip(levels, binomial.lower).map(shown),
                    high: zip(levels, binomial.upper).map(shown),
                    colour: .rule, opacity: 0.6))
        }
        let colours = Self.colours(of: curves)
        for (curve, colour) in zip(curves, colours) {
            guard let band = curve.band, band.count == curve.expected.count else { continue }
            series.append(
                .band(
                    x: curve.expected, low: zip(curve.expected, band.map(\.lowerBound)).map(shown),
                    high: zip(curve.expected, band.map(\.upperBound)).map(shown), colour: colour, opacity: 0.2))
        }
        series.append(.line(x: [0, 1], y: [shown(0, 0), shown(1, 1)], colour: .ink, width: 0.6))
        for (curve, colour) in zip(curves, colours) {
            // All lines begin and end on the diagonal, whatever the posterior.
            let levels = [0] + curve.expected + [1]
            series.append(
                .line(
                    x: levels, y: zip(levels, [0] + curve.observed + [1]).map(shown), colour: colour, width: 1.2,
                    isDashed: curve.isJoint, label: curve.name))
        }
        return series
    }

    private static func colours(of curves: [Curve]) -> [Colour] {
        var labels = 0
        var joints = 0
        return curves.map { curve in
            if curve.isJoint {
                joints += 1
                return joints == 1 ? .black : .grey
            }
            labels += 1
            return Colour.cycle[(labels - 1) % (Colour.cycle.count - 1)]
        }
    }
}
