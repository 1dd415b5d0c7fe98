import Foundation
import Support
import Testing
@testable import Figures

@Suite struct CardTests {
    private func fullCard() -> Card {
        let wavelength = (0..<800).map { 4000 + 2 * Double($0) }
        var flux = wavelength.map { 1000 + 50 * sin($0 / 40) }
        flux[100] = 1e6
        flux[200] = .nan
        var card = Card(title: "spec_{1}'s.fits", instrument: "LAMOST LRS")
        card.sourceID = "123"
        card.rightAscension = 1.5
        card.declination = -0.25
        card.signalToNoise = 5.4
        card.dataTier = "semi-synthetic pairs"
        card.observed = .init(
            wavelength: wavelength, flux: flux, continuum: flux.map { _ in 1000 },
            bad: wavelength.map { $0 > 5000 && $0 < 5010 })
        card.modelInput = .init(
            wavelength: wavelength, flux: flux.map { $0 / 1000 }, reconstruction: flux.map { _ in 1 })
        card.translation = .init(
            instrument: "Gaia XP", wavelength: wavelength, flux: flux, error: flux, observed: flux,
            normalisation: "flux at 5500 Å")
        card.parameters = [
            .effectiveTemperature(5777, error: 100), .surfaceGravity(4.44), .metallicity(.nan, error: .nan),
        ]
        card.flags = ["odd"]
        card.kiel = .init(
            teff: 5777, logg: 4.44, teffError: 100, backgroundTeff: [4000, 6000], backgroundLogg: [1, 4])
        card.neighbours = [
            .init(sourceID: "9", similarity: 0.99, teff: 5700, logg: 4.4, feH: 0, flux: flux),
            .init(sourceID: "8", similarity: 0.98),
        ]
        card.neighbourWavelength = wavelength
        card.neighbourReference = flux
        return card
    }

    /// Every combination of present parts: panels and texts stay on the page and panels do not overlap.
    @Test func anyCombinationOfPartsIsTidy() throws {
        for parts in 0..<64 {
            var card = fullCard()
            if parts & 1 == 0 { card.observed = nil }
            if parts & 2 == 0 { card.modelInput = nil }
            if parts & 4 == 0 { card.translation = nil }
            if parts & 8 == 0 { card.parameters = [] }
            if parts & 16 == 0 { card.kiel = nil }
            if parts & 32 == 0 { card.neighbours = [] }
            let figure = try CardFigure(card).figure()
            for (index, panel) in figure.panels.enumerated() {
                let frame = panel.frame
                #expect(frame.x >= 0 && frame.x + frame.width <= figure.width)
                #expect(frame.y >= 0 && frame.y + frame.height + 24 <= figure.height, "parts \(parts)")
                for other in figure.panels[(index + 1)...].map(\.frame) {
                    let apart =
                        frame.x + frame.width <= other.x || other.x + other.width <= frame.x
                        || frame.y + frame.height <= other.y || other.y + other.height <= frame.y
                    #expect(apart, "parts \(parts)")
                }
            }
            for text in figure.texts {
                let width = text.text.width(size: text.size)
                let left = text.alignment == .left ? text.x : text.x - width
                #expect(left >= 0 && left + width <= figure.width + 0.5, "\(text.text.plain)")
                #expect(text.y > 0 && text.y < figure.height)
            }
        }
    }

    @Test func longNamesAreShortened() throws {
        var card = fullCard()
        let long = String(repeating: "W", count: 500)
        card.sourceID = long
        card.model = long
        card.flags = [long, long, long, long]
        card.neighbours[0].sourceID = long
        card.neighbourSource = long
        card = {
            var renamed = Card(title: long, instrument: long)
            (renamed.parameters, renamed.flags, renamed.neighbours) = (card.parameters, card.flags, card.neighbours)
            (renamed.sourceID, renamed.model, renamed.neighbourSource) = (
                card.sourceID, card.model, card.neighbourSource
            )
            return renamed
        }()
        let figure = try CardFigure(card).figure()
        for text in figure.texts { #expect(text.text.width(size: text.size) < figure.width) }
    }

    @Test func cosmicRaysDoNotStretchTheFluxRange() throws {
        let figure = try CardFigure(fullCard()).figure()
        let range = try #require(figure.panels[0].y.range)
        #expect(range.upperBound < 1200 && range.lowerBound > 800)
        #expect(figure.panels[0].series.contains { $0.label?.plain == "off scale" })
        #expect(figure.panels[0].shaded.count == 1)
    }

    @Test func arraysOfDifferentLengthAreNamed() throws {
        var card = fullCard()
        card.observed?.continuum = [1]
        let error = #expect(throws: Diagnostic.self) { _ = try CardFigure(card).figure() }
        #expect(error?.description.contains("observed spectrum: arrays of 800, 800, 1, 800 pixels") == true)
    }

    @Test(.enabled(if: hasGnuplot, needsGnuplot), arguments: PictureFormat.allCases)
    func theCardIsDrawn(format: PictureFormat) throws {
        let scratch = try Scratch()
        let output = scratch.file("card.\(format.rawValue)")
        try CardFigure(fullCard()).write(to: output)
        #expect(format.isComplete(try Data(contentsOf: output)))
    }

    @Test(.enabled(if: hasGnuplot, needsGnuplot))
    func emptyAndAllNaNCardsAreDrawn() throws {
        let scratch = try Scratch()
        try CardFigure(Card(title: "", instrument: "")).write(to: scratch.file("empty.png"))
        var card = Card(title: "nan", instrument: "Gaia XP")
        let nan = [Double](repeating: .nan, count: 5)
        card.observed = .init(wavelength: nan, flux: nan, continuum: nan, bad: [true, true, true, true, true])
        card.modelInput = .init(wavelength: [1, 2, 3, 4, 5], flux: nan, reconstruction: nan)
        card.translation = .init(instrument: "x", wavelength: [], flux: [], normalisation: "y")
        card.kiel = .init(teff: .nan, logg: .nan, teffError: .nan)
        try CardFigure(card).write(to: scratch.file("nan.png"))
        #expect(scratch.contents == ["empty.png", "nan.png"])
    }
}
