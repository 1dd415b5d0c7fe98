import Foundation
import TestFiles
import Testing
@testable import Instruments
@testable import Spectra
@testable import Statistics
@testable import Support

/// Files as LAMOST and the Gaia archive publish them.
@Suite(.enabled(if: SharedFiles.hasData, "\(SharedFiles.absent)"))
struct RealFileTests {
    static let lamost: [URL] = {
        let folder = SharedFiles.url("data/lamost")
        let files = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return (files ?? []).filter { $0.lastPathComponent.hasPrefix("spec-") }.sorted { $0.path < $1.path }
    }()

    @Test func everyLAMOSTFileIsReadAndPrepared() throws {
        #expect(Self.lamost.count == 10)
        for url in Self.lamost {
            let spectra = try SpectrumReader.read(url)
            #expect(spectra.count == 1)
            let prepared = try Instrument.lamostLRS.prepare(spectra[0])
            #expect(prepared.flux.count == 1462 && prepared.ivar?.count == 1462)
            let middle = median(prepared.flux.map { Double($0) })
            #expect((0.7...1.1).contains(middle), "\(url.lastPathComponent) \(middle)")
        }
    }

    @Test func earlyReleaseImage() throws {
        let spectrum = try SpectrumReader.read(SharedFiles.url("data/lamost/spec-55862-B6212_sp06-003.fits"))[0]
        #expect(spectrum.wavelength.count == 3904)
        #expect(abs(spectrum.wavelength[0] - 3699.9853) < 1e-3)
        #expect(!spectrum.wavelengthIsFloat32)
        #expect(spectrum.ra == 99.316263 && spectrum.dec == 27.23237)
        #expect(spectrum.snr == 71.41)
        #expect(spectrum.header["CLASS"] == "STAR" && spectrum.header["SUBCLASS"] == "F9")
        #expect(spectrum.header["DESIG"] == "LAMOST J063715.90+271356.5")
    }

    @Test func tableLayout() throws {
        let spectrum = try SpectrumReader.read(SharedFiles.url("data/lamost/spec-55859-F5902_sp01-013_dr8.fits.gz"))[0]
        #expect(spectrum.wavelength.count == 3908 && spectrum.ivar?.count == 3908 && spectrum.mask?.count == 3908)
        #expect(spectrum.wavelengthIsFloat32)
        #expect(spectrum.sourceID == "101013")
        #expect(spectrum.snr == 5.56)
        #expect(spectrum.ra == 332.321523)
    }

    @Test(arguments: ["XP_SAMPLED_RAW_dr3int6.csv", "XP_SAMPLED_RAW_dr3int6.ecsv", "XP_SAMPLED_RAW_dr3int6.fits"])
    func sampledXP(name: String) throws {
        let spectra = try SpectrumReader.read(SharedFiles.url("data/gaia_xp/\(name)"))
        #expect(spectra.count == 2)
        #expect(spectra.allSatisfy { $0.wavelength.count == 343 && $0.flux.count == 343 && $0.ivar?.count == 343 })
        #expect(spectra[0].wavelength.first == 3360 && spectra[0].wavelength.last == 10200)
        #expect(spectra[0].sourceID == "6" || name.hasSuffix("fits") && spectra[0].sourceID != nil)
        #expect(abs(spectra[0].flux[0] - 3.3061049e-16) < 1e-22)
        #expect(abs((spectra[0].ra ?? 0) - 217.39232147200883) < 1e-9)
        #expect(spectra[1].origin.hasSuffix("#2"))
        let prepared = try spectra.map { try Instrument.gaiaXP.prepare($0) }
        #expect(prepared.allSatisfy { $0.flux[107] == 1 && $0.flux.count == 343 })
    }

    /// The archive's forms of the same spectra say the same.
    @Test(arguments: ["XP_SAMPLED_RAW_votable_dr3int6.xml", "XP_SAMPLED_RAW_votable_plain_dr3int6.xml"])
    func votables(name: String) throws {
        let own = try SpectrumReader.read(SharedFiles.url("data/gaia_xp/\(name)"))
        let text = try SpectrumReader.read(SharedFiles.url("data/gaia_xp/XP_SAMPLED_RAW_dr3int6.csv"))
        #expect(own.count == 2)
        for (a, b) in zip(own, text) {
            #expect(zip(a.flux, b.flux).allSatisfy { abs($0 - $1) <= 2e-7 * abs($1) } && a.ra == b.ra)
        }
    }
}
