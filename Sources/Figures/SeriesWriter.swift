import Foundation
import Statistics
import Support

/// The data block and the plot clause of one series.
struct SeriesWriter {
    /// The inline data, or nil where nothing finite is left to draw.
    let dataBlock: String?
    /// The clause of the plot command, or nil where nothing is drawn.
    let plot: String?
    /// Whether colours stand for values.
    let isHeatMap: Bool

    /// - Parameter name: The data block's name, such as `$d0_1`.
    /// - Throws: ``Diagnostic/Kind/invalidData`` if the series' arrays do not fit together.
    init(_ series: Series, name: String, panel: Panel, format: PictureFormat) throws(Diagnostic) {
        let colour = "lc rgb '\(series.colour.specification(opacity: series.opacity))'"
        let lines: [String]
        let clause: String
        switch series.marks {
        case .line(let x, let y):
            lines = try SeriesWriter.rows([x, y], panel)
            clause = "using 1:2 with lines lw \(number(series.width)) dt \(series.isDashed ? "(12,8)" : "1") \(colour)"
        case .points(let x, let y):
            lines = try SeriesWriter.rows([x, y], panel)
            clause =
                "using 1:2 with points pt \(series.shape.rawValue) ps \(number(series.size)) lw \(number(series.width)) \(colour)"
        case .errorBars(let x, let y, let xError, let yError):
            let none = [Double](repeating: 0, count: x.count)
            let errors = [xError ?? none, yError ?? none].map { $0.map { $0.isFinite ? $0 : 0 } }
            lines = try SeriesWriter.rows([x, y] + errors, panel)
            clause = "using 1:2:3:4 with xyerrorbars pt 0 ps 0 lw \(number(series.width)) \(colour)"
        case .band(let x, let low, let high):
            lines = try SeriesWriter.rows([x, low, high], panel)
            clause = "using 1:2:3 with filledcurves fs solid 1 noborder \(colour)"
        case .area(let x, let y):
            lines = try SeriesWriter.rows([x, y], panel)
            clause = "using 1:2 with filledcurves closed fs solid 1 noborder \(colour)"
        case .histogram(let edges, let counts):
            guard edges.count == counts.count + 1 else {
                throw SeriesWriter.misfit(
                    [edges.count, counts.count], panel, "a histogram needs one edge more than counts")
            }
            // A logarithmic axis has no zero: the boxes reach down to well below any count instead.
            let floor = panel.y.isLogarithmic ? 1e-3 : 0
            let base = [Double](repeating: floor, count: counts.count)
            lines = try SeriesWriter.rows([Array(edges.dropLast()), Array(edges.dropFirst()), base, counts], panel)
            clause = "using (($1+$2)/2):4:1:2:3:4 with boxxyerror fs solid 1 noborder \(colour)"
        case .heatMap(let x, let y, let values):
            lines = try SeriesWriter.cells(x: x, y: y, values: values, panel)
            // Cells as vectors: an SVG's image would be a second file, and PDF viewers blur images.
            clause = "using 1:2:3 with image\(format == .png ? "" : " pixels")"
        }
        if case .heatMap = series.marks { isHeatMap = !lines.isEmpty } else { isHeatMap = false }
        dataBlock = lines.isEmpty ? nil : "\(name) << EOD\n\(lines.joined(separator: "\n"))\nEOD"
        plot = lines.isEmpty ? nil : "\(name) \(clause) notitle"
    }

    /// One row a point; a row that is not finite becomes one blank line, which breaks lines and bands.
    private static func rows(_ columns: [[Double]], _ panel: Panel) throws(Diagnostic) -> [String] {
        let counts = columns.map(\.count)
        guard let count = counts.first, counts.allSatisfy({ $0 == count }) else {
            throw misfit(counts, panel, "the columns of a series must be equally long")
        }
        var rows: [String] = []
        rows.reserveCapacity(count)
        for index in 0..<count {
            let values = columns.map { $0[index] }
            if values.allSatisfy(\.isFinite) {
                rows.append(values.map(number).joined(separator: " "))
            } else if let last = rows.last, !last.isEmpty {
                rows.append("")
            }
        }
        if rows.last?.isEmpty == true { rows.removeLast() }
        return rows
    }

    private static func cells(x: [Double], y: [Double], values: [[Double]], _ panel: Panel) throws(Diagnostic)
        -> [String]
    {
        guard values.count == y.count, values.allSatisfy({ $0.count == x.count }) else {
            throw misfit([y.count, values.count], panel, "a heat map needs a row for each y and a column for each x")
        }
        guard values.contains(where: { $0.contains(where: \.isFinite) }) else { return [] }
        return zip(y, values).flatMap { y, row in
            zip(x, row).map { x, value in "\(number(x)) \(number(y)) \(number(value))" }
        }
    }

    private static func misfit(_ counts: [Int], _ panel: Panel, _ rule: String) -> Diagnostic {
        let name = [panel.title.plain, panel.y.label.plain].first { !$0.isEmpty } ?? "panel"
        return Diagnostic(
            .invalidData, name, "series with columns of \(counts.map(String.init).joined(separator: ", ")) values",
            remedy: rule)
    }
}
