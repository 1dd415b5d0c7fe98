/// A rectangle on the page in points (1/72 inch) from the page's top left corner.
public struct Frame: Sendable, Hashable {
    /// Left edge.
    public var x: Double
    /// Top edge, growing downwards.
    public var y: Double
    /// Extent to the right.
    public var width: Double
    /// Extent downwards.
    public var height: Double

    /// A rectangle from its top left corner and extents.
    public init(x: Double, y: Double, width: Double, height: Double) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }
}

/// One pair of axes with what is drawn in them.
public struct Panel: Sendable {
    /// Where the legend of the labelled series stands.
    public enum Legend: Sendable {
        /// In one row above the frame, at its right end: never over the data.
        case above
        /// Above the frame, one entry a line of 11 points, for long entries.
        case list
        /// Inside the frame, one entry a line.
        case inside(Corner)
        /// Nowhere.
        case none
    }

    /// A corner of the frame.
    public enum Corner: Sendable {
        case topLeft, topRight, bottomLeft, bottomRight
    }

    /// A remark inside the frame.
    public struct Note: Sendable {
        /// What it says.
        public var text: PlotText
        /// Position as fractions of the frame's width and height from its top left corner.
        public var x: Double, y: Double
        /// Which point of the text stands at the position.
        public var alignment: PageText.Alignment
        /// Colour of the text.
        public var colour: Colour

        /// A remark at a fraction of the frame.
        public init(
            _ text: PlotText, x: Double, y: Double, alignment: PageText.Alignment = .left, colour: Colour = .ink
        ) {
            self.text = text
            self.x = x
            self.y = y
            self.alignment = alignment
            self.colour = colour
        }
    }

    /// The axes' box, without tick labels, axis labels and title.
    public var frame: Frame
    /// Title above the frame, at its left end.
    public var title: PlotText
    /// The horizontal axis.
    public var x: Axis
    /// The vertical axis.
    public var y: Axis
    /// What is drawn, first at the bottom.
    public var series: [Series]
    /// Intervals of x shaded over the whole height, behind the series.
    public var shaded: [ClosedRange<Double>]
    /// Colour of the shaded intervals.
    public var shade: Colour
    /// The shaded intervals' entry in the legend, if any.
    public var shadeLabel: PlotText?
    /// Where the legend stands.
    public var legend: Legend
    /// Remarks inside the frame.
    public var notes: [Note]
    /// What the colours of a heat map mean.
    public var colour: Axis
    /// Whether a colour bar is drawn to the right of the frame, for a heat map.
    public var showsColourBar: Bool
    /// Distance of the y label's centre from the frame, in points.
    public var labelDistance: Double

    /// A panel; the arrays of a series are checked when the figure is written.
    public init(
        frame: Frame, title: PlotText = "", x: Axis, y: Axis, series: [Series], shaded: [ClosedRange<Double>] = [],
        shade: Colour = Colour(0xF3D9CC), shadeLabel: PlotText? = nil, legend: Legend = .above, notes: [Note] = [],
        colour: Axis = Axis(), showsColourBar: Bool = false, labelDistance: Double = 38
    ) {
        self.frame = frame
        self.title = title
        self.x = x
        self.y = y
        self.series = series
        self.shaded = shaded
        self.shade = shade
        self.shadeLabel = shadeLabel
        self.legend = legend
        self.notes = notes
        self.colour = colour
        self.showsColourBar = showsColourBar
        self.labelDistance = labelDistance
    }

    /// The values that a heat map's colours have to hold.
    var heat: [Double] {
        series.flatMap { series in
            if case .heatMap(_, _, let values) = series.marks { return values.flatMap { $0 } }
            return []
        }
    }
}

/// The line above a page: its title and, at the right, where the stars come from.
struct PageHeading {
    let title: String
    let tier: String
    let left: Double
    let right: Double
    var y = 14.0

    private var isWide: Bool {
        let widths = PlotText(title, .bold).width(size: Style.titleSize) + PlotText(tier).width(size: Style.legendSize)
        return widths + 14 <= right - left
    }

    /// Below it panels, or their titles, may begin.
    var bottom: Double { isWide ? y + 10 : y + 22 }

    /// Both on one line where they fit, else the tier below the title.
    var texts: [PageText] {
        let small = Style.legendSize
        let source = PlotText(tier).fitted(width: right - left, size: small)
        let heading = PlotText(title, .bold).fitted(width: right - left, size: Style.titleSize)
        return [
            PageText(heading, x: left, y: y, size: Style.titleSize),
            isWide
                ? PageText(source, x: right, y: y, size: small, alignment: .right, colour: .grey)
                : PageText(source, x: left, y: y + 13, size: small, colour: .grey),
        ]
    }
}
