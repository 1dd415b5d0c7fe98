import Foundation

/// How much several pairs of things tell of each other: a line a pair from its lower to its upper bound, with other estimates on it.
public struct InformationFigure: FigureConvertible {
    /// A pair.
    public struct Row: Sendable {
        /// What it is called.
        public var name: String
        /// Bounds with their errors, nats; not finite where there is none.
        public var lower: (value: Double, error: Double), upper: (value: Double, error: Double)
        /// The estimate by nearest neighbours, nats.
        public var neighbours: (value: Double, error: Double)
        /// What the lower bound cannot exceed.
        public var ceiling: Double

        /// A line of the figure.
        public init(
            name: String, lower: (value: Double, error: Double), upper: (value: Double, error: Double),
            neighbours: (value: Double, error: Double), ceiling: Double
        ) {
            self.name = name
            (self.lower, self.upper, self.neighbours, self.ceiling) = (lower, upper, neighbours, ceiling)
        }
    }

    /// Title of the page, and what the stars are.
    public var title: String, tier: String
    /// From top to bottom.
    public var rows: [Row]

    /// A page of bounds.
    public init(title: String, tier: String, rows: [Row]) {
        (self.title, self.tier, self.rows) = (title, tier, rows)
    }

    /// The page, 520 points wide.
    public func figure() throws -> Figure {
        let (left, width, step) = (190.0, 310.0, 22.0)
        let page = PageHeading(title: title, tier: tier, left: 14, right: left + width)
        let top = page.bottom + 22
        let height = step * Double(rows.count)
        let heights = rows.indices.map { Double(rows.count - $0) - 0.5 }
        let most =
            rows.flatMap { [$0.lower.value, $0.upper.value, $0.neighbours.value, $0.ceiling] }
            .filter(\.isFinite).max() ?? 1
        var series: [Series] = []
        for (row, y) in zip(rows, heights) {
            series += [
                .line(x: [row.lower.value, row.upper.value], y: [y, y], colour: .grey, width: 3, opacity: 0.4),
                .line(
                    x: [row.ceiling, row.ceiling], y: [y - 0.5, y + 0.5], colour: .grey, width: 0.8, isDashed: true),
            ]
        }
        func points(_ value: (Row) -> (value: Double, error: Double), _ name: String, _ colour: Colour) -> [Series] {
            [
                .errorBars(
                    x: rows.map { value($0).value }, y: heights, xError: rows.map { value($0).error }, colour: colour),
                .points(
                    x: rows.map { value($0).value }, y: heights, colour: colour, size: 0.5, label: PlotText(name)),
            ]
        }
        series += points(\.lower, "not less (InfoNCE)", .blue)
        series += points(\.neighbours, "neighbours, 3 directions", .green)
        series += points(\.upper, "leave-one-out", .vermilion)
        let panel = Panel(
            frame: Frame(x: left, y: top, width: width, height: height),
            x: Axis("Mutual information [nat]", range: 0...(1.06 * most)),
            y: Axis(range: 0...Double(rows.count), ticks: .none, showsNumbers: false), series: series, legend: .above)
        let names = zip(rows, heights).map { row, y in
            PageText(
                PlotText(row.name).fitted(width: left - 20, size: 7.5), x: left - 6,
                y: top + height - y * step, size: 7.5, alignment: .right)
        }
        return Figure(width: left + width + 16, height: top + height + 36, panels: [panel], texts: page.texts + names)
    }
}
