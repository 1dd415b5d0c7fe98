import Foundation

/// The left column of a card: up to three panels with spectra, one below the other.
struct CardSpectra {
    private enum Part { case observed, modelInput, translation }

    private let card: Card
    private let parts: [Part]
    private let naturalPanel = 106.0
    private let strip = 36.0
    private let stripGap = 4.0
    /// Title above and wavelength scale below each panel.
    private let titleSpace = 18.0
    private let scaleSpace = 30.0
    private var panelHeight: Double

    init(_ card: Card) {
        self.card = card
        let candidates: [(Part, Bool)] = [
            (.observed, card.observed != nil), (.modelInput, card.modelInput != nil),
            (.translation, card.translation != nil),
        ]
        parts = candidates.filter(\.1).map(\.0)
        panelHeight = naturalPanel
    }

    private var hasStrip: Bool { card.modelInput?.reconstruction != nil }

    private var overhead: Double {
        Double(parts.count) * (titleSpace + scaleSpace) + (hasStrip ? strip + stripGap : 0)
    }

    /// Height of the column at its natural size; 0 without any spectrum.
    var naturalHeight: Double { parts.isEmpty ? 0 : overhead + Double(parts.count) * naturalPanel }

    /// Lets the panels fill `height`.
    mutating func stretch(to height: Double) {
        guard !parts.isEmpty else { return }
        panelHeight = max(naturalPanel, (height - overhead) / Double(parts.count))
    }

    func add(to figure: inout Figure, x: Double, y: Double, width: Double) {
        var top = y
        for part in parts {
            let frame = Frame(x: x, y: top + titleSpace - 6, width: width, height: panelHeight)
            let panels =
                switch part {
                case .observed: card.observed.map { [panel($0, frame)] } ?? []
                case .modelInput: card.modelInput.map { self.panels($0, frame) } ?? []
                case .translation: card.translation.map { [$0.panel(frame)] } ?? []
                }
            figure.panels += panels
            let bottom = panels.map { $0.frame.y + $0.frame.height }.max() ?? top
            top = bottom + scaleSpace + 6
        }
    }

    private func panel(_ part: Card.Observed, _ frame: Frame) -> Panel {
        let good = zip(part.flux, part.bad ?? part.flux.map { _ in false }).map { $1 ? .nan : $0 }
        let usable = good.contains(where: \.isFinite) ? good : part.flux
        let natural = SpectrumPanels.fluxRange([usable] + (part.continuum.map { [$0] } ?? []))
        let exponent = SpectrumPanels.exponent(of: natural)
        let scale = pow(10, -Double(exponent))
        let range = natural.map { $0.lowerBound * scale...$0.upperBound * scale }
        let flux = part.flux.map { $0 * scale }
        var series: [Series] = [.line(x: part.wavelength, y: flux, colour: .ink, width: 0.6, label: "flux")]
        if let continuum = part.continuum {
            series.append(
                .line(
                    x: part.wavelength, y: continuum.map { $0 * scale }, colour: .vermilion, width: 1.1,
                    label: "continuum"))
        }
        series += SpectrumPanels.offScale(x: part.wavelength, y: flux, range: range)
        let power =
            exponent == 0 ? PlotText("") : PlotText("10") + PlotText(fixed(Double(exponent), decimals: 0), .superscript)
        let unit = exponent == 0 ? PlotText(part.fluxUnit) : power + PlotText(" " + part.fluxUnit)
        return Panel(
            frame: frame, title: PlotText("Observed", .bold),
            x: Axis(SpectrumPanels.wavelengthLabel, range: SpectrumPanels.extent(part.wavelength)),
            y: Axis("Flux [" + unit + "]", range: range), series: series,
            shaded: SpectrumPanels.intervals(of: part.bad, wavelength: part.wavelength), shadeLabel: "bad pixels")
    }

    private func panels(_ part: Card.ModelInput, _ frame: Frame) -> [Panel] {
        let range = SpectrumPanels.fluxRange([part.flux] + (part.reconstruction.map { [$0] } ?? []))
        let axis = Axis(SpectrumPanels.wavelengthLabel, range: SpectrumPanels.extent(part.wavelength))
        var series: [Series] = [.line(x: part.wavelength, y: part.flux, colour: .ink, width: 0.6, label: "model input")]
        if let reconstruction = part.reconstruction {
            series.append(
                .line(x: part.wavelength, y: reconstruction, colour: .vermilion, width: 0.8, label: "reconstruction"))
        }
        series += SpectrumPanels.offScale(x: part.wavelength, y: part.flux, range: range)
        let shaded = SpectrumPanels.intervals(of: part.bad, wavelength: part.wavelength)
        var main = Panel(
            frame: frame, title: PlotText("As the model sees it", .bold), x: axis,
            y: Axis(PlotText("Flux / \(part.normalisation)"), range: range), series: series, shaded: shaded,
            shadeLabel: "bad pixels")
        guard let reconstruction = part.reconstruction else { return [main] }
        main.x.showsNumbers = false
        main.x.label = ""
        let residual = zip(part.flux, reconstruction).map { $0 - $1 }
        return [main, residualStrip(residual, wavelength: part.wavelength, axis: axis, below: frame, shaded: shaded)]
    }

    private func residualStrip(
        _ residual: [Double], wavelength: [Double], axis: Axis, below frame: Frame, shaded: [ClosedRange<Double>]
    ) -> Panel {
        let half = quantile(0.99, of: residual.map(abs)).map { $0 > 0 ? $0 * 1.4 : 1 } ?? 1
        let ends = axis.range.map { [$0.lowerBound, $0.upperBound] } ?? []
        let range = -half...half
        var marks = SpectrumPanels.offScale(x: wavelength, y: residual, range: range)
        for index in marks.indices { marks[index].label = nil }
        return Panel(
            frame: Frame(x: frame.x, y: frame.y + frame.height + stripGap, width: frame.width, height: strip), x: axis,
            y: Axis("Residual", range: range, ticks: .every(roundStep(below: half))),
            series: [
                .line(x: wavelength, y: residual, colour: .ink, width: 0.5),
                .line(x: ends, y: ends.map { _ in 0 }, colour: .vermilion, width: 0.8),
            ] + marks, shaded: shaded)
    }
}
