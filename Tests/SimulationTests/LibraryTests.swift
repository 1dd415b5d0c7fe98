import Foundation
import Testing
@testable import Instruments
@testable import Simulation
@testable import Spectra
@testable import Statistics
@testable import Support

@Suite("Libraries in the cache")
struct LibraryTests {
    static let hasTemplates = LibraryStore().contains(.mangaTemplates)
    static let hasXP = LibraryStore().contains(.gaiaXPAPOGEE)

    @Test("MILES parameters: 9999 and 99999 mean none, damaged lines are passed over")
    func parameters() {
        let text = """
            #MILES  Teff  log g   [Fe/H]
              0272  6024   4.50    -1.44
              0001  99999  9999.0   9999.0
              0002  4000   -0.5    9999.0
              022.  5000   4.0     0.0
              0003  5000
            """
        let stars = MILESLibrary.parse(parameters: text)
        #expect(stars["0272"] == ["teff": 6024, "logg": 4.5, "fe_h": -1.44])
        #expect(stars["0001"] == [:])
        #expect(stars["0002"] == ["teff": 4000, "logg": -0.5])
        #expect(stars.count == 3)
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<300 {
            let bytes = (0..<200).map { _ in UInt8.random(in: 9...255, using: &generator) }
            _ = MILESLibrary.parse(parameters: String(decoding: bytes, as: UTF8.self))
        }
    }

    @Test("MILES, STELIB and MaStar are read whole, in vacuum", .enabled(if: hasTemplates, "no template libraries"))
    func templates() throws {
        let miles = try MILESLibrary.stars()
        #expect(miles.count == 984)
        #expect(miles.count { $0.labels.count == 3 } == 944)
        #expect(Set(miles.map(\.id)).count == 984)
        #expect(abs(miles[0].spectrum.wavelength[0] - AirVacuum.toVacuum(3540.5)) < 1e-9)
        let stelib = try STELIBLibrary.stars()
        #expect(stelib.count == 255)
        #expect(stelib.count { $0.labels["teff"] != nil } > 200)
        let mastar = try MaStarLibrary.stars()
        #expect(mastar.count == 65)
        #expect(mastar.allSatisfy { $0.spectrum.ivar?.count == $0.spectrum.flux.count })
        // Hβ of an A star is where vacuum wavelengths put it, in all three.
        for star in miles.filter({ abs(($0.labels["teff"] ?? 0) - 9000) < 400 }).prefix(5) {
            let pixels = star.spectrum.wavelength.indices.filter { abs(star.spectrum.wavelength[$0] - 4862.7) < 20 }
            let deepest = try #require(pixels.min { star.spectrum.flux[$0] < star.spectrum.flux[$1] })
            #expect(abs(star.spectrum.wavelength[deepest] - 4862.7) < 2.5, "\(star.id)")
        }
    }

    @Test("The XP library has the rows and labels it is said to have", .enabled(if: hasXP, "no XP library"))
    func xp() throws {
        let library = try XPAPOGEELibrary()
        #expect(library.count == 40_226)
        let last = try library.stars(40_225..<40_226)
        #expect(last.count == 1 && last[0].spectrum.flux.count == 343)
        #expect(last[0].spectrum.flux.allSatisfy { $0.isFinite })
    }

    @Test(
        "A MILES star left out is predicted from the others to 0.0136 rms",
        .enabled(if: hasTemplates, "no template libraries"))
    func leaveOneOut() throws {
        let (labels, spectra, _) = try MILESTemplates.shared()
        #expect(labels.count == 944)
        let interpolator = LocalLinearInterpolator(labels: labels, spectra: spectra)
        let margin = ObservingConditions.margin(of: .lamostLRS)
        let residuals = concurrentMap(Array(labels.indices)) { star -> Double? in
            guard let predicted = interpolator.predict(labels[star], excluding: star) else { return nil }
            let count = predicted.count - 2 * margin
            let square = (margin..<margin + count).reduce(0.0) {
                $0 + pow(Double(predicted[$1] - spectra[star][$1]), 2)
            }
            return (square / Double(count)).squareRoot()
        }.compactMap(\.self).sorted()
        #expect(residuals.count > 650)
        let middle = residuals[residuals.count / 2]
        let high = residuals[residuals.count * 84 / 100]
        print("MILES leave-one-out rms: \(residuals.count) stars, median \(middle), 84 % \(high)")
        #expect(middle < 0.0140 && high < 0.030)
    }
}

/// MILES on the widened LRS grid, prepared once for all tests (half a minute without optimisation).
enum MILESTemplates {
    private static let prepared = Result { try RealMILESSource.templates(LibraryStore()) }

    static func shared() throws -> (labels: [LocalLinearInterpolator.Labels], spectra: [[Float]], ids: [String]) {
        try prepared.get()
    }
}
