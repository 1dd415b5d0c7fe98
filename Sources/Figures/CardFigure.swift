import Foundation
import Support

/// Lays a ``Card`` out as one page: spectra on the left, parameters, Kiel diagram and neighbours on the right.
///
/// The page is A4 landscape when all parts are there; with fewer parts it is as high and wide as they need.
public struct CardFigure: FigureConvertible {
    /// What the page shows.
    public var card: Card

    /// A page for `card`.
    public init(_ card: Card) { self.card = card }

    /// Places on the page, in points.
    private enum Page {
        static let left = 62.0
        static let spectrumWidth = 488.0
        static let sidebar = 598.0
        static let sidebarWidth = 226.0
        static let margin = 18.0
        static let top = 62.0
        static let fullHeight = 595.0
    }

    /// The page.
    public func figure() throws -> Figure {
        try check()
        var spectra = CardSpectra(card)
        let sidebar = CardSidebar(card)
        let hasSpectra = spectra.naturalHeight > 0
        let hasSidebar = sidebar.naturalHeight > 0
        let sidebarX = hasSpectra ? Page.sidebar : Page.margin
        let width =
            hasSidebar ? sidebarX + Page.sidebarWidth + Page.margin : Page.left + Page.spectrumWidth + Page.margin
        let body = max(spectra.naturalHeight, sidebar.naturalHeight, 20)
        // Two or three panels stretch to the sheet; a lone one does not become a poster.
        let isFull = hasSidebar && spectra.naturalHeight > 0.6 * (Page.fullHeight - Page.top)
        let height = isFull ? max(Page.fullHeight, Page.top + body + 8) : Page.top + body + 8
        spectra.stretch(to: min(height - Page.top - 8, 2.2 * spectra.naturalHeight))
        var figure = Figure(width: width, height: height)
        addHeader(to: &figure)
        spectra.add(to: &figure, x: Page.left, y: Page.top, width: Page.spectrumWidth)
        sidebar.add(
            to: &figure, x: sidebarX, y: Page.top, width: Page.sidebarWidth,
            height: max(height - Page.top - 8, sidebar.naturalHeight))
        return figure
    }

    private func addHeader(to figure: inout Figure) {
        let width = figure.width - 2 * Page.margin
        var facts: [String] = []
        if let id = card.sourceID { facts.append("Source \(PlotText(id).fitted(width: 170, size: 8.5).plain)") }
        if let ra = card.rightAscension, let dec = card.declination, ra.isFinite, dec.isFinite {
            facts.append("RA \(fixed(ra, decimals: 5))°, Dec \(dec >= 0 ? "+" : "")\(fixed(dec, decimals: 5))° (ICRS)")
        }
        if let snr = card.signalToNoise, snr.isFinite { facts.append("S/N \(fixed(snr, decimals: snr < 10 ? 1 : 0))") }
        if let model = card.model { facts.append("Model \(PlotText(model).fitted(width: 170, size: 8.5).plain)") }
        if let tier = card.dataTier { facts.append("Trained on \(tier)") }
        let instrument = PlotText(card.instrument, .bold).fitted(width: 0.3 * width, size: 11)
        let room = width - instrument.width(size: 11) - 20
        let title = PlotText(card.title, .bold).fitted(width: room, size: 12)
        let line = PlotText(facts.joined(separator: "   ·   ")).fitted(width: width, size: 8.5)
        figure.texts += [
            PageText(title, x: Page.margin, y: 17, size: 12),
            PageText(instrument, x: figure.width - Page.margin, y: 17, size: 11, alignment: .right, colour: .blue),
            PageText(line, x: Page.margin, y: 33, size: 8.5),
        ]
        figure.rules.append(Figure.Rule(x0: Page.margin, y0: 43, x1: figure.width - Page.margin, y1: 43))
    }

    /// Arrays that belong together must be equally long.
    private func check() throws {
        func same(_ part: String, _ counts: [Int?]) throws {
            let given = counts.compactMap { $0 }
            guard Set(given).count > 1 else { return }
            throw Diagnostic(
                .invalidData, card.title, "\(part): arrays of \(given.map(String.init).joined(separator: ", ")) pixels",
                remedy: "give one value a pixel")
        }
        if let part = card.observed {
            try same(
                "observed spectrum", [part.wavelength.count, part.flux.count, part.continuum?.count, part.bad?.count])
        }
        if let part = card.modelInput {
            try same(
                "model input", [part.wavelength.count, part.flux.count, part.reconstruction?.count, part.bad?.count])
        }
        if let part = card.translation {
            try same(
                "predicted spectrum",
                [part.wavelength.count, part.flux.count, part.error?.count, part.observed?.count]
                    + part.samples.map(\.count))
        }
        if let wavelength = card.neighbourWavelength {
            try same(
                "neighbours' spectra",
                [wavelength.count, card.neighbourReference?.count] + card.neighbours.map { $0.flux?.count })
        }
        if let kiel = card.kiel {
            try same("Kiel diagram", [kiel.backgroundTeff.count, kiel.backgroundLogg.count])
        }
    }
}
