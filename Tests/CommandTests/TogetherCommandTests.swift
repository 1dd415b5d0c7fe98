import Foundation
import TestFiles
import Testing

/// `specclip predict --together`: which files are of one star, and what is said of them.
struct TogetherCommandTests {
    private let folder: TemporaryFolder
    private let fixture: Fixture
    init() throws {
        folder = try TemporaryFolder()
        fixture = try Fixture.shared.get()
    }

    /// A spectrum whose rows say what they are of.
    private func visit(_ name: String, _ facts: [(String, String)]) throws -> String {
        let lines = Fixture.csv(Fixture.lrs()).split(separator: "\n")
        let path = folder.path(name)
        let text = lines.enumerated().map { row, line in
            ([String(line)] + facts.map { row == 0 ? $0.0 : $0.1 }).joined(separator: ",")
        }
        try (text.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func rows(_ text: String) -> [[String: String]] {
        let lines = text.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        return lines.dropFirst().map { line in
            Dictionary(uniqueKeysWithValues: zip(lines[0], line).map { (String($0), String($1)) })
        }
    }

    private func predict(_ arguments: [String]) throws -> Tool.Outcome {
        try Tool.run(["predict", "-m", fixture.model, "--format", "csv"] + arguments)
    }

    @Test func filesAreGrouped() throws {
        let files = [
            try visit("a.csv", [("objid", "7"), ("ra", "10"), ("dec", "5")]),
            try visit("b.csv", [("objid", "8"), ("ra", "10.0001"), ("dec", "5")]),
            try visit("c.csv", [("objid", "7"), ("ra", "11"), ("dec", "5")]), try visit("d.csv", []),
        ]
        var result = try predict(files + ["--together", "--group-by", "OBJID", "--visits", folder.path("v.csv")])
        try #require(result.code == 0, "\(result.errors)")
        var found = rows(result.output)
        #expect(found.map { $0["visits"] } == ["2", "1", "1"])
        #expect(found[0]["file"] == files[0] + "+" + files[2] && found[0]["disagree"] == "")
        #expect(result.errors.contains("1 of 4 spectra have no OBJID: each is read alone"))
        let visits = rows(try String(contentsOfFile: folder.path("v.csv"), encoding: .utf8))
        #expect(visits.map { $0["file"] } == [files[0], files[2], files[1], files[3]])
        #expect(visits.map { $0["star"] } == [files[0], files[0], files[1], files[3]])
        #expect(visits.map { $0["visit"] } == ["1", "2", "1", "1"])

        result = try predict(files + ["--together", "--group-by", "position"])
        found = rows(result.output)
        #expect(found.map { $0["visits"] } == ["2", "1", "1"] && found[0]["file"] == files[0] + "+" + files[1])
        result = try predict(files + ["--together", "--group-by", "position", "--radius", "0.1"])
        #expect(rows(result.output).count == 4 && result.errors.contains("no two spectra have the same position"))
    }

    /// A file goes on where it was: the rows of before stay, those to come follow.
    @Test func aFileOfStarsIsWhole() throws {
        let files = try (0..<5).map { try visit("\($0).csv", [("objid", "\(1 + $0 % 2)")]) }
        let output = folder.path("out.csv")
        let result = try predict(files + ["--together", "--group-by", "objid", "-o", output])
        #expect(result.code == 0, "\(result.errors)")
        #expect(rows(try String(contentsOfFile: output, encoding: .utf8)).map { $0["visits"] } == ["3", "2"])
        #expect(!folder.contents.contains { $0.hasSuffix("journal") })
    }

    /// Stars are shared out, whatever files their spectra lie in: merged, shards are what one run would have written.
    @Test(.timeLimit(.minutes(3)), arguments: [[], ["--group-by", "objid"], ["--group-by", "position"]])
    func shardsShareStars(grouping: [String]) throws {
        let files = try (0..<14).map { number in
            // Stars of one to three spectra; one of nobody knows which.
            let star = number < 13 ? [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9][number] : 0
            return try visit(
                "\(number).csv",
                star == 0
                    ? [] : [("source_id", "4\(star)"), ("objid", "7\(star)"), ("ra", "\(10 * star)"), ("dec", "5")])
        }
        func run(_ name: String, _ options: String...) throws -> Tool.Outcome {
            try predict(
                files + [
                    "--together", "--samples", "100", "--visits", folder.path("v-" + name), "-o", folder.path(name),
                ]
                    + grouping + options)
        }
        func catalogue(_ what: String, _ pieces: [String], _ options: String...) throws -> Tool.Outcome {
            try Tool.run(["catalog", what] + pieces.map(folder.path) + options)
        }
        #expect(try run("whole.csv").code == 0)
        let parts = (1...3).map { "part-\($0).csv" }
        for (number, part) in parts.enumerated() where number != 1 {
            #expect(try run(part, "--shard", "\(number + 1)/3").code == 0)
        }
        // One died on its way: it is missing, and is given again as it was.
        let early = try catalogue("verify", [parts[0], parts[2]])
        #expect(early.code == 1 && early.errors.contains("shard 2/3 is missing"), "\(early.errors)")
        let tool = try Tool.start(
            ["predict", "-m", fixture.model] + files + ["--together", "--samples", "100", "--shard", "2/3"]
                + ["--visits", folder.path("v-part-2.csv"), "-o", folder.path("part-2.csv")] + grouping)
        while tool.isRunning, !folder.contents.contains(".part-2.csv.journal") { usleep(300) }
        tool.signal(SIGKILL)
        _ = try tool.outcome()
        #expect(try run("part-2.csv", "--shard", "2/3", "--force").code == 0)

        let found = try catalogue("verify", parts)
        #expect(found.code == 0 && found.errors.contains("complete: 3 units, 9 rows"), "\(found.output)\(found.errors)")
        for prefix in ["", "v-"] {
            let merged = try catalogue("merge", parts.map { prefix + $0 }, "-o", folder.path(prefix + "merged.csv"))
            #expect(merged.code == 0, "\(merged.errors)")
            #expect(
                try Data(contentsOf: folder.file(prefix + "merged.csv"))
                    == Data(contentsOf: folder.file(prefix + "whole.csv")))
        }
        let own = try parts.map { rows(try String(contentsOf: folder.file($0), encoding: .utf8)).count }
        #expect(own.reduce(0, +) == 9 && own.allSatisfy { $0 < 9 }, "\(own)")

        // Labels are no visits; shares of files are no shares of stars; and who saw other stars has others.
        let mixed = try catalogue("merge", [parts[0], parts[1], "v-" + parts[2]], "-o", folder.path("x.csv"))
        #expect(mixed.code == 1 && mixed.errors.contains("another command: predict (visits)"), "\(mixed.errors)")
        let apart = ["--samples", "100", "--shard", "2/3", "--force", "-o", folder.path("part-2.csv")]
        #expect(try predict(files + apart).code == 0)
        let other = try catalogue("merge", parts, "-o", folder.path("x.csv"))
        #expect(other.code == 1 && other.errors.contains("part-2.csv: was made with other options"), "\(other.errors)")
        _ = try visit("1.csv", [("source_id", "43"), ("objid", "73"), ("ra", "30"), ("dec", "5")])
        #expect(try run("part-2.csv", "--shard", "2/3", "--force").code == 0)
        let strange = try catalogue("verify", parts)
        #expect(
            strange.code == 1 && strange.errors.contains("part-2.csv: has seen other stars than"), "\(strange.errors)")
        #expect(!folder.contents.contains("x.csv"))
    }

    @Test func aDataSetIsNotShared() throws {
        let result = try predict([
            fixture.pairs, "--together", "--shard", "1/2", "-o", folder.path("part-1.csv"),
        ])
        #expect(result.code == 1 && result.errorLines.count == 1 && result.errors.contains("its rows are stars"))
        let hats = try predict([
            try visit("a.csv", []), "--together", "--shard", "1/2", "-o", folder.path("part-1.hats"),
        ])
        #expect(
            hats.code == 1 && hats.errorLines.count == 1 && hats.errors.contains("shards of stars"), "\(hats.errors)")
        let visits = try predict([
            try visit("a.csv", []), "--together", "--shard", "1/2", "-o", folder.path("part-1.csv"), "--visits",
            folder.path("v.json"),
        ])
        #expect(visits.code == 1 && visits.errors.contains("v.json: is of a format whose shards cannot be merged"))
    }

    @Test func badChoicesAreToldInOneLine() throws {
        let file = try visit("a.csv", [("objid", "7")])
        var result = try predict([file, fixture.star, "--together", "--group-by", "objit"])
        #expect(result.code == 1 && result.output.isEmpty, "\(result.errors)")
        #expect(result.errors.contains("--group-by objit: no file has such a column or keyword; did you mean 'OBJID'?"))
        result = try predict([fixture.pairs, "--together", "--group-by", "objid"])
        #expect(result.code == 1 && result.errorLines.count == 1 && result.errors.contains("leave it out"))
        for (arguments, words) in [
            (["--group-by", "objid"], "belongs to --together"), (["--visits", "v.csv"], "belongs to --together"),
            (["--together", "--radius", "3"], "--group-by position"),
            (["--together", "--group-by", "position", "--radius=-1"], "between 0 and 3600"),
            (["--together", "--rv-floor=-1"], "between 0 and 1000"),
        ] {
            let result = try predict([file] + arguments)
            #expect(result.code == 2 && result.errors.contains(words), "\(result.errors)")
        }
        result = try predict([file, "--together", "--visits", folder.path("v.doc")])
        #expect(result.code == 1 && result.errorLines.count == 1)
    }
}
