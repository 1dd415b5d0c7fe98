import Foundation
import TestFiles
import Testing
@testable import Datasets
@testable import Instruments
@testable import Spectra
@testable import Support
@testable import Tables

@Suite("HDF5 files that are not as they should be")
struct HDF5RobustnessTests {
    let folder = try? TemporaryFolder()

    private func make(_ name: String, _ body: (HDF5File) throws -> Void) throws -> URL {
        let url = try #require(folder).file(name)
        try body(HDF5File(creating: url))
        return url
    }

    private func problem(_ url: URL) -> String {
        do {
            _ = try PairedDataSet(opening: url)
            return "opened"
        } catch {
            return "\(error)"
        }
    }

    @Test("Files as the published code has them open: no validation, labels or attributes; integer or no ids")
    func referenceLayout() throws {
        let url = try make("pairs.h5") { file in
            for split in ["train", "test"] {
                try file.createGroup(split)
                try file.createDataSet(split + "/gaia_spectra", row: [343, 1], element: .float32)
                    .append((0..<2 * 343).map { Float($0) })
                try file.createDataSet(split + "/lamost_spectra", row: [1462], element: .float64)
                    .append((0..<2 * 1462).map { Double($0) })
            }
            try file.createDataSet("test/source_ids", row: [], element: .int64)
                .append([5_853_418_002_145_112_704, 2] as [Int64])
        }
        let data = try PairedDataSet(opening: url)
        #expect(data.splits.map { data.count($0) } == [2, 0, 2])
        #expect(data.tier == "unknown" && data.labelNames.isEmpty)
        #expect(Set(data.instruments) == [.gaiaXP, .lamostLRS])
        #expect(try data.sourceIDs(.test) == ["5853418002145112704", "2"])
        #expect(try data.sourceIDs(.train) == ["train-0", "train-1"])
        #expect(try data.spectra(.lamostLRS, split: .test, indices: [1]).flux[1] == 1463)
        #expect(try data.ivar(.gaiaXP, split: .test, range: 0..<2) == nil)
        #expect(throws: Diagnostic.self) { try data.spectra(.gaiaXP, split: .test, range: 1..<3).flux }
        #expect(throws: Diagnostic.self) { try data.spectra(.gaiaXP, split: .test, indices: [-1]).flux }
        #expect(throws: Diagnostic.self) { try data.spectra(.gaiaXP, split: .validation, range: 0..<1).flux }
        #expect(throws: Diagnostic.self) { try data.labels("teff", split: .test) }
    }

    @Test(
        "The form for pre-training names no instrument: the length tells", arguments: [Instrument.lamostLRS, .gaiaXP])
    func pretraining(instrument: Instrument) throws {
        let url = try make("lrs.h5") { file in
            try file.createGroup("train")
            try file.createDataSet("train/spectra", row: [instrument.grid.count, 1], element: .float32)
                .append([Float](repeating: 1, count: 3 * instrument.grid.count))
        }
        let data = try PairedDataSet(opening: url)
        #expect(data.instruments == [instrument] && data.count(.train) == 3)
        #expect(try data.spectra(instrument, split: .train, range: 0..<3).flux.count == 3 * instrument.grid.count)
    }

    @Test("Wrong shapes and missing groups are named with what was expected")
    func shapes() throws {
        let short = try make("short.h5") { file in
            try file.createGroup("train")
            try file.createDataSet("train/gaia_spectra", row: [300, 1], element: .float32).append(
                .init(repeating: Float(1), count: 300))
        }
        #expect(problem(short).contains("train/gaia_spectra: shape [1, 300, 1], expected [1, 343, 1]"))
        let unequal = try make("unequal.h5") { file in
            try file.createGroup("test")
            try file.createDataSet("test/gaia_spectra", row: [343, 1], element: .float32).append(
                .init(repeating: Float(1), count: 686))
            try file.createDataSet("test/source_ids", row: [], element: .int64).append([1] as [Int64])
        }
        #expect(problem(unequal).contains("test/source_ids: shape [1], expected [2]"))
        let unknown = try make("unknown.h5") { file in
            try file.createGroup("train")
            try file.createDataSet("train/spectra", row: [99, 1], element: .float32).append(
                .init(repeating: Float(1), count: 99))
        }
        #expect(problem(unknown).contains("train/spectra: instrument unknown, shape [1, 99, 1]"))
        let empty = try make("empty.h5") { try $0.createGroup("data") }
        #expect(problem(empty).contains("no spectra in train, validation or test; expected train/<instrument>_spectra"))
        #expect(problem(empty).contains("the file has data"))
        let text = try #require(folder).file("text.h5")
        try Data("not HDF5".utf8).write(to: text)
        #expect(problem(text).contains("not an HDF5 file"))
        #expect(problem(try #require(folder).file("none.h5")).contains("no such file"))
    }

    /// Reads everything a file offers; errors are fine, crashes and runaway memory are not.
    private func exhaust(_ url: URL) {
        guard let data = try? PairedDataSet(opening: url) else { return }
        for split in Split.allCases {
            for instrument in data.instruments {
                _ = try? data.spectra(instrument, split: split, range: 0..<data.count(split))
                _ = try? data.ivar(instrument, split: split, range: 0..<data.count(split))
            }
            _ = try? data.sourceIDs(split)
            for name in data.labelNames { _ = try? data.labels(name, split: split) }
        }
    }

    @Test("Truncated and mutated files end in errors")
    func fuzz() throws {
        let folder = try #require(folder)
        let url = folder.file("pairs.h5")
        try PairedDataSetTests.write(
            url, counts: [.train: 40, .test: 3], instruments: [.gaiaXP, PairedDataSetTests.third])
        let original = try Data(contentsOf: url)
        var generator = SeededGenerator(seed: 11)
        let target = folder.file("mutant.h5")
        for _ in 0..<60 {
            try original.prefix(Int.random(in: 0..<original.count, using: &generator)).write(to: target)
            exhaust(target)
        }
        for _ in 0..<400 {
            var mutant = original
            for _ in 0..<Int.random(in: 1...20, using: &generator) {
                // Most of the metadata sits in the first kilobytes.
                let limit = generator.uniform() < 0.7 ? 8192 : mutant.count
                mutant[Int.random(in: 0..<min(limit, mutant.count), using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            try mutant.write(to: target)
            exhaust(target)
        }
    }

    /// The library keeps what it had read of a damaged file, and would complain of that at the end of the process.
    @Test("A process that met a damaged file ends without a word")
    func ending() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            // As in any program with threads, not the one that reads is the one that ends the process.
            try await withCheckedThrowingContinuation { finished in
                Thread.detachNewThread { finished.resume(with: Result { try Self.meetDamage() }) }
            }
            // With all exit handlers, which the end of an exit test skips.
            exit(EXIT_SUCCESS)
        }
        let said = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(!said.contains("HDF5"), "\(said)")
    }

    private static func meetDamage() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "damaged-\(UUID()).h5")
        defer { try? FileManager.default.removeItem(at: url) }
        try PairedDataSetTests.write(url, counts: [.train: 2], instruments: [.gaiaXP])
        var bytes = try Data(contentsOf: url)
        // In the header of the root group, behind the 48 bytes that describe the file: its checksum is wrong then.
        bytes[56] ^= 0x55
        try bytes.write(to: url)
        #expect(throws: Diagnostic.self) { try PairedDataSet(opening: url) }
    }
}
