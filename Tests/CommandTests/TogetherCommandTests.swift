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
