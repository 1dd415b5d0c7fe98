import Foundation
import TestFiles
import Testing
@testable import Instruments
@testable import Spectra
@testable import Support

/// Layouts and shapes of files, written by the tests themselves.
struct ReaderTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    func read(_ text: String, as instrument: Instrument? = nil) throws -> [Spectrum] {
        try read(Data(text.utf8), as: instrument)
    }

    func read(_ data: Data, as instrument: Instrument? = nil) throws -> [Spectrum] {
        let url = folder.file("some.file")
        try data.write(to: url)
        return try SpectrumReader.read(url, as: instrument)
    }

    func message(_ data: Data) -> String {
        do { return "\(try read(data).count) spectra" } catch { return String(describing: error) }
    }

    @Test(
        arguments: [
            "4000,1.5\n5000,2.5\n6000,3.5\n", "4000 1.5\n5000 2.5\n6000 3.5\n", "4000;1.5\r\n5000;2.5\r\n6000;3.5\r\n",
            "4000\t1.5\n5000\t2.5\n6000\t3.5", "  4000   1.5\n  5000   2.5\n  6000   3.5\n",
            "4000, 1.5\n5000, 2.5\n6000, 3.5\n", "4000,1.5,9\n5000,2.5,9\n6000,3.5,9\n",
            "wavelength,flux\n4000,1.5\n5000,2.5\n6000,3.5\n", "FLUX,WAVE\n1.5,4000\n2.5,5000\n3.5,6000\n",
            "Lambda;Intensity\n4000;1.5\n5000;2.5\n6000;3.5\n", "lambda flux\n4000 1.5\n5000 2.5\n6000 3.5\n",
            "x,y\n4000,1.5\n5000,2.5\n6000,3.5\n", "# made by hand\n\nwave flux\n4000 1.5\n5000 2.5\n6000 3.5\n",
            "\"wavelength\",\"flux\"\n\"4000\",\"1.5\"\n5000,2.5\n6000,3.5\n",
            "wavelength_nm,flux\n400,1.5\n500,2.5\n600,3.5\n", "wavelength [nm],flux\n400,1.5\n500,2.5\n600,3.5\n",
            "\u{feff}wavelength,flux\r4000,1.5\r5000,2.5\r6000,3.5\r",
            "flux,wavelength\n\"[1.5, 2.5, 3.5]\",\"(4000,5000,6000)\"\n",
            "# %ECSV 1.0\n# datatype:\n# -\n#   name: wavelength\n#   unit: nm\n# -\n#   name: flux\nwavelength flux\n"
                + "400 1.5\n500 2.5\n600 3.5\n",
        ])
    func textShapes(text: String) throws {
        let spectra = try read(text)
        #expect(spectra.count == 1)
        #expect(spectra[0].wavelength == [4000, 5000, 6000])
        #expect(spectra[0].flux == [1.5, 2.5, 3.5])
    }

    /// What people write above and beside their numbers.
    @Test(arguments: [
        ("wavelength,flux\nnm,mJy\n400,1\n500,2\n", "nm", "F_ν"), ("wave[nm];flux\n400,0;1,5\n500,0;2,5\n", "nm", ""),
        ("# wavelengths in air\nwave,flux\n4000,1\n5000,2\n", "air", ""),
        ("lambda_air,flux\n4000,1\n5000,2\n", "air", ""),
        ("WAVE_VAC,FLUX (Jy)\n4000,1\n5000,2\n", "vacuum", "F_ν"), ("0.4 1\n0.5 2\n0.6 3\n", "µm", ""),
        ("4.0d-7 1.0D+00\n5.0d-7 2\n", "m", ""),
    ])
    func whatTextStates(text: String, wavelength: String, flux: String) throws {
        let spectrum = try read(text)[0]
        let reading = spectrum.reading
        #expect((reading.wavelength + " " + reading.medium).contains(wavelength), "\(reading)")
        #expect(flux.isEmpty || reading.flux.contains(flux), "\(reading)")
        #expect(abs(spectrum.wavelength[0] - 4000) < 2 && abs(spectrum.wavelength[1] - 5000) < 2)
    }

    /// UTF-16 as Windows writes it, Latin-1, and a mask of words.
    @Test func oldAndNewLetters() throws {
        let text = "wave,flux,mask\n4000,1,True\n5000,2,False\n6000,3,False\n"
        #expect(try read(try #require(text.data(using: .utf16)))[0].mask == [true, false, false])
        #expect(try read(Data([0x23, 0xc5, 0x0a]) + Data(text.utf8))[0].mask == [true, false, false])
        let bits = FITSBytes.table([("wave", [4000, 5000, 6000]), ("flux", [1, 2, 3]), ("good", [0, 1, 1])])
        #expect(try read(bits)[0].mask == [true, false, false])
    }

    @Test func twoLongRows() throws {
        let wavelength = (0..<20).map { "\(4000 + $0)" }.joined(separator: ",")
        let spectrum = try read(wavelength + "\n" + (0..<20).map { "\($0)" }.joined(separator: ",") + "\n")[0]
        #expect(spectrum.wavelength == (0..<20).map { 4000 + Double($0) } && spectrum.flux == (0..<20).map(Double.init))
    }

    @Test func longFormOfSeveralSources() throws {
        let spectra = try read(
            "source_id,wavelength,flux,flux_error,ra\n7,336,1,0.5,10\n7,338,2,0.5,10\n9,336,3,1,20\n9,338,,1,20\n",
            as: .gaiaXP)
        #expect(spectra.map(\.sourceID) == ["7", "9"])
        #expect(spectra.map(\.ra) == [10, 20])
        #expect(spectra[0].wavelength == [3360, 3380] && spectra[0].ivar == [4, 4])
        #expect(spectra[1].flux[1].isNaN && spectra[1].origin.hasSuffix("#2"))
    }

    @Test func onesInPlaceOfWavelengths() throws {
        let flux = (0..<3909).map { 1 + 0.1 * sin(Double($0)) }
        let ones = [Double](repeating: 1, count: 3909)
        let cards = [("COEFF0", "3.5682"), ("COEFF1", "0.0001"), ("SN_G", "12.5"), ("OBSID", "77"), ("RA", "1.5")]
        let spectrum = try read(FITSBytes.image([flux, ones, ones], cards))[0]
        #expect(abs(spectrum.wavelength[0] - 3699.985) < 0.01 && abs(spectrum.wavelength[3908] - 9099.13) < 0.01)
        #expect(spectrum.snr == 12.5 && spectrum.sourceID == "77" && spectrum.ra == 1.5)
        #expect(try Instrument.lamostLRS.prepare(spectrum).flux.count == 1462)
        // Without the keywords a real row of wavelengths serves, and a row of ones is refused.
        let row = spectrum.wavelength
        #expect(abs(try read(FITSBytes.image([flux, ones, row], []))[0].wavelength[5] - row[5]) < 1e-3)
        #expect(message(FITSBytes.image([flux, ones, ones], [])).contains("COEFF0, COEFF1: are missing"))
    }

    @Test func pixelPerRow() throws {
        let loglam = (0..<2000).map { 3.58 + 1e-4 * Double($0) }
        let flux = loglam.indices.map { 2 + sin(Double($0)) }
        let file = FITSBytes.table([("flux", flux), ("loglam", loglam), ("ivar", flux.map { _ in 4 })])
        let spectrum = try read(file)[0]
        #expect(spectrum.wavelength.count == 2000 && abs(spectrum.wavelength[0] - 3801.89) < 0.01)
        #expect(spectrum.ivar?[7] == 4 && spectrum.wavelengthIsFloat32)
        #expect(try Instrument.lamostLRS.prepare(spectrum).ivar?.count == 1462)
    }

    @Test func gzipUnderAnyName() throws {
        let plain = Data("4000,1\n5000,2\n".utf8)
        let url = folder.file("packed")
        try plain.write(to: url)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-f", "-S", ".fits", url.path]
        try process.run()
        process.waitUntilExit()
        #expect(try SpectrumReader.read(folder.file("packed.fits"))[0].flux == [1, 2])
        let packed = try Data(contentsOf: folder.file("packed.fits"))
        #expect(message(packed.prefix(packed.count - 9)).contains("compressed data are damaged or cut short"))
    }

    @Test func streamsRowRanges() throws {
        let flux = (0..<343).map { "\($0 + 1)" }.joined(separator: ",")
        let rows = (0..<25).map { "\($0),\"[\(flux)]\"\n" }.joined()
        let url = folder.file("table.csv")
        try Data(("source_id,flux\n" + rows).utf8).write(to: url)
        var seen: [String?] = []
        let count = try SpectrumReader.stream(url, rows: 3..<40, batch: 4) { spectra, first in
            #expect(spectra.count <= 4 && spectra[0].sourceID == "\(first)")
            seen += spectra.map(\.sourceID)
        }
        #expect(count == 25 && seen == (3..<25).map { "\($0)" })
    }

    @Test func whatIsNoSpectrumIsRefused() throws {
        #expect(message(Data()).contains("is empty"))
        #expect(message(Data([0, 1, 2, 3])).contains("neither FITS nor text"))
        #expect(message(Data("<html><body>404</body></html>".utf8)).contains("web page"))
        #expect(message(Data("<?xml version='1.0'?><VOTABLE/>".utf8)).contains("VOTable"))
        #expect(message(Data("name,mag\nVega,0.03\n".utf8)).contains("flux: no such column; there are name, mag"))
        #expect(message(Data("flux,time\n1,2\n".utf8)).contains("wavelength: no such column"))
        #expect(message(Data("wavelength,flux\n".utf8)).contains("no data"))
        #expect(message(Data("wavelength,flux\n1,2\nx,3\n".utf8)).contains("line 3: wavelength is \"x\", not a number"))
        #expect(message(Data("wavelength,flux\n1,2\n3\n".utf8)).contains("line 3: ends before column flux"))
        #expect(message(Data("source_id,flux\n1,\"[1,2]\"\n".utf8)).contains("has 2 values and no wavelengths"))
        #expect(
            message(FITSBytes.table([("TIME", [1, 2]), ("RATE", [1, 2])], name: "EVENTS"))
                .contains("no spectrum found"))
        #expect(message(FITSBytes.table([("TIME", [1, 2])], name: "EVENTS")).contains("HDU 1 EVENTS (TIME)"))
        let image = FITSBytes.image([[Double](repeating: 1, count: 4000)], [])
        #expect(message(image.prefix(5760)).contains("cut short"))
        #expect(throws: Diagnostic.self) { try SpectrumReader.read(folder.file("absent")) }
        #expect(throws: Diagnostic.self) { try SpectrumReader.read(folder.url) }
    }
}
