import Foundation

/// Odd spectra, each beside what was expected of it, with what is left below, one star under the other.
public struct OutlierFigure: FigureConvertible {
    /// One spectrum.
    public struct Entry: Sendable {
        /// Its name, and what makes it odd.
        public var title: String, reason: String
        /// Å, and the prepared flux; NaN where nothing was observed.
        public var wavelength: [Double], flux: [Double]
        /// What was expected, and one standard deviation of it with the noise.
        public var expected: [Double], error: [Double]
        /// Spectra of the normal stars that are most like it.
        public var neighbours: [[Double]]
        /// Where its strongest features lie, Å.
        public var places: [ClosedRange<Double>]
        /// What the flux was divided by.
        public var normalisation: String

        /// A spectrum beside what was expected of it.
        public init(
            title: String, reason: String, wavelength: [Double], flux: [Double], expected: [Double], error: [Double],
            neighbours: [[Double]], places: [ClosedRange<Double>], normalisation: String
        ) {
            (self.title, self.reason, self.wavelength, self.flux) = (title, reason, wavelength, flux)
            (self.expected, self.error, self.neighbours) = (expected, error, neighbours)
            (self.places, self.normalisation) = (places, normalisation)
        }
    }

    /// The spectra.
    public var entries: [Entry]

    /// A page of some spectra.
    public init(_ entries: [Entry]) { self.entries = entries }

    private static let (width, height, strip, left, top, gap) = (620.0, 150.0, 52.0, 62.0, 44.0, 76.0)

    /// The figure.
    public func figure() throws -> Figure {
        var figure = Figure(
            width: Self.left + Self.width + 18,
            height: Double(entries.count) * (Self.height + Self.strip + Self.gap) + Self.top - 34)
        for (place, entry) in entries.enumerated() {
            let y = Self.top + Double(place) * (Self.height + Self.strip + Self.gap)
            figure.panels.append(entry.spectrum(Frame(x: Self.left, y: y, width: Self.width, height: Self.height)))
            figure.panels.append(
                entry.remainder(Frame(x: Self.left, y: y + Self.height + 4, width: Self.width, height: Self.strip)))
            for (line, text) in [PlotText(entry.title, .bold), PlotText(entry.reason)].enumerated() {
                figure.texts.append(
                    PageText(
                        text.fitted(width: 0.62 * Self.width, size: 8.5), x: Self.left, y: y - 26 + 13 * Double(line),
                        size: 8.5))
            }
        }
        return figure
    }
}

extension OutlierFigure.Entry {
    private var extent: ClosedRange<Double>? {
        SpectrumPanels.extent(zip(wavelength, expected).filter { $1.isFinite }.map(\.0))
    }

    fileprivate func spectrum(_ frame: Frame) -> Panel {
        let range = SpectrumPanels.fluxRange([flux, expected])
        var series = neighbours.enumerated().map { place, flux in
            Series.line(
                x: wavelength, y: flux, colour: .rule, width: 0.6, label: place == 0 ? "nearest normal stars" : nil)
        }
        series += [
            .band(
                x: wavelength, low: zip(expected, error).map { $0 - $1 }, high: zip(expected, error).map { $0 + $1 },
                label: "expected, ± 1σ"),
            .line(x: wavelength, y: expected, colour: .blue, width: 0.6),
            .line(x: wavelength, y: flux, colour: .ink, width: 0.7, label: "observed"),
        ]
        series += SpectrumPanels.offScale(x: wavelength, y: flux, range: range)
        return Panel(
            frame: frame, title: "", x: Axis(range: extent, showsNumbers: false),
            y: Axis(PlotText("Flux / \(normalisation)"), range: range), series: series,
            shaded: marks)
    }

    fileprivate func remainder(_ frame: Frame) -> Panel {
        let off = zip(zip(flux, expected), error).map { ($0.0 - $0.1) / $1 }
        let most = min(max(5, off.filter(\.isFinite).map(abs).max() ?? 5), 12)
        let range = -most...most
        return Panel(
            frame: frame, title: "", x: Axis(SpectrumPanels.wavelengthLabel, range: extent),
            y: Axis("off / σ", range: range),
            series: [
                .line(x: wavelength, y: off.map { min(max($0, -most), most) }, colour: .ink, width: 0.6),
                .line(x: [wavelength.first ?? 0, wavelength.last ?? 1], y: [0, 0], colour: .rule, width: 0.5),
            ], shaded: marks)
    }

    /// Where the strongest features lie, as wide as can be seen.
    private var marks: [ClosedRange<Double>] {
        places.map { place in
            let margin = max(0, 12 - (place.upperBound - place.lowerBound)) / 2
            return place.lowerBound - margin...place.upperBound + margin
        }
    }
}
