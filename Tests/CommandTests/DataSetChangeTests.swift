import Datasets
import Foundation
import Instruments
import Spectra
import TestFiles
import Testing

/// A data set is known by what it holds: whether a stage is done, and whether features on disk still serve, does not depend
/// on its name, its place, or how many rows it has.
struct DataSetChangeTests {
    private let fixture: TrainingFixture
    private var folder: TemporaryFolder { fixture.folder }

    init() throws {
        fixture = try TrainingFixture(count: 2)
        try fixture.write(TrainingFixture.yaml(steps: 4, batch: 8))
        try write("pairs.h5", instruments: Instrument.builtIn)
    }

    /// 80 stars, of the same counts, tier and provenance whatever their flux.
    /// - Parameters:
    ///   - instruments: as the file defines them.
    ///   - depth: of the waves in their spectra.
    private func write(_ name: String, instruments: [Instrument], depth: Float = 0.1) throws {
        let writer = try PairedDataSetWriter(
            creating: folder.url.appending(path: name), instruments: instruments, labels: ["teff", "logg", "fe_h"],
            tier: "test", force: true)
        for (split, count) in [(Split.train, 60), (.validation, 20), (.test, 20)] {
            let rows = (0..<count).map { row in
                let flux = instruments.map { instrument in
                    (instrument.dataSetKey, (0..<instrument.grid.count).map { 1 + depth * sin(Float($0 * (row + 1))) })
                }
                let labels = [
                    "teff": 5000 + 10 * Double(row), "logg": 4 + 0.01 * Double(row), "fe_h": -0.02 * Double(row),
                ]
                return PairedRow(
                    sourceID: "\(split) \(row)", flux: Dictionary(uniqueKeysWithValues: flux), labels: labels)
            }
            try writer.append(split: split, rows: rows)
        }
        try writer.finish()
    }

    private func arguments(_ stage: String, data: String = "pairs.h5") -> [String] {
        fixture.arguments(stage, run: "run").map { $0 == fixture.data ? folder.path(data) : $0 }
    }

    private func succeed(_ arguments: [String]) throws -> String {
        let outcome = try Tool.run(arguments)
        #expect(outcome.code == 0, "\(outcome.errors)")
        return outcome.errors
    }

    /// The last line, of an error that is one line and names all of `words`.
    private func fail(_ arguments: [String], words: [String]) throws {
        let outcome = try Tool.run(arguments)
        #expect(outcome.code == 1, "\(arguments[0]): \(outcome.errors)")
        let line = try #require(outcome.errorLines.last)
        #expect(outcome.errorLines.filter { $0.hasPrefix("specclip: ") }.count == 1)
        for word in words { #expect(line.contains(word), "\(arguments[0]): \(line)") }
    }

    @Test(.timeLimit(.minutes(4))) func rewrittenDataSetsAreOthers() throws {
        for stage in ["pretrain", "align", "labels fit"] { _ = try succeed(arguments(stage)) }
        // A copy, wherever it lies, is the same.
        try FileManager.default.copyItem(atPath: folder.path("pairs.h5"), toPath: folder.path("copy.h5"))
        for stage in ["pretrain", "align"] {
            #expect(try succeed(arguments(stage, data: "copy.h5")).contains("finished before"), "\(stage)")
        }
        // As many rows, made in the same way, with other flux.
        let model = fixture.file("run", "align/model.safetensors")
        let features = fixture.file("run", "align/features-gaia-xp-training.f32")
        let before = try Data(contentsOf: features)
        try write("pairs.h5", instruments: Instrument.builtIn, depth: 0.2)
        for (stage, part) in [
            ("pretrain", "run/gaia-xp"), ("align", "run/align"), ("labels fit", "run/labels-gaia-xp"),
        ] {
            try fail(arguments(stage), words: [part, "was data test, content", "now data test, content", "--restart"])
        }
        // The encoder is the old one: its features of other spectra are others.
        for name in ["last", "best", "model"] {
            try FileManager.default.removeItem(at: fixture.file("run", "align/\(name).safetensors"))
        }
        _ = try succeed(arguments("align"))
        #expect(FileManager.default.fileExists(atPath: model.path))
        let after = try Data(contentsOf: features)
        #expect(after.count == before.count && after != before)
    }

    /// Pixels of another grid, or flux divided by something else, are not what a model of the instrument reads.
    @Test(.timeLimit(.minutes(4))) func spectraOfAnotherKindAreRefused() throws {
        for stage in ["pretrain", "align"] { _ = try succeed(arguments(stage)) }
        var (wider, shifted, scaled) = (Instrument.gaiaXP, Instrument.gaiaXP, Instrument.gaiaXP)
        wider.grid = .linear(start: 3360, step: 20, count: 400)
        shifted.grid = .linear(start: 3370, step: 20, count: 343)
        scaled.normalisation = .pixel(wavelength: 6000)
        for (name, other, words) in [
            ("wider.h5", wider, ["another grid", "400 pixels", "343 pixels"]),
            ("shifted.h5", shifted, ["another grid", "3370.0", "3360.0"]),
            ("scaled.h5", scaled, ["flux at 6000 Å", "flux at 5500 Å"]),
        ] {
            try write(name, instruments: [.lamostLRS, other])
            let words = [name, "gaia_spectra", "gaia-xp"] + words
            for stage in ["pretrain", "align", "labels fit"] { try fail(arguments(stage, data: name), words: words) }
            let model = try Fixture.shared.get().model
            try fail(["predict", "-m", model, folder.path(name)], words: words)
            try fail(["iob", "widths", "-m", model, folder.path(name)], words: words)
            try fail(
                [
                    "model", "atlas", folder.path(name), "--instrument", "gaia-xp", "-m", model, "-o",
                    folder.path("a.safetensors"),
                ],
                words: words)
        }
    }
}
