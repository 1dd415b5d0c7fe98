/// Small panels in rows and columns, all alike: the same data seen many ways.
public struct GridFigure: FigureConvertible {
    /// One small panel.
    public struct Cell: Sendable {
        /// Above the panel.
        public var title: String
        /// What is drawn.
        public var series: [Series]

        /// A panel with curves, points or an image.
        public init(_ title: String, _ series: [Series]) {
            self.title = title
            self.series = series
        }

        /// An image, its first row on top.
        public init(_ title: String, image values: [[Double]]) {
            let rows = values.indices.map(Double.init)
            let columns = (values.first ?? []).indices.map(Double.init)
            self.init(title, [.heatMap(x: columns, y: rows, values: values.reversed())])
        }
    }

    /// Title above the page.
    public var title: String
    /// Rows of panels; `nil` leaves a place empty.
    public var rows: [[Cell?]]
    /// Size of a panel in points.
    public var (cellWidth, cellHeight): (Double, Double)
    /// The axes of all panels; with ticks only where they tell something.
    public var (x, y): (Axis, Axis)
    /// The range of colours of images.
    public var colour: Axis

    /// A page of panels.
    public init(
        title: String, rows: [[Cell?]], cellWidth: Double, cellHeight: Double, x: Axis, y: Axis, colour: Axis = Axis()
    ) {
        self.title = title
        self.rows = rows
        (self.cellWidth, self.cellHeight) = (cellWidth, cellHeight)
        (self.x, self.y) = (x, y)
        self.colour = colour
    }

    /// The page: as large as its panels need.
    public func figure() throws -> Figure {
        let (left, top, gap, heading) = (46.0, 24.0, 10.0, 14.0)
        let columns = rows.map(\.count).max() ?? 0
        var panels: [Panel] = []
        for (i, row) in rows.enumerated() {
            for (j, cell) in row.enumerated() {
                guard let cell else { continue }
                let frame = Frame(
                    x: left + Double(j) * (cellWidth + gap),
                    y: top + heading + Double(i) * (cellHeight + gap + heading),
                    width: cellWidth, height: cellHeight)
                var (x, y) = (x, y)
                let isLast = i + 1 == rows.count || j >= rows[i + 1].count || rows[i + 1][j] == nil
                if !isLast { (x.label, x.showsNumbers) = ("", false) }
                if j > 0 { (y.label, y.showsNumbers) = ("", false) }
                panels.append(
                    Panel(
                        frame: frame, title: PlotText(cell.title), x: x, y: y, series: cell.series, legend: .none,
                        colour: colour, labelDistance: 34))
            }
        }
        let width = left + Double(columns) * (cellWidth + gap) + 8
        let height = top + Double(rows.count) * (cellHeight + gap + heading) + 30
        let text = PlotText(title, .bold).fitted(width: width - left, size: Style.titleSize)
        return Figure(
            width: width, height: height, panels: panels,
            texts: [PageText(text, x: left, y: 11, size: Style.titleSize)])
    }
}
