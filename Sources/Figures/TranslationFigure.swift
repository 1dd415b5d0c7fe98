import Foundation

extension Card.Translation {
    /// The predicted spectrum with its band, spectra drawn from it and what was observed.
    func panel(_ frame: Frame) -> Panel {
        let curves = [flux] + (observed.map { [$0] } ?? [])
        let range = SpectrumPanels.fluxRange(curves + samples)
        var series: [Series] = []
        if let error {
            series.append(
                .band(
                    x: wavelength, low: zip(flux, error).map { $0 - $1 }, high: zip(flux, error).map { $0 + $1 },
                    label: "± 1σ"))
        }
        for (place, sample) in samples.enumerated() {
            series.append(
                .line(
                    x: wavelength, y: sample, colour: .skyBlue, width: 0.4, opacity: 0.7,
                    label: place == 0 ? "samples" : nil))
        }
        series.append(.line(x: wavelength, y: flux, colour: .blue, width: 1.1, label: "prediction"))
        if let observed {
            series.append(.line(x: wavelength, y: observed, colour: .ink, width: 0.7, label: "observed"))
            series += SpectrumPanels.offScale(x: wavelength, y: observed, range: range)
        }
        let title = PlotText("Predicted \(instrument)", .bold).fitted(width: 0.5 * frame.width, size: Style.titleSize)
        return Panel(
            frame: frame, title: title,
            x: Axis(SpectrumPanels.wavelengthLabel, range: SpectrumPanels.extent(wavelength)),
            y: Axis(PlotText("Flux / \(normalisation)"), range: range), series: series)
    }
}

/// Predicted spectra of some stars, one above the other.
public struct TranslationFigure: FigureConvertible {
    /// Titles and spectra.
    public var spectra: [(title: String, spectrum: Card.Translation)]

    /// A figure of some spectra.
    public init(_ spectra: [(title: String, spectrum: Card.Translation)]) { self.spectra = spectra }

    private static let (width, height, left, top, gap) = (620.0, 190.0, 62.0, 34.0, 66.0)

    /// The figure.
    public func figure() throws -> Figure {
        var figure = Figure(
            width: Self.left + Self.width + 18, height: Double(spectra.count) * (Self.height + Self.gap) + Self.top - 8)
        for (place, (title, spectrum)) in spectra.enumerated() {
            let y = Self.top + Double(place) * (Self.height + Self.gap)
            figure.panels.append(
                spectrum.panel(Frame(x: Self.left, y: y, width: Self.width, height: Self.height)))
            let text = PlotText(title).fitted(width: 0.6 * Self.width, size: 8.5)
            figure.texts.append(
                PageText(text, x: Self.left + Self.width, y: y - 18, size: 8.5, alignment: .right))
        }
        return figure
    }
}
