import Datasets
import Foundation
import Instruments
import Spectra
import Support
import TestFiles
import Testing
@testable import StarReading

/// Files as people meet them, one real star in most of them (`cases` of the shared folder): each is read as the plain file of
/// the same star is, or refused by name.
@Suite(.enabled(if: SharedFiles.has("cases") && SharedFiles.hasData, "\(SharedFiles.absent)"))
struct CaseTests {
    private static let reader = Result {
        try StarReader(
            contentsOf: URL(fileURLWithPath: #filePath).appending(path: "../../../Models/specclip-small.safetensors")
                .standardizedFileURL)
    }

    private static func read(
        _ path: String, options: ReadingOptions = ReadingOptions()
    ) throws -> (values: [String: Double], flags: QualityFlags, spectrum: Spectrum) {
        let spectra = try SpectrumReader.read(SharedFiles.url(path), options: options)
        let spectrum = try #require(spectra.first)
        let star = try #require(try reader.get().read([spectrum]).first)
        let values = Dictionary(uniqueKeysWithValues: star.estimates.map { ($0.label.name, $0.value) })
        return (values, star.flags, spectrum)
    }

    private static let reference = Result { try read("data/lamost/spec-55862-B6212_sp06-098.fits").values }

    /// Resampled files may differ by as much as the resampling.
    @Test(arguments: [
        "a01-awav.fits", "a01b-muse-data-stat.fits", "a01c-eso-sdp-air.fits", "a02-wave-log.fits",
        "a02b-log-linear.fits",
        "a03-metre.fits", "a04b-wat-nm.fits", "a05-spSpec-dr7.fits", "a06-iraf-4bands.fits", "a07-three-fibres.fits",
        "a08-wave-flux-rows.fits", "a08b-wave-flux-cols.fits", "a10-andmask-all.fits", "a11-mwmstar-empty-first.fits",
        "a12-wave-zero-padding.fits", "a12c-pypeit-onespec-mask.fits", "a16-lamost.fits.fz", "a18-descending.fits",
        "a19-snrg-m9999.fits", "a21-photometry-first.fits", "a22-thumbnail-first.fits", "a23-image-extensions.fits",
        "b15.fits.bz2", "b15.fits.xz", "b2e-ecsv-nm.ecsv", "b4b-decimal-comma-no-header.csv", "b5-fortran-d.txt",
        "b6-vizier.tsv", "b7-mask-true-false.csv", "b8-0-null.csv", "b9-latin1.txt", "v1-vacuum-F.fits",
        "v2-vacuum-0.fits",
        "t3-lrs-int.fits",
    ])
    func theStarIsRead(file: String) throws {
        let expected = try Self.reference.get()
        let (values, flags, _) = try Self.read("cases/\(file)")
        for (label, most) in [("teff", 40.0), ("logg", 0.08), ("fe_h", 0.05), ("rv", 3)] {
            let (own, right) = (try #require(values[label]), try #require(expected[label]))
            #expect(abs(own - right) <= most, "\(label): \(own), not \(right)")
        }
        #expect(flags.isEmpty)
    }

    /// F_ν is turned into F_λ: the same star in another unit.
    @Test(arguments: ["x0", "x1"]) func unitsOfFluxAreHeeded(star: String) throws {
        let (plain, converted) = (try Self.read("cases/\(star)-flam.fits"), try Self.read("cases/\(star)-mjy.fits"))
        #expect(abs((plain.values["teff"] ?? 0) - (converted.values["teff"] ?? -1)) < 1)
        #expect(converted.spectrum.reading.flux.contains("F_ν turned into F_λ"))
    }

    /// A finer spectrum is smoothed to what the instrument resolves, once somebody says how fine it is.
    @Test func finerSpectraAreSmoothed() throws {
        var options = ReadingOptions()
        options.resolution = 100_000
        let fine = try Self.read("cases/r1-sun-vac-hires.fits", options: options).values
        let coarse = try Self.read("cases/r2-sun-vac-R1800.fits").values
        #expect(abs((fine["teff"] ?? 0) - (coarse["teff"] ?? -1)) < 40)
        let unsaid = try Self.read("cases/r1-sun-vac-hires.fits").values
        #expect(abs((fine["logg"] ?? 0) - (coarse["logg"] ?? -1)) < 0.05)
        #expect(abs((unsaid["logg"] ?? 0) - (coarse["logg"] ?? 0)) > 0.1)
    }

    /// Pixels that the file marks bad are as good as none, whatever stands under the mark.
    @Test func badPixelsAreNoData() throws {
        let gaps = try SpectrumReader.read(SharedFiles.url("cases/b20e-gaps.fits"))
        let stars = try Self.reader.get().read(gaps)
        #expect(stars.count == 30)
        for pair in stride(from: 0, to: 30, by: 2) {
            let teff = stars[pair...pair + 1].map { $0.estimates.first { $0.label.name == "teff" }?.value ?? .nan }
            #expect(abs(teff[0] - teff[1]) < 1)
        }
    }

    @Test func whatCannotBeReadIsNamed() {
        #expect { try Self.read("cases/b16-interleaved.csv") } throws: { error in
            let text = "\(error)"
            return text.contains("sort the table by source_id") && !text.contains("\n")
        }
    }

    private static let xp = Result {
        try SpectrumReader.read(SharedFiles.url("data/gaia_xp/xp_continuous_2000_sources.fits"))
    }

    /// Without BP, by which spectra are scaled, or without RP, a star is read from what goes with the other band: with larger
    /// errors, which hold.
    @Test(arguments: [true, false]) func aMissingBandIsDrawn(isBlue: Bool) throws {
        let reader = try Self.reader.get()
        let all = try Self.xp.get()
        let some = Array(all.indices).evenlySampled(16).map { all[$0] }
        let (whole, parts) = (
            try reader.read(some),
            try reader.read(
                some.map { spectrum in
                    var part = spectrum
                    for pixel in part.flux.indices where (part.wavelength[pixel] < 6400) == isBlue {
                        part.flux[pixel] = .nan
                    }
                    return part
                })
        )
        #expect(parts.allSatisfy { $0.flags.contains(.maskedPixels) })
        // What the rest tells may be as much as all does: of some stars errors are no larger.
        let doubts = zip(parts, whole).filter { $1.flags.isEmpty }.flatMap { part, whole in
            zip(part.estimates, whole.estimates).compactMap { own, right -> (off: Double, ratio: Double)? in
                guard let error = own.error, let least = right.error else { return nil }
                return (abs(own.value - right.value) / error, error / least)
            }
        }
        #expect(doubts.count > 25)
        #expect(
            doubts.count { $0.off < 2 } * 100 > 90 * doubts.count
                && doubts.count { $0.ratio > 1 } * 100 > 75 * doubts.count,
            "\(doubts.count { $0.off < 2 }) and \(doubts.count { $0.ratio > 1 }) of \(doubts.count)")
        #expect(try Self.read("cases/b14-xp-no-bp.csv").flags.contains(.maskedPixels))
    }

    /// A fifth of the pixels is masked, with garbage under the mask: the star is read all the same, and doubted.
    @Test func muchIsMasked() throws {
        let (values, flags, _) = try Self.read("cases/a13-mask-logical.fits")
        let expected = try Self.reference.get()
        #expect(flags == .maskedPixels && abs((values["teff"] ?? 0) - (expected["teff"] ?? -1)) < 100)
    }

    /// A data set packed by a filter that is not there says which.
    @Test func missingFiltersAreNamed() throws {
        let data = try PairedDataSet(opening: SharedFiles.url("cases/h4-lzf.h5"))
        #expect { try data.spectra(.gaiaXP, split: .test, range: 0..<data.count(.test)) } throws: {
            "\($0)".contains("filter \"lzf\"")
        }
    }

    /// All spectra of a file are read, and each way of choosing among them.
    @Test func spectraAreChosen() throws {
        let path = SharedFiles.url("cases/a07-three-fibres.fits").path
        #expect(try SpectrumReader.read(URL(fileURLWithPath: path)).map { $0.origin.suffix(2) } == ["#1", "#2", "#3"])
        let (url, options) = ReadingOptions().resolving(path + "#2")
        #expect(try SpectrumReader.read(url, options: options).count == 1)
        let photometry = SharedFiles.url("cases/a21-photometry-first.fits").path
        let (table, chosen) = ReadingOptions().resolving(photometry + "[PHOT]")
        #expect(try SpectrumReader.read(table, options: chosen)[0].flux.count == 3)
        #expect(throws: Diagnostic.self) {
            let (table, chosen) = ReadingOptions().resolving(photometry + "[9]")
            return try SpectrumReader.read(table, options: chosen)
        }
    }

    /// Identifiers that lost their digits name nobody.
    @Test func lostIdentitiesCombineNothing() throws {
        let spectra = try ["t3-lrs-int.fits", "t3-xp-float.csv"].flatMap {
            try SpectrumReader.read(SharedFiles.url("cases/\($0)"))
        }
        #expect(spectra[1].sourceID == nil && spectra[1].hasLostIdentity)
        let known = try Self.reader.get().instruments
        let observations = try spectra.map { try Observation($0, among: known) }
        #expect(try ObservedStar.together(observations).count == 2)
    }
}
