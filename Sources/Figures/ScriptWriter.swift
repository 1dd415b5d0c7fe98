import Foundation
import Support

/// Turns a ``Figure`` into gnuplot commands with inline data.
///
/// Every position is computed here from points, and every range from the data, so nothing depends on gnuplot's own
/// layout and an empty panel is drawn as an empty frame instead of an error.
struct ScriptWriter {
    private let figure: Figure
    private let format: PictureFormat

    init(_ figure: Figure, format: PictureFormat) {
        self.figure = figure
        self.format = format
    }

    /// The commands between `set output` and `unset output`.
    func script() throws(Diagnostic) -> String {
        var data: [String] = []
        var commands = ["set multiplot", "set style fill solid 1 noborder", "set minussign", "unset key"]
        commands += pageCommands()
        for (index, panel) in figure.panels.enumerated() {
            let blocks = try panel.series.enumerated().map { number, series throws(Diagnostic) in
                try SeriesWriter(series, name: "$d\(index)_\(number)", panel: panel, format: format)
            }
            data += blocks.compactMap(\.dataBlock)
            commands += panelCommands(panel, blocks: blocks)
            commands.append(
                "unset label; unset arrow; unset object; unset xtics; unset ytics; unset cbtics; unset logscale")
        }
        return (data + commands + ["unset multiplot"]).joined(separator: "\n")
    }

    /// Texts and rules are drawn with an empty plot of their own that covers the whole page.
    private func pageCommands() -> [String] {
        var commands = figure.rules.map { rule in
            "set arrow from \(screen(rule.x0, rule.y0)) to \(screen(rule.x1, rule.y1)) nohead "
                + "lw \(number(rule.width)) lc rgb '\(rule.colour.specification())'"
        }
        commands += figure.texts.filter { !$0.text.isEmpty }.map(command)
        return commands + [
            "unset border; unset xtics; unset ytics",
            "set lmargin at screen 0; set rmargin at screen 1; set tmargin at screen 1; set bmargin at screen 0",
            "set xrange [0:1]; set yrange [0:1]",
            "plot NaN notitle",
            "unset label; unset arrow",
        ]
    }

    private func panelCommands(_ panel: Panel, blocks: [SeriesWriter]) -> [String] {
        let frame = panel.frame
        let xRange = panel.x.resolvedRange(of: panel.series.lazy.flatMap(\.xExtent), padding: 0.02)
        let yRange = panel.y.resolvedRange(of: panel.series.lazy.flatMap(\.yExtent), padding: 0.06)
        var commands = [
            "set lmargin at screen \(number(frame.x / figure.width))",
            "set rmargin at screen \(number((frame.x + frame.width) / figure.width))",
            "set tmargin at screen \(number(1 - frame.y / figure.height))",
            "set bmargin at screen \(number(1 - (frame.y + frame.height) / figure.height))",
            "set border 15 lw 0.6 lc rgb '\(Colour.ink.specification())'",
        ]
        commands += AxisWriter(panel.x, name: "x", range: xRange, length: frame.width).commands()
        commands += AxisWriter(panel.y, name: "y", range: yRange, length: frame.height).commands()
        commands += decorations(panel, xRange: xRange)
        commands += LegendWriter(panel: panel, titleWidth: panel.title.width(size: Style.titleSize))
            .commands(screen: screen, text: command)
        if blocks.contains(where: \.isHeatMap) { commands += colourScale(panel) }
        let plots = blocks.compactMap(\.plot)
        commands.append("plot " + (plots.isEmpty ? ["NaN notitle"] : plots).joined(separator: ", \\\n  "))
        return commands
    }

    /// Title, axis labels, notes and shaded intervals.
    private func decorations(_ panel: Panel, xRange: ClosedRange<Double>) -> [String] {
        let frame = panel.frame
        var texts = [
            PageText(panel.title, x: frame.x, y: frame.y - 8, size: Style.titleSize),
            PageText(
                panel.x.label, x: frame.x + frame.width / 2, y: frame.y + frame.height + 20, size: Style.labelSize,
                alignment: .center),
        ]
        texts += panel.notes.map { note in
            PageText(
                note.text, x: frame.x + note.x * frame.width, y: frame.y + note.y * frame.height,
                size: Style.legendSize,
                alignment: note.alignment, colour: note.colour)
        }
        var commands = texts.filter { !$0.text.isEmpty }.map(command)
        if !panel.y.label.isEmpty {
            let place = screen(frame.x - panel.labelDistance, frame.y + frame.height / 2)
            let label = panel.y.label.fitted(width: frame.height + 36, size: Style.labelSize)
            commands.append(
                "set label \(label.quoted) at \(place) center rotate by 90 font ',\(number(Style.labelSize))' "
                    + "tc rgb '\(Colour.ink.specification())'")
        }
        commands += panel.shaded.filter { $0.overlaps(xRange) }.map { interval in
            let shown = interval.clamped(to: xRange)
            return "set object rectangle from first \(number(shown.lowerBound)), graph 0 to "
                + "first \(number(shown.upperBound)), graph 1 behind fc rgb '\(panel.shade.specification())' fs solid 1 noborder"
        }
        return commands
    }

    private func colourScale(_ panel: Panel) -> [String] {
        let stops = Colour.viridis.enumerated().map { "\($0.offset) '\($0.element.specification())'" }
        var palette = ["set palette defined (\(stops.joined(separator: ", ")))"]
        let range = panel.colour.resolvedRange(of: panel.heat, padding: 0)
        palette += AxisWriter(panel.colour, name: "cb", range: range, length: panel.frame.height).commands()
        guard panel.showsColourBar else { return palette + ["unset colorbox"] }
        let frame = panel.frame
        let corner = screen(frame.x + frame.width + 6, frame.y + frame.height)
        return palette + [
            "set colorbox vertical user origin \(corner) size screen \(number(7 / figure.width)), "
                + "\(number(frame.height / figure.height)) front border",
            command(
                PageText(
                    panel.colour.label, x: frame.x + frame.width + 6, y: frame.y - 8, size: Style.legendSize)),
        ]
    }

    private func command(_ text: PageText) -> String {
        let shown = format == .svg ? text.text.unstacked : text.text
        return "set label \(shown.quoted) at \(screen(text.x, text.y)) \(text.alignment.rawValue) "
            + "font ',\(number(text.size))' tc rgb '\(text.colour.specification())' front"
    }

    /// gnuplot's page coordinates of a point of ours.
    private func screen(_ x: Double, _ y: Double) -> String {
        "screen \(number(x / figure.width)), screen \(number(1 - y / figure.height))"
    }
}
