import Datasets
import Foundation
import TestFiles
import Testing

/// `specclip compare`, and the scale that `predict` then tells labels on.
struct CompareTests {
    private let fixture: Fixture
    private let folder: TemporaryFolder

    init() throws {
        fixture = try Fixture.shared.get()
        folder = try TemporaryFolder()
    }

    private func column(_ name: String, _ csv: String) throws -> [String] {
        let rows = csv.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        let place = try #require(rows.first?.firstIndex(of: Substring(name)), "\(name)")
        return rows.dropFirst().map { String($0[place]) }
    }

    /// What the tiny model reads of the fixture's stars, and a survey that says 100 K more and stranger things of a few.
    private func tables() throws -> (predicted: String, survey: String, csv: String) {
        let (predicted, survey) = (folder.path("predicted.csv"), folder.path("survey.csv"))
        let read = try Tool.run([
            "predict", "-m", fixture.model, fixture.pairs, "--split", "train", "--instrument", "gaia-xp", "-o",
            predicted,
        ])
        #expect(read.code == 0, "\(read.errors)")
        let csv = try String(contentsOfFile: predicted, encoding: .utf8)
        let (ids, teff) = (try column("source_id", csv), try column("teff", csv))
        let rows = zip(ids, teff).enumerated().map { place, star in
            let noise = Double(place * 37 % 11) - 5
            return "\(star.0),\((Double(star.1) ?? 0) + 100 + noise + (place % 12 == 7 ? 3000 : 0)),30,\(place % 8)\n"
        }
        try ("source_id,TEFF,e_TEFF,plate\n" + rows.joined()).write(toFile: survey, atomically: true, encoding: .utf8)
        return (predicted, survey, csv)
    }

    @Test func aScaleIsLearnedWrittenListedAndApplied() throws {
        let (predicted, survey, csv) = try tables()
        let (report, model) = (folder.path("report"), folder.path("scaled.safetensors"))
        let compare = [
            "compare", predicted, survey, "--labels", "teff=TEFF", "--group", "plate", "--bins", "2", "--resamples",
            "20",
            "-m", fixture.model, "--scale", "Me", "--save", model, "--threads", "1",
        ]
        let compared = try Tool.run(compare + ["-o", report])
        #expect(compared.code == 0, "\(compared.errors)")
        #expect(compared.errors.contains("rows matched by source_id") && compared.errorLines.count == 1)
        let numbers = try String(contentsOfFile: report + "/compare.csv", encoding: .utf8)
        let bias = try #require(Double(try column("bias", numbers)[0]))
        let left = try #require(Double(try column("corrected_bias", numbers)[0]))
        #expect(abs(bias - 100) < 3 && abs(left) < 3, "\(bias), then \(left)")
        for name in ["compare.json", "one-to-one.png", "offsets.png", "corrected.png"] {
            #expect(FileManager.default.fileExists(atPath: report + "/" + name), "\(name)")
        }
        // A data set is a table of its labels.
        let data = try Tool.run(["compare", predicted, fixture.pairs, "--resamples", "20", "--threads", "1"])
        #expect(data.code == 0 && data.output.contains("pairs.h5 - predicted.csv"), "\(data.errors)")
        // What is there is not lost.
        let again = try Tool.run(compare)
        #expect(again.code == 1 && again.errors.contains("exists already"))
        let second = try Tool.run(
            compare.map {
                $0 == model ? folder.path("b.safetensors") : $0 == fixture.model ? model : $0 == "Me" ? "You" : $0
            })
        #expect(second.code == 0, "\(second.errors)")
        let info = try Tool.run(["model", "info", folder.path("b.safetensors")])
        #expect(info.output.contains("Me          from gaia-xp") && info.output.contains("You         from gaia-xp"))

        let told = try Tool.run([
            "predict", "-m", model, fixture.pairs, "--split", "train", "--instrument", "gaia-xp", "--scale", "me",
            "--format", "csv",
        ])
        #expect(told.code == 0, "\(told.errors)")
        #expect(Set(try column("scale", told.output)) == ["Me"])
        let (before, after) = (try column("teff", csv), try column("teff", told.output))
        for (old, new) in zip(before, after) {
            #expect(abs((Double(new) ?? 0) - (Double(old) ?? 0) - 100) < 8, "\(old) became \(new)")
        }
        #expect(try column("logg", csv) == column("logg", told.output))
        let unknown = try Tool.run(["predict", "-m", model, fixture.xp, "--scale", "LASP"])
        #expect(unknown.code == 1 && unknown.errors.contains("it knows Me") && unknown.errorLines.count == 1)
        let foreign = try Tool.run(["predict", "-m", model, fixture.star, "--scale", "Me"])
        #expect(foreign.code == 1 && foreign.errors.contains("holds for gaia-xp"), "\(foreign.errors)")
    }

    @Test func wrongUsageIsTold() throws {
        for (arguments, problem) in [
            (["--save", "x.safetensors"], "--scale NAME"), (["--scale", "A"], "--save FILE"),
            (["--labels", "a=b:c:d"], "NAME=A:B"), (["--bins", "1"], "--bins 1"), (["--radius", "-3"], "--radius"),
            (["--scale", "a b", "--save", "x.safetensors"], "letters, digits"),
        ] {
            let run = try Tool.run(["compare", "a.csv", "b.csv"] + arguments)
            #expect(run.code == 2 && run.errors.contains(problem), "\(arguments): \(run.errors)")
        }
        let absent = try Tool.run(["compare", folder.path("a.csv"), folder.path("b.csv")])
        #expect(absent.code == 1 && absent.errorLines.count == 1, "\(absent.errors)")
    }
}
