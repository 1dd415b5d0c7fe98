import Datasets
import Foundation
import GoldenNumbers
import Instruments
import SpecCLIP
import Spectra
import Statistics
import Tables
import TestFiles
import Testing
import Torch

/// `specclip prepare`: what a model sees, as a file.
struct PrepareTests {
    private let fixture: Fixture
    private let folder: TemporaryFolder

    init() throws {
        fixture = try Fixture.shared.get()
        folder = try TemporaryFolder()
    }

    private func run(_ arguments: [String]) throws {
        let outcome = try Tool.run(arguments)
        #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    }

    private func expectFailure(_ arguments: [String], words: [String]) throws {
        let before = folder.contents
        let outcome = try Tool.run(["prepare"] + arguments)
        #expect(outcome.code == 1 && outcome.output.isEmpty && outcome.errorLines.count == 1, "\(outcome.errors)")
        for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
        #expect(folder.contents == before, "nothing half-written")
    }

    private func arrays(_ path: String) throws -> NPZ { try NPZ.read(URL(fileURLWithPath: path)) }

    /// The flux of the file, given to the model by hand, must give what `embed` gives.
    @Test(arguments: [Instrument.lamostLRS, .gaiaXP])
    func isWhatEmbedFeedsTheModel(instrument: Instrument) throws {
        let spectrum = instrument == .gaiaXP ? fixture.xp : fixture.star
        let (prepared, embedded) = (folder.path("flux.npz"), folder.path("embedding.npz"))
        try run(["prepare", spectrum, spectrum, "-o", prepared])
        try run(["embed", "-m", fixture.model, spectrum, "-o", embedded])
        let file = try arrays(prepared)
        #expect(file["wavelength"]?.doubles == instrument.grid.wavelengths)
        #expect(file["file"]?.strings == [spectrum, spectrum])
        #expect(file["source_id"]?.strings == ["", ""])
        let flux = try #require(file["flux"])
        #expect(flux.shape == [2, instrument.grid.count])
        guard case .float32(let values) = flux.values else {
            Issue.record("the flux is not float32")
            return
        }
        let model = try ModelFile(contentsOf: URL(fileURLWithPath: fixture.model)).model()
        let embedding = try withoutGradient {
            try model.embed(Tensor(values, shape: flux.shape).narrow(0, start: 1, length: 1), from: instrument)
        }
        let expected = try #require(try arrays(embedded)[instrument.embeddingKey]?.floats)
        #expect(zip(embedding.floats(), expected).allSatisfy { abs($0 - $1) <= 1e-6 * max(1, abs($1)) })
        #expect(embedding.count == expected.count)
    }

    @Test func rowsOfADataSetComeAsTheyAre() throws {
        let output = folder.path("rows.npz")
        try run(["prepare", fixture.pairs, "--split", "train", "--instrument", "gaia-xp", "-o", output])
        let data = try PairedDataSet(opening: URL(fileURLWithPath: fixture.pairs))
        let rows = try data.spectra(.gaiaXP, split: .train, range: 0..<data.count(.train))
        let file = try arrays(output)
        #expect(file["flux"]?.floats == rows.flux)
        #expect(file["source_id"]?.strings == (try data.sourceIDs(.train)))
        #expect(folder.contents == ["rows.npz"])
    }

    @Test func everyFormatHoldsTheSame() throws {
        let (npz, csv, fits) = (folder.path("x.npz"), folder.path("x.csv"), folder.path("x.fits"))
        for output in [npz, csv, fits] { try run(["prepare", fixture.xp, "-o", output]) }
        let flux = try #require(try arrays(npz)["flux"]?.floats)
        let lines = try String(contentsOfFile: csv, encoding: .utf8).split(separator: "\n").dropFirst()
        #expect(lines.map { Float($0.split(separator: ",").last ?? "") } == flux)
        let table = try Data(contentsOf: URL(fileURLWithPath: fits))
        #expect(table.range(of: Data("'flux    '".utf8)) != nil)
        #expect(table.range(of: flux.map(\.bitPattern.bigEndian).withUnsafeBytes { Data($0) }) != nil)
    }

    @Test func optionsChangeTheFlux() throws {
        func flux(_ options: [String]) throws -> [Float] {
            let output = folder.path("\(options.count).npz")
            try run(["prepare", fixture.star, "-f", "-o", output] + options)
            return try #require(try arrays(output)["flux"]?.floats)
        }
        let plain = try flux([])
        #expect(abs(Double(plain.reduce(0, +)) / 1462 - 1) < 0.2)
        #expect(try flux(["--normalised"]).allSatisfy { $0 > 300 }, "undivided")
        #expect(try flux(["--rv", "300"]) != plain)
    }

    @Test func oneFileHoldsOneInstrument() throws {
        let output = folder.path("mixed.npz")
        try expectFailure(
            [fixture.star, fixture.xp, "-o", output], words: [fixture.xp, "gaia-xp", "lamost-lrs", "--instrument"])
        try expectFailure([fixture.pairs, "-o", output], words: ["pairs.h5", "--instrument"])
        try expectFailure([fixture.star, "--instrument", "hubble", "-o", output], words: ["hubble", "gaia-xp"])
        try expectFailure([folder.path("none.fits"), "-o", output], words: ["none.fits", "does not exist"])
    }

    @Test func badSpectraAreLeftOut() throws {
        let (bad, output) = (folder.path("bad.csv"), folder.path("good.npz"))
        try "hello".write(toFile: bad, atomically: true, encoding: .utf8)
        let outcome = try Tool.run(["prepare", bad, fixture.xp, "-o", output])
        #expect(outcome.code == 1 && outcome.errors.contains("1 of 2 spectra failed"))
        #expect(try arrays(output)["file"]?.strings == [fixture.xp])
    }
}

/// `specclip prepare` on a file whose published preparation is known.
@Suite(.enabled(if: Goldens.arePresent, "\(Goldens.absence)"))
struct PrepareGoldenTests {
    @Test func aRealLAMOSTFile() throws {
        let file = Goldens.folder.appending(path: "../data/lamost/spec-55859-F5902_sp01-013_dr8.fits.gz")
        let folder = try TemporaryFolder()
        let output = folder.path("x.npz")
        let outcome = try Tool.run(["prepare", file.path, "--reference-rounding", "-o", output])
        #expect(outcome.code == 0, "\(outcome.errors)")
        let flux = try #require(try NPZ.read(URL(fileURLWithPath: output))["flux"]?.doubles)
        let golden = "prep/gaspp_real.npz"
        let name = "real_spec-55859-F5902_sp01-013_dr8.interp"
        let truth = try #require(try Goldens.arrays(golden)[name]?.doubles)
        // Its wavelengths have 32 bits: see ContinuumGoldenTests on log10 in 32 bits.
        #expect(Goldens.error(golden, "specclip prepare: \(name)", flux, truth) < 5e-3)
        let differences = zip(flux, truth).map { abs($0 - $1) }
        #expect(median(differences) < 1e-6)
    }
}
