import Foundation
import TestFiles
import Testing
@testable import Datasets
@testable import Instruments
@testable import Spectra
@testable import Support
@testable import Tables

@Suite("Paired data sets")
struct PairedDataSetTests {
    let folder = try? TemporaryFolder()

    /// A third instrument, which no code of the library knows.
    static let third = Instrument(
        name: "toy", title: "Toy", grid: .linear(start: 5000, step: 1.5, count: 7), normalisation: .none,
        dataSetKey: "toy", embeddingKey: "toy")

    static func row(_ index: Int, _ instruments: [Instrument]) -> PairedRow {
        var row = PairedRow(sourceID: "star ☆ \(index)", flux: [:])
        for instrument in instruments {
            row.flux[instrument.dataSetKey] = (0..<instrument.grid.count).map { Float(index) + Float($0) / 4096 }
            if index.isMultiple(of: 2) {
                row.ivar[instrument.dataSetKey] = [Float](repeating: Float(index) + 1, count: instrument.grid.count)
            }
        }
        row.labels["teff"] = 4000 + Double(index)
        if index.isMultiple(of: 3) { row.labels["fe_h"] = -Double(index) / 10 }
        return row
    }

    static func write(
        _ url: URL, counts: [Split: Int], instruments: [Instrument] = [.lamostLRS, .gaiaXP], force: Bool = false
    ) throws {
        let writer = try PairedDataSetWriter(
            creating: url, instruments: instruments, labels: ["teff", "fe_h"], tier: "procedural",
            provenance: #"{"seed":1}"#, force: force)
        for (split, count) in counts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            for start in stride(from: 0, to: count, by: 100) {
                let rows = (start..<min(start + 100, count)).map { row($0, instruments) }
                try writer.append(split: split, rows: rows)
            }
        }
        try writer.finish()
    }

    @Test("What is written is read back, by range and in any order")
    func roundTrip() throws {
        let url = try #require(folder).file("pairs.h5")
        let instruments = [Instrument.lamostLRS, .gaiaXP, Self.third]
        try Self.write(url, counts: [.train: 700, .validation: 3], instruments: instruments)
        let data = try PairedDataSet(opening: url)
        #expect(data.tier == "procedural")
        #expect(data.provenance == #"{"seed":1}"#)
        #expect(Set(data.instruments) == Set(instruments))
        #expect(data.labelNames == ["fe_h", "teff"])
        #expect(data.splits.map { data.count($0) } == [700, 3, 0])
        #expect(try data.sourceIDs(.train).last == "star ☆ 699")
        #expect(try data.labels("fe_h", split: .train)[3] == -0.3)
        #expect(try data.labels("fe_h", split: .train)[4].isNaN)
        #expect(try data.labels("fe_h", split: .test).isEmpty)
        var generator = SeededGenerator(seed: 3)
        let wanted = (0..<500).map { _ in Int.random(in: 0..<700, using: &generator) }
        for instrument in instruments {
            let length = instrument.grid.count
            let rows = try data.spectra(instrument, split: .train, indices: wanted).flux
            #expect(rows.count == wanted.count * length)
            for (place, index) in wanted.enumerated() {
                #expect(
                    Array(rows[place * length..<(place + 1) * length])
                        == Self.row(index, instruments).flux[instrument.dataSetKey])
            }
            let range = try data.spectra(instrument, split: .train, range: 255..<258).flux
            #expect(range == (255..<258).flatMap { Self.row($0, instruments).flux[instrument.dataSetKey] ?? [] })
            let ivar = try #require(try data.ivar(instrument, split: .train, indices: [5, 4]))
            #expect(ivar[0] == 0 && ivar[length] == 5)
        }
    }

    /// A model of the instrument reads nothing else in its place.
    @Test("Another grid or normalisation than the model's is refused")
    func otherInstruments() throws {
        let folder = try #require(folder)
        var (wider, shifted, scaled) = (Instrument.gaiaXP, Instrument.gaiaXP, Instrument.gaiaXP)
        wider.grid = .linear(start: 3360, step: 20, count: 400)
        shifted.grid = .linear(start: 3370, step: 20, count: 343)
        scaled.normalisation = .pixel(wavelength: 6000)
        var recipe = Instrument.lamostLRS
        recipe.normalisation = .continuum(ContinuumRecipe(medianWidth: 9))
        let cases = [
            (wider, ["gaia_spectra", "400 pixels", "343 pixels", "another grid", "gaia-xp"]),
            (shifted, ["gaia_spectra", "3370.0", "3360.0", "another grid"]),
            (scaled, ["gaia_spectra", "flux at 6000 Å", "flux at 5500 Å"]),
            (recipe, ["lamost_spectra", "continuum", "another recipe"]),
        ]
        for (number, (instrument, words)) in cases.enumerated() {
            let url = folder.file("other-\(number).h5")
            try Self.write(url, counts: [.train: 2], instruments: [instrument])
            let data = try PairedDataSet(opening: url)
            try data.check(against: instrument)
            let known = try #require(Instrument.builtIn.first { $0.name == instrument.name })
            let line = #expect(throws: Diagnostic.self) { try data.check(against: known) }.map { "\($0)" } ?? ""
            for word in [url.path] + words { #expect(line.contains(word), "\(line)") }
        }
        // Titles and file units are no reason.
        var renamed = Instrument.gaiaXP
        (renamed.title, renamed.fileUnit) = ("XP", .nanometre)
        let url = folder.file("renamed.h5")
        try Self.write(url, counts: [.train: 2], instruments: [renamed])
        try PairedDataSet(opening: url).check(against: .gaiaXP)
        try PairedDataSet(opening: url).check(against: .lamostLRS)
    }

    /// What holds of one split holds of all: they are checked once.
    @Test("Splits of different instruments under one name are refused")
    func splitsDiffer() throws {
        let url = try #require(folder).file("splits.h5")
        try {
            let file = try HDF5File(creating: url)
            for (split, count) in [(Split.train, 343), (.test, 400)] {
                var instrument = Instrument.gaiaXP
                instrument.grid = .linear(start: 3360, step: 20, count: count)
                let path = PairedLayout.spectra(split, "gaia")
                try file.createGroup(split.rawValue)
                try file.createDataSet(path, row: [count, 1], element: .float32)
                    .append([Float](repeating: 1, count: 2 * count))
                let json = String(decoding: try JSONEncoder().encode(instrument), as: UTF8.self)
                try file.setAttribute(PairedLayout.instrument, json, of: path)
            }
            try file.flush()
        }()
        let line = #expect(throws: Diagnostic.self) { try PairedDataSet(opening: url) }.map { "\($0)" } ?? ""
        for word in [url.path, "gaia_spectra", "343 pixels", "400 pixels", "another split"] {
            #expect(line.contains(word), "\(line)")
        }
    }

    @Test("The same rows give the same bytes")
    func deterministic() throws {
        let folder = try #require(folder)
        try Self.write(folder.file("a.h5"), counts: [.train: 300, .test: 10])
        Thread.sleep(forTimeInterval: 1.1)
        try Self.write(folder.file("b.h5"), counts: [.train: 300, .test: 10])
        #expect(try Data(contentsOf: folder.file("a.h5")) == Data(contentsOf: folder.file("b.h5")))
    }

    @Test("A file takes its name only when finished, and is replaced only when forced")
    func atomic() throws {
        let folder = try #require(folder)
        let url = folder.file("pairs.h5")
        var writer: PairedDataSetWriter? = try PairedDataSetWriter(
            creating: url, instruments: [.gaiaXP], labels: [], tier: "procedural")
        try writer?.append(split: .train, rows: [.init(sourceID: "1", flux: ["gaia": .init(repeating: 1, count: 343)])])
        #expect(!FileManager.default.fileExists(atPath: url.path))
        writer = nil
        #expect(folder.contents.isEmpty)
        // What a killed process left is swept away by the next one.
        try Data("half".utf8).write(to: folder.file(".pairs.h5.999999999.partial"))
        try Self.write(url, counts: [.train: 2])
        #expect(folder.contents == ["pairs.h5"])
        #expect(throws: Diagnostic.self) { try Self.write(url, counts: [.train: 5]) }
        #expect(try PairedDataSet(opening: url).count(.train) == 2)
        try Self.write(url, counts: [.train: 5], force: true)
        #expect(try PairedDataSet(opening: url).count(.train) == 5)
        #expect(throws: Diagnostic.self) {
            try Self.write(URL(fileURLWithPath: "/proc/none/pairs.h5"), counts: [.train: 1])
        }
    }

    @Test("A bad row is refused with its source and field, before anything of its batch is written")
    func badRows() throws {
        let writer = try PairedDataSetWriter(
            creating: try #require(folder).file("pairs.h5"), instruments: [.gaiaXP], labels: ["teff"], tier: "t")
        let good = [Float](repeating: 1, count: 343)
        let bad: [(PairedRow, String)] = [
            (PairedRow(sourceID: "a", flux: ["gaia": [1, 2]]), "a: gaia_spectra: 2 pixels, expected 343"),
            (PairedRow(sourceID: "b", flux: [:]), "b: spectra: none"),
            (PairedRow(sourceID: "b", flux: ["gaya": good]), "gaya_spectra: not declared"),
            (PairedRow(sourceID: "c", flux: ["gaia": good.dropLast() + [.nan]]), "not all finite"),
            (PairedRow(sourceID: "d", flux: ["gaia": good], ivar: ["gaia": [1]]), "gaia_ivar: 1 pixels"),
            (PairedRow(sourceID: "e", flux: ["gaia": good], labels: ["age": 1]), "labels/age"),
            (PairedRow(sourceID: String(repeating: "f", count: 65), flux: ["gaia": good]), "64 bytes"),
        ]
        for (row, expected) in bad {
            let error = #expect(throws: Diagnostic.self) { try writer.append(split: .train, rows: [row]) }
            #expect(error?.description.contains(expected) ?? false, "\(String(describing: error))")
        }
    }

    @Test("A hash of the source decides the split: stable, in the stated shares")
    func splits() {
        let assignment = SplitAssignment(seed: 7)
        let splits = (0..<20_000).map { assignment.split(of: "\(5_853_418_002_145_112_704 + $0)") }
        #expect(abs(Double(splits.count { $0 == .test }) / 20_000 - 0.15) < 0.01)
        #expect(abs(Double(splits.count { $0 == .validation }) / 20_000 - 0.15) < 0.01)
        // Calibrators come out of those to train on, and out of nobody else.
        let more = SplitAssignment(validation: 0.075, calibration: 0.075, seed: 7)
        for (star, split) in splits.enumerated() {
            let now = more.split(of: "\(5_853_418_002_145_112_704 + star)")
            #expect(now == split || split == .validation && now == .calibration)
        }
        // Fixed for ever: files made by different versions must hold out the same stars.
        #expect((0..<6).map { assignment.split(of: "star \($0)") } == splitsOfSeed7)
    }

    private let splitsOfSeed7: [Split] = [.train, .test, .train, .test, .train, .train]
}
