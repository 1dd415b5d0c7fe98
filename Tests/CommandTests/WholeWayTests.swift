import Foundation
import LearnedResults
import Support
import TestFiles
import Testing

/// The whole way without any download: stars from formulas, a short training, an evaluation, a star read.
///
/// On two quiet cores the demo takes half a minute. A training so short need not beat regressions; it must beat a
/// constant: the mean label, the mean spectrum, chance.
struct WholeWayTests {
    private struct Report: Decodable {
        struct Line: Decodable {
            var name: String
            var tier: String
            var stars: Int
            var model: Double
            var baseline: Double
            var baselineName: String
            var better: String
            var coverage: Double?
            /// Below 1 the baseline is beaten.
            var share: Double { better == "lower" ? model / baseline : baseline / model }
        }
        var lines: [Line]
    }

    @Test(.tags(.learned), .timeLimit(.minutes(10)))
    func demoOnStarsFromFormulas() throws {
        let folder = try TemporaryFolder()
        let demo = ["demo", "--procedural", "-o", folder.path("demo"), "--device", "cpu"] + (try seed(folder))
        let first = try Tool.run(demo)
        #expect(first.code == 0, "\(first.errors)")
        try check(try JSONDecoder().decode(Report.self, from: read(folder.path("demo/report.json"))))
        for word in ["Gaia XP → Teff", "mean label", "chance", "teff", " ± "] {
            #expect(first.output.contains(word), "\(word)")
        }
        let table = first.output.split(separator: "\n").filter { !$0.contains("/") }
        #expect(table.allSatisfy { $0.count <= 80 }, "\(table)")
        if ReadingTests.hasGnuplot {
            #expect(try read(folder.path("demo/star.png")).starts(with: [0x89, 0x50, 0x4E, 0x47]))
        }

        // Again: every stage is found, nothing is trained, nothing changes.
        let kept = ["run/model.safetensors", "run/align/model.safetensors", "pairs.h5", "report.json"]
        let before = try kept.map { try stamp(folder.path("demo/" + $0)) }
        let second = try Tool.run(demo)
        #expect(second.code == 0, "\(second.errors)")
        #expect(try kept.map { try stamp(folder.path("demo/" + $0)) } == before)
        #expect(!second.errors.contains("spectra/s"), "\(second.errors)")
    }

    private func check(_ report: Report) throws {
        let parts = report.lines.map { $0.name.prefix { $0 != "," } }
        for source in ["Gaia XP", "LAMOST LRS"] {
            let other = source == "Gaia XP" ? "LAMOST LRS" : "Gaia XP"
            for part in ["Teff", "log g", "[Fe/H]", "\(other) pair", "\(other) spectrum"] {
                #expect(parts.contains("\(source) → \(part)"), "\(source) → \(part)")
            }
        }
        for line in report.lines {
            #expect(line.tier == "procedural" && line.stars > 100)
            #expect(line.model.isFinite && line.baseline.isFinite)
            guard line.baselineName != "nearest neighbour" else { continue }
            expectLearned(line.share, below: 1, "demo, \(line.name), in units of \(line.baselineName)")
        }
        let coverage = report.lines.compactMap(\.coverage)
        #expect(coverage.count == 6)
        // Errors are calibrated on validation stars: on test stars they must be roughly honest, not only finite.
        expectLearned(coverage.min() ?? 0, above: 0.4, "demo: smallest coverage of 68 %")
        expectLearned(coverage.max() ?? 1, below: 0.9, "demo: largest coverage of 68 %")
    }

    /// The preset has a seed; where seeds are moved, a copy of it with another.
    private func seed(_ folder: TemporaryFolder) throws -> [String] {
        guard LearnedResults.offset != 0 else { return [] }
        let preset = #filePath.replacing(
            "Tests/CommandTests/WholeWayTests.swift", with: "Sources/SpecCLIP/Presets/tiny.yaml")
        let text = String(decoding: try read(preset), as: UTF8.self)
        let moved = text.replacing("\nseed: 42\n", with: "\nseed: \(LearnedResults.seed(42))\n")
        try #require(moved != text)
        try Data(moved.utf8).write(to: folder.url.appending(path: "moved.yaml"))
        return ["--configuration", folder.path("moved.yaml")]
    }

    private func read(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    /// Content and time of a file.
    private func stamp(_ path: String) throws -> [AnyHashable] {
        let date = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
        return [try read(path), date ?? .distantPast]
    }
}
