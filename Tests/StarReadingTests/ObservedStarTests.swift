import Instruments
import Spectra
import Testing
@testable import StarReading

/// Which spectra are of one star.
struct ObservedStarTests {
    private func star(_ name: String, _ id: String, _ instrument: Instrument, isFile: Bool = true) -> Observation {
        let raw = isFile ? Spectrum(wavelength: [4000, 5000], flux: [1, 1], origin: name) : nil
        return Observation(
            name: name, sourceID: id, instrument: instrument, prepared: PreparedSpectrum(flux: [], mask: []), raw: raw)
    }

    private func names(_ stars: [Observation]) -> [[String]] {
        ObservedStar.together(stars).map { $0.observations.map(\.name) }
    }

    @Test func sourceIDsTell() {
        let found = names([
            star("a", "1", .lamostLRS), star("b", "2", .gaiaXP), star("c", "", .gaiaXP), star("d", "1", .gaiaXP),
            star("e", "", .lamostLRS),
        ])
        #expect(found == [["a", "d"], ["b"], ["c"], ["e"]])
    }

    @Test func visitsByOneInstrumentStandByThemselves() {
        let found = names([
            star("a", "1", .lamostLRS), star("b", "1", .lamostLRS), star("c", "1", .gaiaXP), star("d", "1", .gaiaXP),
        ])
        #expect(found == [["a", "c"], ["b", "d"]])
    }

    @Test func twoOfTwoInstrumentsAreOneStar() {
        #expect(names([star("a", "1", .lamostLRS), star("b", "", .gaiaXP)]) == [["a", "b"]])
        #expect(names([star("a", "", .gaiaXP), star("b", "", .gaiaXP)]) == [["a"], ["b"]])
        #expect(names([]).isEmpty)
    }

    /// In a data set a source may stand in several rows: the row tells.
    @Test func rowsTellInADataSet() {
        let found = names([
            star("p#0", "1", .gaiaXP, isFile: false), star("p#1", "1", .gaiaXP, isFile: false),
            star("p#0", "1", .lamostLRS, isFile: false), star("p#1", "1", .lamostLRS, isFile: false),
        ])
        #expect(found == [["p#0", "p#0"], ["p#1", "p#1"]])
    }
}
