import Foundation
import TestFiles
import Testing
@testable import Instruments
@testable import Spectra
@testable import Support
@testable import Tables

/// One spectrum in the layouts of surveys and packages, written by other people's writers (`scripts/layout_fixtures.py`):
/// a line at 5000 Å in vacuum, errors of 2, one bad pixel near 4700 Å with a flux of 90,000.
@Suite struct LayoutTests {
    struct Expected: CustomTestStringConvertible, Sendable {
        var file: String
        var layout: String
        var spectra = 1
        var id: String?
        var medium = "vacuum"
        /// Of the line, Å.
        var line = 5000.0
        var hasErrors = true
        var hasBadPixel = true
        var testDescription: String { file }
    }

    private static let all: [Expected] = [
        Expected(file: "sdss-spec-lite.fits", layout: "SDSS, BOSS", id: "1234567890123456789"),
        Expected(file: "sdss-spec-full.fits", layout: "SDSS, BOSS", id: "1234567890123456789"),
        Expected(file: "sdss5-mwmstar.fits", layout: "a row per spectrum", id: "54459273"),
        Expected(file: "desi-coadd.fits", layout: "DESI", spectra: 3, id: "39627000000000001"),
        Expected(file: "lamost-mrs.fits", layout: "LAMOST LRS (DR9 on) and MRS", spectra: 2, id: "123456"),
        Expected(file: "pypeit-spec1d.fits", layout: "PypeIt spec1d"),
        Expected(file: "pypeit-onespec.fits", layout: "a row per pixel"),
        Expected(file: "apogee-apstar.fits", layout: "APOGEE", id: nil, line: 16000),
        Expected(file: "eso-phase3.fits", layout: "a row per spectrum", medium: "air"),
        Expected(file: "harps-s1d.fits", layout: "FITS image", medium: "air", hasErrors: false, hasBadPixel: false),
        Expected(file: "hst-x1d.fits", layout: "a row per spectrum", spectra: 2),
        Expected(
            file: "iraf-multispec.fits", layout: "IRAF multispec", spectra: 3, hasErrors: false, hasBadPixel: false),
        Expected(file: "linetools.fits", layout: "FITS image"),
        Expected(file: "specutils-tabular.fits", layout: "a row per pixel", hasBadPixel: false),
        Expected(file: "specutils-wcs1d.fits", layout: "FITS image", hasBadPixel: false),
        Expected(file: "astropy-tabledata.vot", layout: "VOTable", hasBadPixel: true),
        Expected(file: "astropy-binary.vot", layout: "VOTable", hasBadPixel: true),
        Expected(file: "astropy-binary2.vot", layout: "VOTable", hasBadPixel: true),
        Expected(file: "astropy-arrays.vot", layout: "VOTable", spectra: 2, id: "11"),
        Expected(file: "sdss5-mwmvisit.fits", layout: "a row per spectrum", spectra: 2, id: "54459273"),
        Expected(file: "apogee-apvisit.fits", layout: "APOGEE", line: 16000),
        Expected(file: "galah.fits", layout: "GALAH", id: "140401002601004", medium: "air"),
        Expected(file: "6dfgs.fits", layout: "6dFGS", id: "g0000000-000000", medium: "air"),
        Expected(file: "marz.fits", layout: "2dF", spectra: 2, id: "star1", medium: "air"),
        Expected(file: "fastavro.avro", layout: "Avro", spectra: 2, id: "11"),
        Expected(file: "numpy.npz", layout: "NPZ", spectra: 2, id: "11"),
        Expected(file: "h5py.h5", layout: "HDF5", spectra: 2, id: "11"),
        Expected(file: "astropy-pixels.h5", layout: "HDF5"),
        Expected(file: "astropy-rows.h5", layout: "HDF5", spectra: 2, id: "11"),
        Expected(file: "muse-spectrum.fits", layout: "FITS image", medium: "air"),
        Expected(file: "muse-cube.fits", layout: "cube", spectra: 5, medium: "air"),
        Expected(file: "bundle.zip", layout: "text", spectra: 3),
        Expected(file: "astropy-arrays.ecsv", layout: "ECSV", spectra: 2, id: "11"),
    ]

    private static let parquet = ["lists", "nested", "items"].map {
        Expected(file: "pyarrow-\($0).parquet", layout: "Parquet", spectra: 3, id: "1152921504606846987")
    }

    @Test(
        .enabled(if: ParquetTable.isPossible, "make parquet brings what reads these"), arguments: parquet)
    func parquetIsRead(_ expected: Expected) throws {
        try isRead(expected)
        #expect(try SpectrumReader.read(Self.url(expected.file)).map(\.sourceID)[2] == nil)
    }

    /// Of two spectra in a row one is read, with nothing of the other, and the other is named.
    @Test(.enabled(if: ParquetTable.isPossible, "make parquet brings what reads these"))
    func spectraOfOneRowKeepApart() throws {
        let blue = try SpectrumReader.read(Self.url("pyarrow-arms.parquet"))[0]
        #expect(blue.ivar == nil)
        #expect(blue.notes.contains { $0.contains("red.flux left out (--columns flux=red.flux)") })
        var options = ReadingOptions()
        options.columns = ["flux": "red.flux"]
        let red = try SpectrumReader.read(Self.url("pyarrow-arms.parquet"), options: options)[0]
        #expect(red.ivar != nil && red.reading.wavelength.contains("red."))
    }

    private static func url(_ file: String) -> URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Layouts/\(file).gz")
    }

    @Test(arguments: all) func isRead(_ expected: Expected) throws {
        let spectra = try SpectrumReader.read(Self.url(expected.file))
        #expect(spectra.count == expected.spectra)
        let whole = try #require(spectra.first)
        #expect(whole.reading.layout.contains(expected.layout), "\(whole.reading.layout)")
        #expect(whole.reading.medium.hasPrefix(expected.medium), "\(whole.reading.medium)")
        if let id = expected.id { #expect(whole.sourceID == id) }
        // Arms and segments that come as spectra of their own make the whole together.
        let pixels = spectra.prefix(expected.spectra == 2 && spectra[0].wavelength.last ?? 0 < 4999 ? 2 : 1).flatMap {
            spectrum in
            spectrum.wavelength.indices.map { (spectrum, $0) }
        }
        #expect(
            abs(Self.line(pixels.map { ($0.0.wavelength[$0.1], $0.0.flux[$0.1]) }, near: expected.line) - expected.line)
                < 0.2)
        for (spectrum, pixel) in pixels {
            let isBad = !spectrum.flux[pixel].isFinite || spectrum.mask?[pixel] == true || spectrum.ivar?[pixel] == 0
            if expected.hasBadPixel { #expect(isBad == (spectrum.flux[pixel] > 1e4 || !spectrum.flux[pixel].isFinite)) }
            if expected.hasErrors, !isBad { #expect(abs((spectrum.ivar?[pixel] ?? 0) - 0.25) < 0.01) }
        }
        #expect(expected.hasErrors == (whole.ivar != nil))
    }

    /// Centre of gravity of what a line takes away. (Air and vacuum differ by 1.4 Å.)
    private static func line(_ pixels: [(wavelength: Double, flux: Double)], near place: Double) -> Double {
        let inside = pixels.filter { abs($0.wavelength - place) < 15 && $0.flux.isFinite }
        let depths = inside.map { max(0, 100 - $0.flux) }
        return zip(inside, depths).reduce(0) { $0 + $1.0.wavelength * $1.1 } / depths.reduce(0, +)
    }

    /// HDF5's library believes the sizes of texts, and would write beyond its memory or take all there is.
    @Test(arguments: [false, true]) func damagedTextsOfHDF5AreRefused(inReference: Bool) throws {
        var data = try FileBytes.read(Self.url("h5py.h5"))
        let heap = try #require(data.range(of: Data("GCOL".utf8))).lowerBound
        // The first object begins behind the head of 16 bytes; its size stands 8 bytes on. References begin with a length, and
        // the place of the collection follows.
        let place = withUnsafeBytes(of: UInt64(heap).littleEndian) { Data($0) }
        let reference = try #require(data.range(of: place + [1, 0, 0, 0])).lowerBound
        data[inReference ? reference - 2 : heap + 16 + 8 + 1] = 0x33
        let folder = try TemporaryFolder()
        let url = folder.file("damaged.h5")
        try data.write(to: url)
        #expect { try SpectrumReader.read(url) } throws: { "\($0)".contains("damaged") }
    }

    /// cfitsio writes beyond its memory where a column's name without quotation marks fills the card.
    @Test func overlongNamesOfFITSAreRefused() throws {
        var data = try FileBytes.read(Self.url("hst-x1d.fits"))
        let card = try #require(data.range(of: Data("TTYPE1  = ".utf8)))
        data.replaceSubrange(
            card.upperBound..<card.upperBound + 70, with: Data(repeating: UInt8(ascii: "B"), count: 70))
        let folder = try TemporaryFolder()
        let url = folder.file("long.fits")
        try data.write(to: url)
        #expect { try SpectrumReader.read(url) } throws: { "\($0)".contains("TTYPE") }
    }

    /// A file may name others: what is read is the one that was given.
    @Test func linksOfHDF5LeadNowhere() throws {
        let folder = try TemporaryFolder()
        let (plain, link) = (folder.file("h5py.h5"), folder.file("link.h5"))
        try FileBytes.read(Self.url("h5py.h5")).write(to: plain)
        try FileBytes.read(Self.url("h5py-link.h5")).write(to: link)
        #expect(try SpectrumReader.read(plain).count == 2)
        #expect(throws: Diagnostic.self) { try SpectrumReader.read(link) }
    }

    /// What is left out is told, with the way to get it.
    @Test func exposuresAreLeftOut() throws {
        let full = try SpectrumReader.read(Self.url("sdss-spec-full.fits"))[0]
        #expect(full.notes.contains { $0.hasPrefix("2 single exposures are left out") })
        let exposure = ReadingOptions().resolving(Self.url("sdss-spec-full.fits").path + "[3]")
        #expect(try SpectrumReader.read(exposure.url, options: exposure.options).count == 1)
    }

    /// Each spectrum of a cube knows its place: one pixel, 2e-4 degrees, from the reference in the middle.
    @Test func placesOfACubeAreOnTheSky() throws {
        let spectra = try SpectrumReader.read(Self.url("muse-cube.fits"))
        #expect(
            spectra.map { [$0.header["X"], $0.header["Y"]] } == [
                ["1", "1"], ["2", "1"], ["3", "1"], ["1", "2"], ["2", "2"],
            ])
        #expect(spectra[0].notes.contains { $0.contains("WHITE") && $0.contains("left out") })
        for (spectrum, place) in zip(spectra, Self.astropyPlaces) {
            #expect(abs((spectrum.ra ?? 0) - place.0) < 1e-9 && abs((spectrum.dec ?? 0) - place.1) < 1e-9)
        }
    }

    /// `astropy.wcs.WCS(header).celestial.pixel_to_world_values`.
    private static let astropyPlaces = [
        (120.00023094034037, -30.000099999798447), (120.0, -30.000100000000003),
        (119.99976905965963, -30.000099999798447),
        (120.00023093987495, -29.999899999798455), (120.0, -29.999899999999997),
    ]

    /// Every spectrum of a file with several has the same line, whatever its dispersion.
    @Test func everyDispersionOfIRAF() throws {
        for spectrum in try SpectrumReader.read(Self.url("iraf-multispec.fits")) {
            #expect(abs(Self.line(Array(zip(spectrum.wavelength, spectrum.flux)), near: 5000) - 5000) < 0.2)
        }
    }

    /// What holds spectra holds catalogues as well.
    @Test(arguments: ["astropy-rows.h5", "astropy-arrays.vot", "astropy-arrays.ecsv"])
    func anyContainerHoldsATable(_ file: String) throws {
        let table = try TableFileReader.open(Self.url(file))
        let column = try #require(table.fields.firstIndex { $0.name == "source_id" })
        #expect(try table.next(10).texts(column) == ["11", "12"])
    }

    /// The page that users read is what the layouts say.
    @Test func thePageIsTrue() throws {
        let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../docs/formats.md")
        #expect(try String(contentsOf: page, encoding: .utf8) == SpectrumReader.formats + "\n")
    }
}
