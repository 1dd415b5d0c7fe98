import Foundation
import TestFiles
import Testing
@testable import Datasets
@testable import Instruments
@testable import Spectra
@testable import Support

/// Pixels that a file itself marks bad are no data, however it says so.
struct BadPixelTests {
    /// Where the made-up spectrum is broken: singles, a run within Hβ, a run at the edge of the grid.
    private static let broken = Set([700, 901] + Array(1180..<1215) + Array(330..<342))

    /// The made-up spectrum with garbage in the broken pixels, marked by `mark`.
    private static func spectrum(garbage: Double, _ mark: (inout Spectrum) -> Void) -> Spectrum {
        var spectrum = PreparationTests.example
        spectrum.ivar = spectrum.flux.map { _ in 1e-2 }
        for pixel in broken { spectrum.flux[pixel] = garbage }
        mark(&spectrum)
        return spectrum
    }

    static let marks: [(name: String, mark: @Sendable (inout Spectrum) -> Void)] = [
        ("ivar 0", { s in for pixel in broken { s.ivar?[pixel] = 0 } }),
        ("ivar negative", { s in for pixel in broken { s.ivar?[pixel] = -3 } }),
        ("ivar NaN", { s in for pixel in broken { s.ivar?[pixel] = .nan } }),
        ("ivar infinite", { s in for pixel in broken { s.ivar?[pixel] = .infinity } }),
        ("mask", { s in s.mask = s.flux.indices.map { broken.contains($0) } }),
        ("mask alone", { s in (s.mask, s.ivar) = (s.flux.indices.map { broken.contains($0) }, nil) }),
        ("NaN", { s in for pixel in broken { s.flux[pixel] = .nan } }),
    ]

    @Test(arguments: marks.indices, [0, 1e9, -500]) func whatLiesUnderAMarkDoesNotMatter(
        index: Int, garbage: Double
    ) throws {
        let (name, mark) = Self.marks[index]
        for instrument in [Instrument.lamostLRS, Self.unnormalised] {
            let prepared = try instrument.prepare(Self.spectrum(garbage: garbage, mark))
            let reference = try instrument.prepare(
                Self.spectrum(garbage: 1) { s in for pixel in Self.broken { s.flux[pixel] = .nan } })
            #expect(prepared.flux == reference.flux, "\(name)")
            #expect(prepared.mask == reference.mask && prepared.mask.contains(true), "\(name)")
            #expect(prepared.notes.isEmpty)
            if name != "mask alone" { #expect(prepared.ivar == reference.ivar, "\(name)") }
        }
    }

    private static let unnormalised = Instrument(
        name: "plain", title: "Plain", grid: .linear(start: 4000, step: 2, count: 700), normalisation: .none,
        dataSetKey: "plain", embeddingKey: "plain")

    /// A mask in which 1 means good, or one of the whole observation: ivar contradicts it, and the spectrum is read.
    @Test func aMaskOfNearlyAllIsIgnoredWithANote() throws {
        let clean = try Instrument.lamostLRS.prepare(Self.spectrum(garbage: 0, Self.marks[0].mark))
        let contrary = try Instrument.lamostLRS.prepare(
            Self.spectrum(garbage: 0) { spectrum in
                Self.marks[0].mark(&spectrum)
                spectrum.mask = spectrum.flux.indices.map { !Self.broken.contains($0) }
            })
        #expect(contrary.flux == clean.flux && contrary.mask == clean.mask && contrary.ivar == clean.ivar)
        #expect(contrary.notes.count == 1 && contrary.notes[0].contains("mask ignored"))
        // Seven tenths are no whole: these pixels are bad, and too few are left.
        let message = ValidationTests.message { spectrum in
            spectrum.ivar = spectrum.flux.map { _ in 1 }
            spectrum.mask = spectrum.flux.indices.map { $0 % 10 < 7 }
        }
        #expect(message.contains("flux: is marked bad (mask, or ivar not above 0) at 102"), "\(message)")
    }

    @Test func refusalsSayWhatIsMissing() {
        let masked = ValidationTests.message { spectrum in spectrum.mask = spectrum.flux.map { _ in true } }
        #expect(masked.contains("at 1462 of 1462 pixels") && masked.contains("or the mask if it means"), "\(masked)")
        let both = ValidationTests.message { spectrum in
            spectrum.ivar = spectrum.flux.indices.map { $0 < 1000 ? 0 : 1 }
            for pixel in 1000..<1400 { spectrum.flux[pixel] = .nan }
        }
        #expect(
            both.contains("flux: is NaN at 400 and marked bad (mask, or ivar not above 0) at 662 of 1462"), "\(both)")
    }

    /// Straight lines between the good values, whatever is bad; a random property against a slower way.
    @Test(arguments: 0..<40) func linesAreStraight(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let count = Int.random(in: 1...30, using: &random)
        var coordinates = [random.uniform()]
        while coordinates.count < count {
            coordinates.append(coordinates[coordinates.count - 1] + 0.1 + random.uniform())
        }
        let before = (0..<count + 3).map { _ in random.gaussian() }
        let isBad = (0..<count).map { _ in random.uniform() < 0.5 }
        var after = before
        BadPixels.bridge(&after, from: 2, at: coordinates) { isBad[$0] }
        #expect(after.prefix(2) == before.prefix(2) && after.last == before.last)
        for pixel in 0..<count {
            let left = (0...pixel).last { !isBad[$0] }
            let right = (pixel..<count).first { !isBad[$0] }
            guard let low = left ?? right, let high = right ?? left else { continue }
            let share =
                low == high ? 0 : (coordinates[pixel] - coordinates[low]) / (coordinates[high] - coordinates[low])
            let expected = before[2 + low] * (1 - share) + before[2 + high] * share
            #expect(abs(after[2 + pixel] - expected) < 1e-12)
        }
        if !isBad.contains(false) { #expect(after == before) }
    }

    /// Data sets of other programs hold what was under their masks; those without errors are taken as they are.
    @Test func dataSetsAreBridgedToo() throws {
        let folder = try TemporaryFolder()
        let url = folder.file("marked.h5")
        let writer = try PairedDataSetWriter(
            creating: url, instruments: [.gaiaXP], labels: [], tier: "procedural", provenance: "{}")
        let clean = (0..<343).map { 1 + Float($0) / 100 }
        var (flux, ivar) = (clean, [Float](repeating: 4, count: 343))
        for pixel in [0, 1, 100, 101, 342] { (flux[pixel], ivar[pixel]) = (-99, 0) }
        try writer.append(
            split: .train,
            rows: [
                PairedRow(sourceID: "marked", flux: ["gaia": flux], ivar: ["gaia": ivar]),
                PairedRow(sourceID: "without errors", flux: ["gaia": flux]),
            ])
        try writer.finish()
        let data = try PairedDataSet(opening: url)
        let spectra = try data.spectra(.gaiaXP, split: .train, indices: [1, 0])
        #expect(Array(spectra.flux(ofRow: 0)) == flux && spectra.ivar(ofRow: 0) == nil)
        let bridged = Array(spectra.flux(ofRow: 1))
        #expect(zip(bridged, clean).dropFirst(2).dropLast().allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(bridged[0] == clean[2] && bridged[342] == clean[341])
        #expect(try data.spectra(.gaiaXP, split: .train, range: 0..<2).rows([1, 0]).flux == spectra.flux)
        #expect(spectra.signalToNoise(ofRow: 0) == nil && spectra.signalToNoise(ofRow: 1) != nil)
    }
}

/// A survey's own files.
@Suite(.enabled(if: SharedFiles.has("data/lamost-dr10"), "\(SharedFiles.absent)"))
struct SurveyBadPixelTests {
    /// Two in three real spectra have pixels without weight: their flux must not reach a model.
    @Test func fluxWithoutWeightIsNotSeen() throws {
        let folder = SharedFiles.url("data/lamost-dr10")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".gz") }
        var marked = 0
        for name in names.sorted().evenlySampled(60) {
            let spectrum = try #require(try SpectrumReader.read(folder.appending(path: name)).first)
            let ivar = try #require(spectrum.ivar)
            var missing = spectrum
            for pixel in ivar.indices where !(ivar[pixel] > 0) { missing.flux[pixel] = .nan }
            let (prepared, reference) = (
                try Instrument.lamostLRS.prepare(spectrum), try Instrument.lamostLRS.prepare(missing)
            )
            #expect(prepared.flux == reference.flux && prepared.mask == reference.mask, "\(name)")
            marked += prepared.mask.contains(true) ? 1 : 0
        }
        #expect((20...60).contains(marked), "\(marked) of 60")
    }
}
