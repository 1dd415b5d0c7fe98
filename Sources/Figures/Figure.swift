import Foundation
import Support

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

extension Diagnostic.Reason {
    /// The gnuplot program was not found or cannot be run.
    public static let gnuplotMissing = Self("gnuplot missing")
    /// gnuplot ran and refused the script, crashed, or wrote no valid picture.
    public static let gnuplotFailed = Self("gnuplot failed")
    /// gnuplot did not finish in the time allowed.
    public static let timedOut = Self("timed out")
    /// The output exists and overwriting was not asked for.
    public static let outputExists = Self("output exists")
    /// The output folder is missing or cannot be written.
    public static let outputNotWritable = Self("output not writable")
    /// The file extension is none of png, pdf, svg.
    public static let unknownFormat = Self("unknown format")
    /// Arrays of a figure do not fit together.
    public static let invalidData = Self("invalid data")
}

extension Diagnostic {
    init(_ reason: Reason, _ subject: String, _ problem: String, remedy: String) {
        self.init(subject, problem: problem, remedy: remedy, reason: reason)
    }
}

/// The picture formats a figure can be written in, chosen by the file's extension.
public enum PictureFormat: String, Sendable, CaseIterable {
    case png, pdf, svg

    /// The format for `url`'s extension (case does not matter).
    public init(of url: URL) throws(Diagnostic) {
        guard let format = PictureFormat(rawValue: url.pathExtension.lowercased()) else {
            let given =
                url.pathExtension.isEmpty ? "no file extension" : "unknown picture format '.\(url.pathExtension)'"
            throw Diagnostic(.unknownFormat, url.path, given, remedy: "name it .png, .pdf or .svg")
        }
        self = format
    }

    /// The gnuplot terminal for a page of `width` × `height` points (1/72 inch).
    ///
    /// Text, lines and points keep their size in points in every format; `pixelsPerPoint` only sets how finely a PNG is sampled.
    func terminal(width: Double, height: Double, fontSize: Double, pixelsPerPoint: Double) -> String {
        switch self {
        case .png:
            let size = "\(Int((width * pixelsPerPoint).rounded())),\(Int((height * pixelsPerPoint).rounded()))"
            // Cairo counts a font's points as 1/72 of 96 pixels, a page of ours as 1/72 inch: hence the 0.75.
            let scale = number(pixelsPerPoint)
            return "pngcairo enhanced color rounded background '#ffffff' font 'DejaVu Sans,\(number(fontSize))' "
                + "fontscale \(number(0.75 * pixelsPerPoint)) linewidth \(scale) pointscale \(scale) size \(size)"
        case .pdf:
            // This terminal draws lines thinner and points smaller than the other two do for the same numbers.
            return "pdfcairo enhanced color rounded background '#ffffff' font 'DejaVu Sans,\(number(fontSize))' "
                + "fontscale 0.75 linewidth 2 pointscale 1.2 size \(number(width / 72))in,\(number(height / 72))in"
        case .svg:
            return "svg enhanced rounded background '#ffffff' font 'DejaVu Sans,\(number(fontSize))' "
                + "size \(Int(width.rounded())),\(Int(height.rounded())) dynamic"
        }
    }

    /// Whether `data` begins and ends as a complete file of this format does.
    func isComplete(_ data: Data) -> Bool {
        let tail = String(decoding: data.suffix(64), as: UTF8.self)
        switch self {
        case .png: return data.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) && tail.contains("IEND")
        case .pdf: return data.starts(with: Array("%PDF-".utf8)) && tail.contains("%%EOF")
        case .svg: return data.starts(with: Array("<?xml".utf8)) && tail.contains("</svg>")
        }
    }
}
