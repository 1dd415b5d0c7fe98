import Datasets
import Foundation
import Instruments
import Spectra
import Tables
import TestFiles
import Testing
import Torch

/// What people feed a program: each is answered in one line that names file, field and remedy, and nothing is left behind.
struct BadInputTests {
    private let fixture: Fixture
    private let folder: TemporaryFolder

    init() throws {
        fixture = try Fixture.shared.get()
        folder = try TemporaryFolder()
    }

    /// A way to spoil a spectrum file, and words that the answer must hold.
    struct Spoilt: CustomTestStringConvertible, Sendable {
        var name: String
        var words: [String]
        var make: @Sendable (String) throws -> Void
        var testDescription: String { name }
    }

    static let spoilt: [Spoilt] = [
        Spoilt(name: "missing.fits", words: ["does not exist", "check"]) { _ in },
        Spoilt(name: "empty.fits", words: ["empty"]) { try Data().write(to: URL(fileURLWithPath: $0)) },
        Spoilt(name: "noise.fits", words: ["noise.fits"]) { path in
            try Data((0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 97 &+ $0 / 7) }).write(
                to: URL(fileURLWithPath: path))
        },
        Spoilt(name: "truncated.fits", words: ["download it again"]) { path in
            try fits(path)
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: path))
        },
        Spoilt(name: "columns.fits", words: ["columns.fits"]) { path in
            try TableFile.write(Table([Column("apples", .numbers([1, 2, 3]))]), to: URL(fileURLWithPath: path))
        },
        Spoilt(name: "image.fits", words: ["image.fits"]) { path in
            let cards = [
                "SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0",
                "END",
            ]
            let header = cards.map { $0.padding(toLength: 80, withPad: " ", startingAt: 0) }.joined()
            try Data(header.padding(toLength: 2880, withPad: " ", startingAt: 0).utf8).write(
                to: URL(fileURLWithPath: path))
        },
        Spoilt(name: "page.fits", words: ["web page"]) { path in
            try "<!DOCTYPE html><html></html>".write(toFile: path, atomically: true, encoding: .utf8)
        },
        Spoilt(name: "nan.csv", words: ["flux", "NaN"]) { path in try csv(path) { wavelength, _ in (wavelength, .nan) }
        },
        Spoilt(name: "flat.csv", words: ["flux", "zero variance"]) { path in
            try csv(path) { wavelength, _ in (wavelength, 1) }
        },
        Spoilt(name: "pixels.csv", words: ["wavelength", "\"pixel\"", "--wavelength-unit"]) { path in
            try "wavelength [pixel],flux\n4000,1\n5000,2\n".write(toFile: path, atomically: true, encoding: .utf8)
        },
        Spoilt(name: "magnitudes.csv", words: ["flux", "\"mag\"", "--flux-unit"]) { path in
            try "wavelength,flux [mag]\n4000,1\n5000,2\n".write(toFile: path, atomically: true, encoding: .utf8)
        },
        Spoilt(name: "red.csv", words: ["wavelength", "400.6 Å at the blue end"]) { path in
            try csv(path) { ($0 + 500, $1) }
        },
        Spoilt(name: "twice.csv", words: ["wavelength", "does not increase"]) { path in
            let star = Fixture.lrs()
            try Fixture.csv((star.wavelength + star.wavelength, star.flux + star.flux)).write(
                toFile: path, atomically: true, encoding: .utf8)
        },
    ]

    private static func csv(_ path: String, _ change: (Double, Double) -> (Double, Double)) throws {
        let star = Fixture.lrs()
        let pixels = zip(star.wavelength, star.flux).map(change)
        try Fixture.csv((pixels.map(\.0), pixels.map(\.1))).write(toFile: path, atomically: true, encoding: .utf8)
    }

    private static func fits(_ path: String) throws {
        let star = Fixture.lrs()
        try TableFile.write(
            Table([
                Column("loglam", .numbers(star.wavelength.map { log10($0) })),
                Column("flux", .numbers(star.flux)),
                Column("ivar", .numbers(star.flux.map { _ in 0.01 })),
            ]), to: URL(fileURLWithPath: path))
    }

    @Test(arguments: spoilt)
    func spoiltSpectrum(_ spoilt: Spoilt) throws {
        let path = folder.path(spoilt.name)
        try spoilt.make(path)
        let before = folder.contents
        let outcome = try Tool.run([
            "embed", "-m", fixture.model, path, "--instrument", "lamost-lrs", "-o", folder.path("out.npz"),
        ])
        #expect(outcome.code == 1)
        #expect(outcome.output.isEmpty)
        let line = try #require(outcome.errorLines.first)
        #expect(line.hasPrefix("specclip: " + path), "\(line)")
        for word in spoilt.words { #expect(line.contains(word), "\(line)") }
        #expect(folder.contents == before, "nothing half-written")
    }

    @Test func aBadFileDoesNotStopTheOthers() throws {
        let bad = folder.path("bad.csv")
        try "hello".write(toFile: bad, atomically: true, encoding: .utf8)
        let outcome = try Tool.run(["predict", "-m", fixture.model, bad, fixture.star, "--format", "csv"])
        #expect(outcome.code == 1)
        #expect(outcome.output.split(separator: "\n").count == 2)
        #expect(outcome.errorLines.count == 2)
        #expect(outcome.errors.contains("1 of 2 spectra failed"))
    }

    @Test func outputIsRefusedBeforeTheWork() throws {
        // The model does not even exist: the output is judged first.
        let output = folder.path("out.npz")
        try "precious".write(toFile: output, atomically: true, encoding: .utf8)
        try expectFailure(
            ["embed", "-m", "no-model", fixture.star, "-o", output], words: [output, "exists", "--force"])
        #expect(try String(contentsOfFile: output, encoding: .utf8) == "precious")
        try expectFailure(
            ["embed", "-m", "m", "x", "-o", folder.path("none/out.npz")], words: ["folder does not exist", "mkdir"])
        try expectFailure(
            ["embed", "-m", "m", "x", "-o", folder.path("out.xyz")],
            words: ["extension", ".npz, .fits, .csv, .parquet or .hats"])
        try expectFailure(["embed", "-m", "m", "x", "-o", "/proc/out.npz"], words: ["cannot be written"])
        try expectFailure(
            ["card", "-m", "m", "x", "-o", folder.path("out.gif")], words: ["extension", ".png, .pdf or .svg"])
        try expectFailure(
            ["data", "pairs", "procedural", "-o", output.replacing(".npz", with: ".txt")], words: [".h5"])
    }

    @Test(.enabled(if: getuid() != 0, "root may write anywhere"))
    func readOnlyFolder() throws {
        try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder.url.path)
        defer { try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.url.path) }
        try expectFailure(
            ["embed", "-m", "m", "x", "-o", folder.path("out.npz")], words: ["cannot be written", "choose a folder"])
    }

    @Test func forceReplaces() throws {
        let output = folder.path("out.csv")
        try "old".write(toFile: output, atomically: true, encoding: .utf8)
        let outcome = try Tool.run(["embed", "-m", fixture.model, fixture.star, "-o", output, "--force"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try String(contentsOfFile: output, encoding: .utf8).hasPrefix("file,source_id,instrument,embedding_0,"))
        #expect(folder.contents == ["out.csv"])
    }

    @Test func spoiltModels() throws {
        let model = folder.path("model.safetensors")
        try expectFailure(["predict", "-m", model, fixture.star], words: [model, "no such model"])
        let whole = try Data(contentsOf: URL(fileURLWithPath: fixture.model))
        for (length, word) in [(0, model), (6, model), (1000, model), (whole.count - 1000, model)] {
            try whole.prefix(length).write(to: URL(fileURLWithPath: model))
            try expectFailure(["predict", "-m", model, fixture.star], words: [word])
        }
        try SafetensorsFile.write([("x", Tensor.zeros([3]))], metadata: [:], to: URL(fileURLWithPath: model))
        try expectFailure(["predict", "-m", model, fixture.star], words: [model, "specclip"])
        try TinyModel.write(to: URL(fileURLWithPath: model), withLabels: false)
        try expectFailure(["predict", "-m", model, fixture.star], words: [model, "no label heads", "labels fit"])
    }

    @Test func modelOfAnotherArchitecture() throws {
        // The header says one thing, the tensors another.
        let file = try SafetensorsFile(contentsOf: URL(fileURLWithPath: fixture.model))
        let metadata = file.metadata.mapValues { $0.replacing("\"width\":96", with: "\"width\":48") }
        #expect(metadata != file.metadata)
        let model = folder.path("other.safetensors")
        try SafetensorsFile.write(
            try file.names.map { ($0, try file.tensor($0)) }, metadata: metadata, to: URL(fileURLWithPath: model))
        try expectFailure(["predict", "-m", model, fixture.star], words: [model, "48", "96"])
    }

    @Test func spoiltDataSets() throws {
        let output = folder.path("out.csv")
        let cut = folder.path("cut.h5")
        let whole = try Data(contentsOf: URL(fileURLWithPath: fixture.pairs))
        try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: cut))
        try expectFailure(["embed", "-m", fixture.model, cut, "-o", output], words: [cut])
        // An instrument of a known name on another grid.
        var other = Instrument.lamostLRS
        other.grid = .linear(start: 4000, step: 10, count: 100)
        let grid = folder.path("grid.h5")
        let writer = try PairedDataSetWriter(
            creating: URL(fileURLWithPath: grid), instruments: [other], labels: [], tier: "test")
        try writer.append(
            split: .test, rows: [PairedRow(sourceID: "a", flux: ["lamost": [Float](repeating: 1, count: 100)])])
        try writer.finish()
        try expectFailure(
            ["embed", "-m", fixture.model, grid, "-o", output], words: [grid, "lamost_spectra", "100 pixels", "1462"])
        try expectFailure(
            ["search", "-m", fixture.model, fixture.star, "--in", grid], words: [grid, "100 pixels", "1462"])
        try expectFailure(
            ["predict", "-m", fixture.model, fixture.pairs, fixture.star], words: [fixture.pairs, "give it alone"])
        #expect(!FileManager.default.fileExists(atPath: output))
    }

    @Test(.enabled(if: !FileManager.default.fileExists(atPath: "/dev/nvidiactl"), "this machine has a GPU"))
    func cudaWithoutCUDA() throws {
        try expectFailure(
            ["predict", "-m", fixture.model, fixture.star, "--device", "cuda"],
            words: ["--device cuda", "--device cpu"])
    }

    @Test func unknownConfigurationKey() throws {
        let configuration = folder.path("run.yaml")
        try "name: x\nembeding: 5\n".write(toFile: configuration, atomically: true, encoding: .utf8)
        try expectFailure(
            ["pretrain", configuration, "--run", folder.path("run")],
            words: [configuration, "embeding", "did you mean 'embedding'"])
        try expectFailure(
            ["align", "nonsense", "--run", folder.path("run")],
            words: ["nonsense", "presets tiny, small, small-miles, paper"])
        #expect(folder.contents == ["run.yaml"])
    }

    @Test func unknownInstruments() throws {
        try expectFailure(
            ["predict", "-m", fixture.model, fixture.star, "--instrument", "hubble"],
            words: ["hubble", "gaia-xp, lamost-lrs"])
        try expectFailure(
            ["translate", "-m", fixture.model, fixture.star, "--to", "hubble", "-o", folder.path("x.csv")],
            words: ["hubble", "gaia-xp, lamost-lrs"])
        #expect(folder.contents.isEmpty)
    }

    private func expectFailure(_ arguments: [String], words: [String]) throws {
        let outcome = try Tool.run(arguments)
        #expect(outcome.code == 1, "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
        let line = try #require(outcome.errorLines.first)
        #expect(line.hasPrefix("specclip: "))
        for word in words { #expect(line.contains(word), "\(line)") }
        #expect(outcome.errorLines.count <= 2)
    }
}
