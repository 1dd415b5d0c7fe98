/// Several measures against the number of latents kept, a panel each.
public struct WidthFigure: FigureConvertible {
    /// One way to keep numbers.
    public struct Curve: Sendable {
        /// What the legend calls it.
        public var name: String
        /// Numbers kept, and the measure with so many.
        public var (widths, values): ([Int], [Double])

        /// A curve of `values` at `widths`.
        public init(name: String, widths: [Int], values: [Double]) {
            self.name = name
            (self.widths, self.values) = (widths, values)
        }
    }

    /// One measure.
    public struct Panel: Sendable {
        /// Label of its axis.
        public var name: String
        /// What is compared.
        public var curves: [Curve]

        /// A panel of curves.
        public init(name: String, curves: [Curve]) {
            self.name = name
            self.curves = curves
        }
    }

    /// Title above the page.
    public var title: String
    /// In reading order, two in a row.
    public var panels: [Panel]
    /// Label of the horizontal axes.
    public var xLabel: String
    /// Whether each doubling of the width takes as much room.
    public var isLogarithmic: Bool

    /// A page of panels.
    public init(title: String, panels: [Panel], xLabel: String = "Numbers kept", isLogarithmic: Bool = true) {
        self.title = title
        self.panels = panels
        self.xLabel = xLabel
        self.isLogarithmic = isLogarithmic
    }

    /// The page, 520 points wide.
    public func figure() throws -> Figure {
        // More than three names do not fit into a row above the frame: then each gets a line.
        let names = panels.map(\.curves.count).max() ?? 0
        let legend = names > 3 ? 11 * Double(names - 1) : 0
        let (cellHeight, rows) = (196 + legend, Double((panels.count + 1) / 2))
        let drawn = panels.enumerated().map { index, panel in
            let frame = Frame(
                x: 52 + 258 * Double(index % 2), y: 44 + legend + cellHeight * Double(index / 2), width: 190,
                height: 130)
            return self.drawn(panel, frame, legend: legend > 0 ? .list : .above)
        }
        let heading = PlotText(title, .bold).fitted(width: 450, size: Style.titleSize)
        return Figure(
            width: 520, height: 30 + cellHeight * rows, panels: drawn,
            texts: [PageText(heading, x: 52, y: 11, size: Style.titleSize)])
    }

    private func drawn(_ panel: Panel, _ frame: Frame, legend: Figures.Panel.Legend) -> Figures.Panel {
        let colours: [Colour] = [.blue, .vermilion, .grey, .orange, .skyBlue, .black]
        let series = panel.curves.enumerated().flatMap { index, curve -> [Series] in
            let (x, colour) = (curve.widths.map(Double.init), colours[index % colours.count])
            return [
                .line(x: x, y: curve.values, colour: colour, width: 1.1, label: PlotText(curve.name)),
                .points(x: x, y: curve.values, colour: colour, size: 0.35),
            ]
        }
        let values = panel.curves.flatMap(\.values)
        let positive = values.filter { $0 > 0 }
        let spans = (positive.max() ?? 1) / (positive.min() ?? 1) > 20
        return Figures.Panel(
            frame: frame, x: Axis(PlotText(xLabel), isLogarithmic: isLogarithmic),
            y: Axis(PlotText(panel.name), isLogarithmic: spans && positive.count == values.count),
            series: series, legend: legend, labelDistance: 40)
    }
}
