import Datasets
import Foundation
import Instruments
import LearnedResults
import Statistics
import TestFiles
import Testing
@testable import StarReading

/// `specclip adapt`: somebody's own labels become part of a model.
struct AdaptTests {
    private let fixture: Fixture
    private let folder: TemporaryFolder
    private var table: String { folder.path("mine.csv") }
    private var output: String { folder.path("mine.safetensors") }

    init() throws {
        fixture = try Fixture.shared.get()
        folder = try TemporaryFolder()
    }

    /// A table of the stars of the fixture's data set: their Teff, and another label.
    private func write(_ count: Int = 60, _ columns: (Int, Double) -> String = { "\($1),\($0 % 7)" }) throws {
        let data = try PairedDataSet(opening: URL(fileURLWithPath: fixture.pairs))
        var lines = ["source_id,teff,my label,plate"]
        for split in data.splits {
            for (row, (id, teff)) in zip(try data.sourceIDs(split), try data.labels("teff", split: split)).enumerated()
            {
                lines.append("\(id),\(columns(row, teff)),\(row % 9)")
            }
        }
        try lines.prefix(count + 1).joined(separator: "\n").appending("\n")
            .write(toFile: table, atomically: true, encoding: .utf8)
    }

    private func adapt(_ more: [String] = [], model: String? = nil) throws -> Tool.Outcome {
        try Tool.run(
            [
                "adapt", table, "--spectra", fixture.pairs, "--instrument", "gaia-xp", "-m", model ?? fixture.model,
                "-o",
                output, "--labels", "teff,my label", "--threads", "1",
            ] + more)
    }

    @Test func newLabelsComeBesideTheOldOnes() throws {
        try write()
        let adapted = try adapt([
            "--methods", "labels,features", "--group", "plate", "--scale", "Me", "--report", folder.path("r.csv"),
        ])
        #expect(adapted.code == 0, "\(adapted.errors)")
        #expect(adapted.output.contains("teff_me [K]") && adapted.output.contains("60 spectra in 9 groups"))
        #expect(
            try String(contentsOfFile: folder.path("r.csv"), encoding: .utf8).hasPrefix("label,unit,instrument,stars"))
        let read = try Tool.run(["predict", "-m", output, fixture.xp, "--format", "csv"])
        let header = read.output.split(separator: "\n").first.map(String.init) ?? ""
        for column in ["teff", "teff_me", "e_teff_me", "my_label", "my_label_16", "flag_own"] {
            #expect(header.split(separator: ",").contains(Substring(column)), "\(column) in \(header)")
        }
        let info = try Tool.run(["model", "info", output])
        #expect(info.output.contains("own: 60 spectra in 9 groups, ") && info.output.contains("on the scale of Me"))
        // The same name replaces, another adds.
        let second = folder.path("second.safetensors")
        let more = try Tool.run([
            "adapt", table, "--spectra", fixture.pairs, "--instrument", "gaia-xp", "-m", output, "-o", second,
            "--labels",
            "my label", "--name", "more", "--methods", "features",
        ])
        #expect(more.code == 0, "\(more.errors)")
        let both = try Tool.run(["predict", "-m", second, fixture.xp, "--format", "csv"]).output
        #expect(both.contains("flag_own") && both.contains("flag_more") && both.contains("my_label_more"))
        // What the first says is what it said.
        let (a, b) = (try values(of: "teff_me", in: read.output), try values(of: "teff_me", in: both))
        #expect(a == b && !a.isEmpty)
    }

    private func values(of column: String, in csv: String) throws -> [Substring] {
        let rows = csv.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        let place = try #require(rows.first?.firstIndex(of: Substring(column)))
        return rows.dropFirst().map { $0[place] }
    }

    /// The program of the examples, on real spectra and the model that ships.
    @Test(.enabled(if: SharedFiles.has("data/lamost-dr10"), "\(SharedFiles.absent)"))
    func theExampleTeachesALabel() throws {
        let catalogue = try String(contentsOf: SharedFiles.url("data/lamost-dr10/labels.csv"), encoding: .utf8)
        let rows = catalogue.split(whereSeparator: \.isNewline).dropFirst().map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let some = stride(from: 0, to: rows.count, by: rows.count / 40).map { rows[$0] }
        try ("file,mine\n" + some.map { "\($0[0]),\($0[1])\n" }.joined()).write(
            toFile: table, atomically: true, encoding: .utf8)
        let model = URL(fileURLWithPath: #filePath).appending(path: "../../../Models/specclip-small.safetensors")
        let files = some.map { SharedFiles.url("data/lamost-dr10/\($0[0])").path }
        let example = try Tool.run([model.standardizedFileURL.path, table, "mine"] + files, program: "own-labels")
        #expect(example.code == 0, "\(example.errors)")
        #expect(example.output.contains("\(some.count) spectra matched by file name"))
        let read = example.output.split(separator: "\n").last { $0.hasPrefix("mine ") }?.split(separator: " ") ?? []
        let value = try #require(read.count > 2 ? Double(read[1]) : nil)
        let truth = try #require(Double(some[0][1]))
        #expect(abs(value - truth) < 0.1 * truth, "\(value), not \(truth)")
    }

    /// An addition is read where its model lies beside it, and nowhere else.
    @Test func whatWasLearnedAloneIsASmallFile() throws {
        try write()
        let model = folder.path("base.safetensors")
        try FileManager.default.copyItem(atPath: fixture.model, toPath: model)
        let arguments = ["--methods", "features", "--scale", "Me"]
        #expect(try adapt(arguments + ["--alone"], model: model).code == 0)
        let size = try #require(try FileManager.default.attributesOfItem(atPath: output)[.size] as? Int)
        let whole = try #require(try FileManager.default.attributesOfItem(atPath: model)[.size] as? Int)
        #expect(size < whole / 2)
        let alone = try Tool.run(["predict", "-m", output, fixture.xp, "--format", "csv"])
        #expect(try adapt(arguments + ["--force"], model: model).code == 0)
        let together = try Tool.run(["predict", "-m", output, fixture.xp, "--format", "csv"])
        #expect(alone.code == 0 && alone.output == together.output && alone.output.contains("teff_me"))

        #expect(try adapt(arguments + ["--alone", "--force"], model: model).code == 0)
        let other = try Data(contentsOf: URL(fileURLWithPath: model)) + Data([0])
        try other.write(to: URL(fileURLWithPath: model))
        let changed = try Tool.run(["predict", "-m", output, fixture.xp])
        #expect(
            changed.code == 1 && changed.errors.contains("another version of base.safetensors"), "\(changed.errors)")
        try FileManager.default.removeItem(atPath: model)
        let lost = try Tool.run(["predict", "-m", output, fixture.xp])
        #expect(
            lost.code == 1 && lost.errors.contains("base.safetensors, which does not lie beside it"), "\(lost.errors)")
    }

    @Test func encodersLearnAndAnInterruptedRunGoesOn() throws {
        try write()
        let adapted = try adapt(["--methods", "lora,full,flux", "--folds", "3"])
        #expect(adapted.code == 0, "\(adapted.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("mine.adapting")))
        let read = try Tool.run(["predict", "-m", output, fixture.xp, "--format", "csv"])
        #expect(read.code == 0 && read.output.contains("teff_own"))
    }

    @Test func mistakesAreOneLine() throws {
        try write()
        for (arguments, problem) in [
            (["--labels", "tefff"], "no such column"), (["--group", "nothing"], "no such column"),
            (["--match", "obsid"], "no such column"), (["--methods", "magic"], "magic"),
            (["--folds", "1"], "--folds 1"),
            (["--name", "a b"], "--name a b"),
        ] {
            let outcome = try Tool.run(
                ["adapt", table, "--spectra", fixture.pairs, "-m", fixture.model, "-o", output] + arguments)
            #expect(outcome.code != 0 && outcome.errors.contains(problem), "\(arguments): \(outcome.errors)")
            #expect(!FileManager.default.fileExists(atPath: output))
        }
    }

    @Test func tooFewStarsAreRefused() throws {
        try write(12)
        let few = try adapt(["--methods", "features"])
        #expect(few.code == 1 && few.errors.contains("12 spectra have labels; give at least 30"), "\(few.errors)")
        try "source_id,teff\n1,5000\n2,5100\n3,5200\n".write(toFile: table, atomically: true, encoding: .utf8)
        let none = try Tool.run([
            "adapt", table, "--spectra", fixture.pairs, "-m", fixture.model, "-o", output, "--labels", "teff",
        ])
        #expect(none.code == 1 && none.errors.contains("no spectrum is of one of its stars"), "\(none.errors)")
    }
}
