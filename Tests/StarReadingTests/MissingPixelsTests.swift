import Foundation
import Instruments
import SpecCLIP
import Spectra
import TestFiles
import Testing
import Torch
@testable import StarReading

/// Real stars of which a spectrograph has lost some pixels.
@Suite(.enabled(if: SharedFiles.hasData, "\(SharedFiles.absent)"))
struct MissingPixelsTests {
    private func spectra() throws -> [Spectrum] {
        try RealStars.files.map { try #require(try SpectrumReader.read(SharedFiles.url($0)).first) }
    }

    /// Ten Å without data at a strong line hardly matter: Hβ alone moved Teff by more than its error once.
    @Test(arguments: [4341.7, 4862.7, 5176, 6564.6]) func aLostLineIsFilledFromTheRest(_ line: Double) throws {
        let reader = try RealStars.reader.get()
        let whole = try spectra()
        let dead = whole.map { spectrum -> Spectrum in
            var dead = spectrum
            dead.ivar = zip(spectrum.wavelength, spectrum.ivar ?? []).map { abs($0 - line) < 5 ? 0 : $1 }
            return dead
        }
        let (before, after) = (
            try reader.read(whole, of: .optical, options: .init()), try reader.read(dead, of: .optical)
        )
        for name in ["teff", "logg", "fe_h"] {
            let changes = try zip(before, after).map { before, after in
                let old = try #require(before.estimates.first { $0.label.name == name })
                let new = try #require(after.estimates.first { $0.label.name == name })
                return abs(new.value - old.value) / (try #require(old.error))
            }
            #expect(try #require(changes.max()) < 0.5, "\(name) at \(line): \(changes)")
        }
    }

    /// What is not missing stays, what is wide stays missing, and what is filled has an error.
    @Test func narrowGapsAloneAreFilled() throws {
        let reader = try RealStars.reader.get()
        let missing = try #require(try reader.missingPixels(of: .optical))
        let prepared = try spectra().prefix(2).map { try Instrument.optical.prepare($0) }
        let pixels = Instrument.optical.grid.count
        var valid = prepared.flatMap { $0.mask.map { $0 ? Float(0) : 1 } }
        // Hβ of the first; of the second a fifth of the range.
        let line = try #require(Instrument.optical.grid.nearestPixel(to: 4862.7))
        for pixel in line - 5...line + 5 { valid[pixel] = 0 }
        for pixel in 900..<1700 { valid[pixels + pixel] = 0 }
        let flux = Tensor(prepared.flatMap(\.flux), shape: [2, pixels])
        let ivar = Tensor(prepared.flatMap { $0.ivar ?? [] }, shape: [2, pixels])
        let batch = SpectrumBatch(flux, ivar: ivar, valid: Tensor(valid, shape: [2, pixels]))
        let found = try #require(try missing.filled(batch, snr: [50, 50]))
        #expect(found.rows.first == 0)
        let (own, errors, seen) = (
            found.spectra.flux.select(0, 0).floats(), try #require(found.spectra.ivar).select(0, 0).floats(),
            try #require(found.spectra.valid).select(0, 0).floats()
        )
        for pixel in 0..<pixels where valid[pixel] > 0 { #expect(own[pixel] == prepared[0].flux[pixel]) }
        #expect((line - 5...line + 5).allSatisfy { seen[$0] == 1 && errors[$0] > 100 })
        let off = (line - 5...line + 5).map { abs(own[$0] - prepared[0].flux[$0]) }
        #expect(try #require(off.max()) < 0.05, "\(off)")
        if let row = found.rows.firstIndex(of: 1) {
            let wide = try #require(found.spectra.valid).select(0, row).floats()
            #expect((900..<1700).allSatisfy { wide[$0] == 0 })
        }
    }
}
