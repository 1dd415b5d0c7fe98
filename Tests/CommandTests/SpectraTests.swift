import Datasets
import Foundation
import Simulation
import TestFiles
import Testing
@testable import StarReading

/// `specclip spectra`, `translate` and `emulate`: spectra with errors.
struct SpectraTests {
    private let fixture: Fixture
    private let folder: TemporaryFolder
    private var model: String { folder.path("m.safetensors") }
    private var spectra: String { folder.path("m-spectra.safetensors") }
    private var pairs: String { folder.path("pairs.h5") }

    init() throws {
        fixture = try Fixture.shared.get()
        folder = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: fixture.model, toPath: model)
    }

    private func learn() throws {
        try PairMaker(.procedural, options: PairOptions(limit: 320)).write(to: URL(fileURLWithPath: pairs))
        let learned = try Tool.run([
            "spectra", "fit", pairs, "-m", model, "-o", spectra, "--steps", "60", "--components", "4", "--gaussians",
            "2", "--threads", "1",
        ])
        #expect(learned.code == 0, "\(learned.errors)")
        #expect(!FileManager.default.fileExists(atPath: spectra + ".learning"))
    }

    private func rows(_ path: String) throws -> [[Substring]] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
            .map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    }

    @Test func whatIsLearnedIsFoundBesideTheModel() throws {
        try learn()
        // Another instrument's spectrum: a band, and samples within it.
        let out = folder.path("xp.csv")
        let translated = try Tool.run([
            "translate", fixture.star, "--to", "gaia-xp", "-m", model, "--samples", "3", "--given", "teff=5500", "-o",
            out,
        ])
        #expect(translated.code == 0, "\(translated.errors)")
        let table = try rows(out)
        #expect(
            table[0].joined(separator: ",") == "file,source_id,wavelength,flux,flux_error,sample_1,sample_2,sample_3")
        #expect(table.count == 344)
        let errors = table.dropFirst().compactMap { Double($0[4]) }
        #expect(errors.count == 343 && errors.allSatisfy { $0 > 0 })

        // Of its own spectrum more is known.
        let own = folder.path("own.npz")
        #expect(try Tool.run(["translate", fixture.xp, "--to", "gaia-xp", "-m", model, "-o", own]).code == 0)

        let sun = folder.path("sun.csv")
        let emulated = try Tool.run([
            "emulate", "--to", "gaia-xp", "--teff", "5777", "--logg", "4.44", "--fe-h", "0", "-m", model, "-o", sun,
        ])
        #expect(emulated.code == 0, "\(emulated.errors)")
        #expect(try rows(sun)[1][0] == "teff=5777.0 logg=4.44 fe_h=0.0")
        #expect(try rows(sun)[1][3] != "")

        // Equal seeds give equal files, and the report runs on what was kept apart.
        let report = try Tool.run(["spectra", "report", pairs, "--to", "gaia-xp", "-m", model, "--limit", "20"])
        #expect(report.code == 0, "\(report.errors)")
        for line in ["drawn from nothing", "drawn from labels", "every other tenth", "any training star"] {
            #expect(report.output.contains(line), "\(report.output)")
        }
        // Normal stars beside which others are odd: they stand in the same file.
        let unknown = try Tool.run(["outliers", fixture.xp, "-m", model])
        #expect(unknown.code == 1 && unknown.errors.contains("knows no normal stars"), "\(unknown.errors)")
        // Two stars in one spectrum, learned from pairs of these.
        let learned = try Tool.run([
            "outliers", "learn", pairs, "-m", model, "-o", spectra, "--force", "--steps", "30", "--threads", "1",
        ])
        #expect(learned.code == 0 && learned.output.contains("stars of gaia-xp"), "\(learned.errors)")
        let calibrated = try Tool.run([
            "outliers", "calibrate", pairs, "--split", "train", "--together", "-m", model, "-o", spectra, "--force",
        ])
        #expect(calibrated.code == 0 && calibrated.output.contains("normal stars of gaia-xp"), "\(calibrated.errors)")
        let found = folder.path("odd.csv")
        let judged = try Tool.run(["outliers", pairs, "--instrument", "gaia-xp", "-m", model, "-o", found])
        #expect(judged.code == 0 && judged.errors.contains("is of a fitted tail"), "\(judged.errorLines)")
        let odd = try rows(found)
        #expect(odd[0].prefix(5).map(String.init) == ["file", "source_id", "instrument", "p", "q"])
        let p = odd.dropFirst().compactMap { Double($0[3]) }
        #expect(p.count == odd.count - 1 && p.allSatisfy { $0 > 0 && $0 <= 1 })
        // q is p or more, and in the order of p.
        let both = odd.dropFirst().compactMap { row in Double(row[3]).flatMap { p in Double(row[4]).map { (p, $0) } } }
            .sorted { $0.0 < $1.0 }
        #expect(
            both.allSatisfy { $0.1 >= $0.0 * 0.99 } && zip(both, both.dropFirst()).allSatisfy { $0.1 <= $1.1 * 1.01 })
        let list = try Tool.run([
            "outliers", pairs, "--instrument", "gaia-xp", "-m", model, "--fdr", "0.05", "--format", "csv",
        ])
        #expect(list.code == 0 && list.output.split(separator: "\n").count < odd.count, "\(list.output)")
        // Both instruments beside each other, and a page of the oddest.
        let page = folder.path("odd.html")
        let together = try Tool.run([
            "outliers", pairs, "--together", "-m", model, "-o", folder.path("both.csv"), "--gallery", page,
        ])
        #expect(together.code == 0 && together.errors.contains("seen by others"), "\(together.errorLines)")
        let compared = try rows(folder.path("both.csv"))
        #expect(compared.count > odd.count && compared.dropFirst().contains { $0[7] != "" }, "no p_instruments")
        #expect(compared.dropFirst().allSatisfy { $0[8] == "" }, "no star was visited twice")
        if ReadingTests.hasGnuplot, together.errors.contains("no gallery") == false {
            let html = try String(contentsOfFile: page, encoding: .utf8)
            #expect(
                html.contains("<html lang=") && html.contains("data:image/svg+xml;base64,")
                    && html.hasSuffix("</html>\n"))
            #expect(!html.contains(folder.url.path), "a page tells no folders")
        }
        let unnamed = try Tool.run(["outliers", pairs, "-m", model, "--gallery", folder.path("odd.gif")])
        #expect(unnamed.code == 1 && unnamed.errors.contains(".gif"), "\(unnamed.errors)")
        let alone = try Tool.run(["outliers", pairs, "-m", model, "--group-by", "position"])
        #expect(alone.code == 2 && alone.errors.contains("belongs to --together"), "\(alone.errors)")
        // Of a spectrum that tells no errors, nothing is said but where its features lie.
        let plain = try Tool.run(["outliers", fixture.xp, "-m", model, "-o", folder.path("plain.csv")])
        #expect(plain.code == 0, "\(plain.errorLines)")
        #expect(try rows(folder.path("plain.csv"))[1][6] == "", "no p_spectrum")

        // How wide missing parts are is set beside what else is known; all anew, and normal stars must be shown anew.
        let before = try Data(contentsOf: URL(fileURLWithPath: spectra))
        let calibrating = folder.path("with-calibration.h5")
        try PairMaker(.procedural, options: PairOptions(calibration: 0.5, limit: 320))
            .write(to: URL(fileURLWithPath: calibrating))
        let none = try Tool.run(["spectra", "calibrate", pairs, "-m", model, "-o", spectra, "--force"])
        #expect(none.code == 1 && none.errors.contains("no stars of a calibration split"), "\(none.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: spectra)) == before)
        let parts = try Tool.run([
            "spectra", "calibrate", calibrating, "--missing-parts", "-m", model, "-o", spectra, "--force",
        ])
        #expect(parts.code == 0 && parts.output.contains("stars of gaia-xp"), "\(parts.errors)")
        let same = try Tool.run(["outliers", pairs, "--instrument", "gaia-xp", "-m", model, "-o", found, "--force"])
        let judgedAgain = try rows(found)
        #expect(same.code == 0 && judgedAgain == odd, "\(same.errorLines)")
        #expect(try Tool.run(["spectra", "calibrate", calibrating, "-m", model, "-o", spectra, "--force"]).code == 0)
        let gone = try Tool.run(["outliers", fixture.xp, "-m", model])
        #expect(gone.code == 1 && gone.errors.contains("knows no normal stars"), "\(gone.errors)")
        // One instrument's spectra made anew: the others' stay.
        let again = try Tool.run([
            "spectra", "fit", pairs, "--instrument", "gaia-xp", "-m", model, "-o", spectra, "--force", "--steps", "20",
            "--components", "4", "--gaussians", "2", "--threads", "1",
        ])
        #expect(again.code == 0, "\(again.errors)")
        let kept = try StarReader(contentsOf: URL(fileURLWithPath: model))
        let complete = try kept.instruments.allSatisfy { try kept.generator(of: $0) != nil }
        #expect(complete)

        // An addition of another model is refused.
        try TinyModel.write(to: URL(fileURLWithPath: model), withLabels: false)
        let foreign = try Tool.run(["translate", fixture.star, "--to", "gaia-xp", "-m", model, "-o", out, "--force"])
        #expect(foreign.code == 1 && foreign.errors.contains("another version"), "\(foreign.errors)")
    }

    @Test func badQuestionsAreOneLine() throws {
        let out = folder.path("o.csv")
        let none = try Tool.run(["emulate", "--to", "gaia-xp", "--teff", "5777", "-m", model, "-o", out])
        #expect(none.code == 1 && none.errors.contains("draws no spectra of gaia-xp"), "\(none.errors)")
        let plain = try Tool.run(["translate", fixture.star, "--to", "gaia-xp", "-m", model, "-o", out])
        #expect(plain.code == 0 && plain.errors.contains("tells no errors"), "\(plain.errors)")
        let few = try Tool.run(["spectra", "fit", fixture.pairs, "-m", model, "-o", spectra])
        #expect(few.code == 1 && few.errors.contains("too few to learn from"), "\(few.errors)")
        try learn()
        for (given, problem) in [
            ("mass=1", "no label that tells"), ("teff", "is no label=value"), ("teff=-3", "greater than 0"),
        ] {
            let bad = try Tool.run(["emulate", "--to", "gaia-xp", "--given", given, "-m", model, "-o", out, "--force"])
            #expect(bad.code == 1 && bad.errors.contains(problem), "\(bad.errors)")
        }
        let far = try Tool.run(["emulate", "--to", "gaia-xp", "--teff", "90000", "-m", model, "-o", out, "--force"])
        #expect(far.code == 0 && far.errors.contains("beyond the stars"), "\(far.errors)")
    }
}
