import Foundation
import Spectra
import Statistics

/// One set of marks in a panel. Points that are not finite are not drawn and interrupt lines and bands.
public struct Series: Sendable {
    /// The geometry of the marks.
    enum Marks: Sendable {
        case line(x: [Double], y: [Double])
        case points(x: [Double], y: [Double])
        case errorBars(x: [Double], y: [Double], xError: [Double]?, yError: [Double]?)
        case band(x: [Double], low: [Double], high: [Double])
        case histogram(edges: [Double], counts: [Double])
        case heatMap(x: [Double], y: [Double], values: [[Double]])
        case area(x: [Double], y: [Double])
    }

    /// The shape of point marks.
    public enum Shape: Int, Sendable {
        case dot = 7, circle = 6, square = 5, triangleUp = 9, triangleDown = 11, diamond = 13, openDiamond = 12, cross =
            2
        case plus = 1
    }

    let marks: Marks
    /// Colour of the marks.
    public var colour: Colour
    /// Line width in points (1/72 inch).
    public var width: Double
    /// Size of point marks relative to gnuplot's.
    public var size: Double
    /// Shape of point marks.
    public var shape: Shape
    /// Whether a line is dashed.
    public var isDashed: Bool
    /// 1 is opaque, 0 invisible.
    public var opacity: Double
    /// The entry in the legend, if any.
    public var label: PlotText?

    private init(
        _ marks: Marks, colour: Colour, width: Double = 1, size: Double = 0.5, shape: Shape = .dot,
        isDashed: Bool = false,
        opacity: Double = 1, label: PlotText? = nil
    ) {
        self.marks = marks
        self.colour = colour
        self.width = width
        self.size = size
        self.shape = shape
        self.isDashed = isDashed
        self.opacity = opacity
        self.label = label
    }

    /// A line through (x, y), broken where a value is not finite.
    public static func line(
        x: [Double], y: [Double], colour: Colour = .black, width: Double = 0.8, isDashed: Bool = false,
        opacity: Double = 1,
        label: PlotText? = nil
    ) -> Series {
        Series(.line(x: x, y: y), colour: colour, width: width, isDashed: isDashed, opacity: opacity, label: label)
    }

    /// Separate points.
    public static func points(
        x: [Double], y: [Double], colour: Colour = .black, size: Double = 0.4, shape: Shape = .dot, width: Double = 0.6,
        opacity: Double = 1, label: PlotText? = nil
    ) -> Series {
        Series(
            .points(x: x, y: y), colour: colour, width: width, size: size, shape: shape, opacity: opacity, label: label)
    }

    /// Error bars of one standard deviation, without a point; errors that are not finite are drawn as zero.
    public static func errorBars(
        x: [Double], y: [Double], xError: [Double]? = nil, yError: [Double]? = nil, colour: Colour = .black,
        width: Double = 0.8
    ) -> Series {
        Series(.errorBars(x: x, y: y, xError: xError, yError: yError), colour: colour, width: width)
    }

    /// The area between two curves.
    public static func band(
        x: [Double], low: [Double], high: [Double], colour: Colour = .skyBlue, opacity: Double = 0.35,
        label: PlotText? = nil
    ) -> Series {
        Series(.band(x: x, low: low, high: high), colour: colour, opacity: opacity, label: label)
    }

    /// A histogram: `edges` has one element more than `counts`.
    public static func histogram(
        edges: [Double], counts: [Double], colour: Colour = .skyBlue, opacity: Double = 0.8, label: PlotText? = nil
    ) -> Series {
        Series(.histogram(edges: edges, counts: counts), colour: colour, opacity: opacity, label: label)
    }

    /// A grid of colours: `values[row][column]` at centre (x[column], y[row]), both evenly spaced; NaN cells stay white.
    public static func heatMap(x: [Double], y: [Double], values: [[Double]]) -> Series {
        Series(.heatMap(x: x, y: y, values: values), colour: .black)
    }

    /// The inside of closed outlines; a point that is not finite ends one and begins the next.
    public static func area(
        x: [Double], y: [Double], colour: Colour = .skyBlue, opacity: Double = 0.35, label: PlotText? = nil
    ) -> Series {
        Series(.area(x: x, y: y), colour: colour, opacity: opacity, label: label)
    }

    /// All x positions that the axis has to hold.
    var xExtent: [Double] {
        switch marks {
        case .line(let x, _), .points(let x, _), .band(let x, _, _), .area(let x, _): return x
        case .errorBars(let x, _, let error, _): return Series.spread(x, error)
        case .histogram(let edges, _): return edges
        case .heatMap(let x, _, _): return Series.cellEdges(x)
        }
    }

    /// All y positions that the axis has to hold.
    var yExtent: [Double] {
        switch marks {
        case .line(_, let y), .points(_, let y), .area(_, let y): return y
        case .band(_, let low, let high): return low + high
        case .errorBars(_, let y, _, let error): return Series.spread(y, error)
        case .histogram(_, let counts): return counts + [0]
        case .heatMap(_, let y, _): return Series.cellEdges(y)
        }
    }

    private static func spread(_ values: [Double], _ errors: [Double]?) -> [Double] {
        guard let errors else { return values }
        return zip(values, errors).flatMap { value, error in
            error.isFinite ? [value - error, value + error] : [value]
        }
    }

    private static func cellEdges(_ centres: [Double]) -> [Double] {
        guard centres.count > 1, let first = centres.first, let last = centres.last else { return centres }
        let half = (last - first) / Double(centres.count - 1) / 2
        return [first - half, last + half]
    }
}
