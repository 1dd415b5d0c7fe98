/// Draws a panel's legend from labels and samples at computed places: gnuplot's own key can neither stand beside a title
/// nor be kept from running out of the page.
struct LegendWriter {
    private let panel: Panel
    private let titleWidth: Double
    private let sample = 14.0
    private let gap = 4.0
    private let size = Style.legendSize

    init(panel: Panel, titleWidth: Double) {
        self.panel = panel
        self.titleWidth = titleWidth
    }

    /// - Parameters:
    ///   - screen: Gives gnuplot's coordinates of a place on the page.
    ///   - text: Gives the command that draws a line of text.
    func commands(screen: (Double, Double) -> String, text: (PageText) -> String) -> [String] {
        var shown = panel.series
        if let label = panel.shadeLabel, !panel.shaded.isEmpty {
            shown.append(.band(x: [], low: [], high: [], colour: panel.shade, opacity: 1, label: label))
        }
        let entries = shown.compactMap { series in series.label.map { (series, $0) } }
        guard !entries.isEmpty else { return [] }
        let places: [(x: Double, y: Double, width: Double)]
        var commands: [String] = []
        switch panel.legend {
        case .none: return []
        case .above: places = row(entries.map(\.1))
        case .list:
            places = entries.indices.map { index in
                (
                    panel.frame.x, panel.frame.y - 8 - 11 * Double(entries.count - 1 - index),
                    panel.frame.width - sample - gap
                )
            }
        case .inside(let corner):
            let box = self.box(entries.map(\.1), corner)
            let ends = [screen(box.x, box.y), screen(box.x + box.width, box.y + box.height)]
            commands.append(
                "set object rectangle from \(ends[0]) to \(ends[1]) front fc rgb '#22ffffff' fs solid 1 noborder")
            places = entries.indices.map { (box.x + gap, box.y + 7 + 10 * Double($0), box.width) }
        }
        for ((series, label), place) in zip(entries, places) {
            commands += mark(of: series, x: place.x, y: place.y, screen: screen)
            let fitted = label.fitted(width: place.width, size: size)
            commands.append(text(PageText(fitted, x: place.x + sample + gap, y: place.y, size: size)))
        }
        return commands
    }

    /// Places of the entries in one row that ends at the frame's right edge; all shrink alike if they are too long for it.
    private func row(_ labels: [PlotText]) -> [(x: Double, y: Double, width: Double)] {
        let between = 10.0
        let overhead = Double(labels.count) * (sample + gap) + Double(labels.count - 1) * between
        let wanted = labels.map { $0.width(size: size) + 1 }
        let available = panel.frame.width - (titleWidth > 0 ? titleWidth + 16 : 0) - overhead
        let scale = min(1, max(0.1, available / max(wanted.reduce(0, +), 1)))
        let widths = wanted.map { $0 * scale }
        var x = panel.frame.x + panel.frame.width - overhead - widths.reduce(0, +)
        return widths.map { width in
            defer { x += sample + gap + width + between }
            return (x, panel.frame.y - 8, width)
        }
    }

    private func box(_ labels: [PlotText], _ corner: Panel.Corner) -> Frame {
        let frame = panel.frame
        let widest = labels.map { $0.width(size: size) }.max() ?? 0
        let width = min(widest + sample + 3 * gap, frame.width - 8)
        let height = 10 * Double(labels.count) + 4
        let isLeft = corner == .topLeft || corner == .bottomLeft
        let isTop = corner == .topLeft || corner == .topRight
        return Frame(
            x: isLeft ? frame.x + 4 : frame.x + frame.width - width - 4,
            y: isTop ? frame.y + 4 : frame.y + frame.height - height - 4, width: width, height: height)
    }

    private func mark(of series: Series, x: Double, y: Double, screen: (Double, Double) -> String) -> [String] {
        let colour = "'\(series.colour.specification(opacity: series.opacity))'"
        switch series.marks {
        case .line:
            return [
                "set arrow from \(screen(x, y)) to \(screen(x + sample, y)) nohead front lw \(number(max(series.width, 1))) "
                    + "dt \(series.isDashed ? "(8,6)" : "1") lc rgb \(colour)"
            ]
        case .points, .errorBars:
            return [
                "set label '' at \(screen(x + sample / 2, y)) point pt \(series.shape.rawValue) "
                    + "ps \(number(max(series.size, 0.4))) lw \(number(series.width)) lc rgb \(colour) front"
            ]
        case .band, .histogram, .area:
            return [
                "set object rectangle from \(screen(x, y - 3)) to \(screen(x + sample, y + 3)) front fc rgb \(colour) "
                    + "fs solid 1 noborder"
            ]
        case .heatMap: return []
        }
    }
}
