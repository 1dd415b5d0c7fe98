import Foundation

/// Text on the page, outside or across panels.
public struct PageText: Sendable {
    /// Which point of the text stands at its position.
    public enum Alignment: String, Sendable {
        case left, center, right
    }

    /// What it says.
    public var text: PlotText
    /// Position in points from the page's top left corner; `y` is the middle of the line.
    public var x: Double, y: Double
    /// Font size in points.
    public var size: Double
    /// Which point of the text stands at the position.
    public var alignment: Alignment
    /// Colour of the text.
    public var colour: Colour

    /// A line of text on the page.
    public init(
        _ text: PlotText, x: Double, y: Double, size: Double = 8, alignment: Alignment = .left, colour: Colour = .ink
    ) {
        self.text = text
        self.x = x
        self.y = y
        self.size = size
        self.alignment = alignment
        self.colour = colour
    }
}

/// A page: panels, lines of text and thin rules. A value; drawing it is ``write(to:force:gnuplot:)``.
public struct Figure: Sendable {
    /// A thin straight line on the page, in points from its top left corner.
    public struct Rule: Sendable {
        /// Ends of the line.
        public var x0: Double, y0: Double, x1: Double, y1: Double
        /// Colour of the line.
        public var colour: Colour
        /// Width of the line in points.
        public var width: Double

        /// A line from (x0, y0) to (x1, y1).
        public init(
            x0: Double, y0: Double, x1: Double, y1: Double, colour: Colour = .rule, width: Double = 0.5
        ) {
            self.x0 = x0
            self.y0 = y0
            self.x1 = x1
            self.y1 = y1
            self.colour = colour
            self.width = width
        }
    }

    /// Width of the page in points.
    public var width: Double
    /// Height of the page in points.
    public var height: Double
    /// The panels.
    public var panels: [Panel]
    /// Lines of text.
    public var texts: [PageText]
    /// Thin rules, as in a table.
    public var rules: [Rule]
    /// How many pixels a PNG has per point; 2.5 gives 180 dots per inch.
    public var pixelsPerPoint: Double

    /// A page of `width` × `height` points.
    public init(
        width: Double, height: Double, panels: [Panel] = [], texts: [PageText] = [], rules: [Rule] = [],
        pixelsPerPoint: Double = 2.5
    ) {
        self.width = width
        self.height = height
        self.panels = panels
        self.texts = texts
        self.rules = rules
        self.pixelsPerPoint = pixelsPerPoint
    }

    /// Draws the page into `url` as PNG, PDF or SVG by its extension, complete or not at all.
    /// - Parameters:
    ///   - force: Whether an existing file may be replaced.
    ///   - gnuplot: The program to use; found through `SPECCLIP_GNUPLOT` or `PATH` when nil.
    /// - Throws: `Diagnostic`.
    public func write(to url: URL, force: Bool = false, gnuplot: Gnuplot? = nil) throws {
        let format = try PictureFormat(of: url)
        let program = try gnuplot ?? Gnuplot()
        let body = try ScriptWriter(self, format: format).script()
        let terminal = format.terminal(
            width: width, height: height, fontSize: Style.bodySize, pixelsPerPoint: pixelsPerPoint)
        try program.draw(body, terminal: terminal, format: format, to: url, force: force)
    }
}

/// Anything that can be laid out as a page and drawn.
public protocol FigureConvertible: Sendable {
    /// The page.
    /// - Throws: `Diagnostic` where arrays do not fit together.
    func figure() throws -> Figure
}

extension FigureConvertible {
    /// Lays the page out and draws it: see ``Figure/write(to:force:gnuplot:)``.
    public func write(to url: URL, force: Bool = false, gnuplot: Gnuplot? = nil) throws {
        try figure().write(to: url, force: force, gnuplot: gnuplot)
    }
}

/// The one look all figures share: sizes in points, legible when an A4 page is printed.
enum Style {
    static let bodySize = 8.0
    static let tickSize = 7.5
    static let labelSize = 8.5
    static let legendSize = 7.5
    static let titleSize = 9.0
}

/// A number as gnuplot reads it: shortest form that keeps the value, no trailing ".0".
func number(_ value: Double) -> String {
    guard value.isFinite else { return "NaN" }
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
