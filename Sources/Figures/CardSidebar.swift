import Foundation

/// The right column of a card: parameters and flags, Kiel diagram, table and spectra of the nearest neighbours.
struct CardSidebar {
    private let card: Card
    /// Neighbours beyond these are not shown.
    private let shownNeighbours = 6
    private let row = 13.0
    private let titleSpace = 16.0
    private let gap = 14.0
    private let scaleSpace = 30.0
    private let kielHeight = 130.0
    private let overlayHeight = 84.0
    /// Room for tick and axis labels left of the panels.
    private let inset = 34.0

    init(_ card: Card) { self.card = card }

    private var neighbours: [Card.Neighbour] { Array(card.neighbours.prefix(shownNeighbours)) }

    private var hasOverlay: Bool {
        card.neighbourWavelength != nil && neighbours.contains { $0.flux != nil }
    }

    private func flagLines(width: Double) -> [String] { wrapped(card.flags.joined(separator: "; "), width: width) }

    private var parametersHeight: Double {
        let lines = card.parameters.count + flagLines(width: 218).count
        return lines == 0 ? 0 : titleSpace + Double(lines) * row + gap
    }

    private var kielTotal: Double { card.kiel == nil ? 0 : titleSpace + kielHeight + scaleSpace + gap - 6 }

    private var tableHeight: Double {
        neighbours.isEmpty ? 0 : titleSpace + row * Double(neighbours.count + 1) + gap - 4
    }

    private var overlayTotal: Double { hasOverlay ? overlayHeight + scaleSpace + 18 : 0 }

    /// Height of the column; 0 where nothing is to be shown.
    var naturalHeight: Double { parametersHeight + kielTotal + tableHeight + overlayTotal }

    /// Draws the parts from `y` downwards; height to spare goes to the two panels.
    func add(to figure: inout Figure, x: Double, y: Double, width: Double, height: Double) {
        let panels = (card.kiel == nil ? 0.0 : 1) + (hasOverlay ? 1 : 0)
        let spare = panels == 0 ? 0 : min(90, max(0, height - naturalHeight) / panels)
        var top = y
        addParameters(to: &figure, x: x, y: top, width: width)
        top += parametersHeight
        if let kiel = card.kiel {
            let frame = Frame(
                x: x + inset, y: top + titleSpace - 2, width: width - inset, height: kielHeight + spare)
            figure.panels.append(panel(kiel, frame))
            top += kielTotal + spare
        }
        addTable(to: &figure, x: x, y: top, width: width)
        top += tableHeight
        if hasOverlay {
            figure.panels.append(
                overlay(Frame(x: x + inset, y: top + 14, width: width - inset, height: overlayHeight + spare)))
        }
    }

    private func addParameters(to figure: inout Figure, x: Double, y: Double, width: Double) {
        let flags = flagLines(width: width - 8)
        guard !card.parameters.isEmpty || !flags.isEmpty else { return }
        let title = card.parameters.isEmpty ? "Flags" : "Parameters"
        figure.texts.append(PageText(PlotText(title, .bold), x: x, y: y + 4, size: Style.titleSize))
        figure.rules.append(Figure.Rule(x0: x, y0: y + 11, x1: x + width, y1: y + 11))
        var line = y + titleSpace + 4
        for parameter in card.parameters {
            let value = fixed(parameter.value, decimals: parameter.decimals)
            let symbol = parameter.symbol.fitted(width: 80, size: 9.5)
            figure.texts += [
                PageText(symbol, x: x, y: line, size: 9.5),
                PageText(PlotText(value, .bold), x: x + 128, y: line, size: 9.5, alignment: .right),
                PageText(
                    PlotText(parameter.unit).fitted(width: 44, size: 9), x: x + 182, y: line, size: 9, colour: .ink),
            ]
            if let error = parameter.error, error.isFinite {
                let text = PlotText("± " + fixed(error, decimals: parameter.decimals))
                figure.texts.append(PageText(text, x: x + 134, y: line, size: 9.5))
            }
            line += row
        }
        for flag in flags {
            figure.texts.append(PageText(PlotText(flag), x: x, y: line, size: 8, colour: .vermilion))
            line += row
        }
    }

    private func panel(_ kiel: Card.Kiel, _ frame: Frame) -> Panel {
        let known = zip(kiel.backgroundTeff, kiel.backgroundLogg).filter { $0.isFinite && $1.isFinite }
        let background = Array(known).evenlySampled(4000)
        let teffs = background.map(\.0)
        let loggs = background.map(\.1)
        func around(_ value: Double, _ error: Double?, atLeast: Double) -> ClosedRange<Double>? {
            guard value.isFinite else { return nil }
            let half = max(atLeast, (error ?? 0).isFinite ? 1.3 * (error ?? 0) : 0)
            return value - half...value + half
        }
        let teffRange = union(
            robustRange(of: teffs, tail: 0.04, margin: 0.15) ?? 3500...7500,
            around(kiel.teff, kiel.teffError, atLeast: 200))
        let loggRange = union(
            robustRange(of: loggs, tail: 0.01, margin: 0.1) ?? 0...5.2, around(kiel.logg, kiel.loggError, atLeast: 0.25)
        )
        var series: [Series] = []
        if !background.isEmpty {
            series.append(
                .points(
                    x: teffs, y: loggs, colour: Colour(0xB4B4B4), size: 0.13, opacity: 0.7, label: "training stars"))
        }
        for (index, neighbour) in neighbours.enumerated() {
            guard let teff = neighbour.teff, let logg = neighbour.logg else { continue }
            series.append(.points(x: [teff], y: [logg], colour: colour(of: index), size: 0.45))
        }
        if kiel.teffError != nil || kiel.loggError != nil {
            series.append(
                .errorBars(
                    x: [kiel.teff], y: [kiel.logg], xError: kiel.teffError.map { [$0] },
                    yError: kiel.loggError.map { [$0] }, width: 0.9))
        }
        series.append(
            .points(
                x: [kiel.teff], y: [kiel.logg], size: 1.2, shape: .openDiamond, width: 1.3, label: "this star"))
        return Panel(
            frame: frame, title: PlotText("Kiel diagram", .bold),
            x: Axis(.effectiveTemperature + " [K]", range: teffRange, isReversed: true),
            y: Axis(.surfaceGravity + " [dex]", range: loggRange, isReversed: true), series: series,
            legend: .inside(.topLeft), labelDistance: 24)
    }

    private func addTable(to figure: inout Figure, x: Double, y: Double, width: Double) {
        guard !neighbours.isEmpty else { return }
        let title = PlotText("Nearest neighbours", .bold)
        figure.texts.append(PageText(title, x: x, y: y + 4, size: Style.titleSize))
        if let source = card.neighbourSource {
            let room = width - title.width(size: Style.titleSize) - 10
            let text = PlotText(source).fitted(width: room, size: Style.legendSize)
            figure.texts.append(PageText(text, x: x + width, y: y + 4, size: Style.legendSize, alignment: .right))
        }
        let size = Style.legendSize
        // Right edges of the columns of numbers: similarity, Teff, log g, [Fe/H].
        let edges = [width - 83, width - 56, width - 31, width]
        let heads: [PlotText] = ["sim.", .effectiveTemperature, .surfaceGravity, .metallicity]
        var line = y + titleSpace + 3
        figure.texts.append(PageText("source id", x: x + 24, y: line, size: size, colour: .grey))
        figure.texts += zip(heads, edges).map {
            PageText($0, x: x + $1, y: line, size: size, alignment: .right, colour: .grey)
        }
        figure.rules.append(Figure.Rule(x0: x, y0: line + 6.5, x1: x + width, y1: line + 6.5))
        for (index, neighbour) in neighbours.enumerated() {
            line += row
            figure.rules.append(
                Figure.Rule(x0: x + 9, y0: line, x1: x + 20, y1: line, colour: colour(of: index), width: 1.6))
            figure.texts += [
                PageText(PlotText("\(index + 1)"), x: x, y: line, size: size),
                PageText(
                    PlotText(neighbour.sourceID).fitted(width: edges[0] - 24 - 25, size: size), x: x + 24, y: line,
                    size: size),
            ]
            let cells = [
                fixed(neighbour.similarity, decimals: 3), fixed(neighbour.teff, decimals: 0),
                fixed(neighbour.logg, decimals: 2), fixed(neighbour.feH, decimals: 2),
            ]
            figure.texts += zip(cells, edges).map {
                PageText(PlotText($0), x: x + $1, y: line, size: size, alignment: .right)
            }
        }
    }

    private func overlay(_ frame: Frame) -> Panel {
        let wavelength = card.neighbourWavelength ?? []
        let reference = card.neighbourReference
        var series: [Series] = []
        if let reference {
            series.append(.line(x: wavelength, y: reference, colour: .black, width: 1, label: "this star"))
        }
        for (index, neighbour) in neighbours.enumerated() {
            guard let flux = neighbour.flux else { continue }
            series.append(.line(x: wavelength, y: flux, colour: colour(of: index), width: 0.5, opacity: 0.85))
        }
        let range = SpectrumPanels.fluxRange(neighbours.compactMap(\.flux) + (reference.map { [$0] } ?? []))
        return Panel(
            frame: frame, title: PlotText("Their spectra", .bold),
            x: Axis(SpectrumPanels.wavelengthLabel, range: SpectrumPanels.extent(wavelength)),
            y: Axis("Normalised flux", range: range), series: series,
            labelDistance: 26)
    }

    private func colour(of index: Int) -> Colour {
        let distinct: [Colour] = [.vermilion, .blue, .green, .orange, .purple, .skyBlue]
        return distinct[index % distinct.count]
    }

    /// Words of `text` in lines of at most `width` points, three lines at most.
    private func wrapped(_ text: String, width: Double) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            let longer = (lines.last.map { $0 + " " } ?? "") + word
            if !lines.isEmpty, PlotText(longer).width(size: 8) <= width {
                lines[lines.count - 1] = longer
            } else {
                lines.append(PlotText(String(word)).fitted(width: width, size: 8).plain)
            }
        }
        guard lines.count > 3 else { return lines }
        return lines[..<2] + [PlotText(lines[2] + " …").fitted(width: width, size: 8).plain]
    }
}
