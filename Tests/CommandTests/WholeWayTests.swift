import Foundation
import Testing

/// The whole way without any download: stars from formulas, a short training, an evaluation, a star read.
///
/// On two quiet cores the demo takes half a minute. A training so short need not beat regressions; it must beat a
/// constant: the mean label, the mean spectrum, chance. Those margins are wide, so the test does not hang on a seed.
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
            var isBeaten: Bool { better == "lower" ? model < baseline : model > baseline }
        }
        var lines: [Line]
    }

    @Test(.timeLimit(.minutes(10)))
    func demoOnStarsFromFormulas() throws {
        let folder = try TemporaryFolder()
        let demo = ["demo", "--procedural", "-o", folder.path("demo"), "--device", "cpu"]
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
            #expect(line.isBeaten || line.baselineName == "nearest neighbour", "\(line)")
        }
        let coverage = report.lines.compactMap(\.coverage)
        #expect(coverage.count == 6)
        // Errors are calibrated on validation stars: on test stars they must be roughly honest, not only finite.
        #expect(coverage.allSatisfy { (0.4...0.9).contains($0) }, "\(coverage)")
    }

    private func read(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    /// Content and time of a file.
    private func stamp(_ path: String) throws -> [AnyHashable] {
        let date = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
        return [try read(path), date ?? .distantPast]
    }
}
