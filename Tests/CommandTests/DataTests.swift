import Foundation
import TestFiles
import Testing

/// Making data sets and looking into them.
struct DataTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func equalSeedsGiveEqualFiles() throws {
        for name in ["a.h5", "b.h5"] {
            let outcome = try Tool.run([
                "data", "pairs", "procedural", "--count", "30", "--seed", "7", "-o", folder.path(name),
            ])
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("procedural, gaia-xp + lamost-lrs"))
        }
        #expect(folder.contents == ["a.h5", "b.h5"])
        let files = try ["a.h5", "b.h5"].map { try Data(contentsOf: folder.url.appending(path: $0)) }
        #expect(files[0] == files[1])
    }

    @Test func anExistingDataSetIsKept() throws {
        let path = folder.path("a.h5")
        try "precious".write(toFile: path, atomically: true, encoding: .utf8)
        let outcome = try Tool.run(["data", "pairs", "procedural", "--count", "30", "-o", path])
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("--force"))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    }

    @Test func infoNamesTierSplitsAndLabels() throws {
        let fixture = try Fixture.shared.get()
        let outcome = try Tool.run(["data", "info", fixture.pairs])
        #expect(outcome.code == 0)
        for word in ["procedural", "gaia-xp, lamost-lrs", "train", "teff", "Provenance"] {
            #expect(outcome.output.contains(word), "\(word)")
        }
        let json = try Tool.run(["data", "info", fixture.pairs, "--json"])
        #expect(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) is [String: Any])
    }

    @Test func infoOfTheCache() throws {
        let outcome = try Tool.run(["data", "info"], environment: ["XDG_CACHE_HOME": folder.url.path])
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("specclip data fetch"))
        #expect(outcome.output.contains("Credit"))
    }

    @Test func realTiersSayWhatIsMissing() throws {
        let outcome = try Tool.run(
            ["data", "pairs", "real-xp", "-o", folder.path("xp.h5")],
            environment: ["XDG_CACHE_HOME": folder.path("cache")])
        #expect(outcome.code == 1)
        #expect(outcome.errorLines.count == 1)
        #expect(outcome.errors.contains("specclip data fetch"))
        #expect(!folder.contents.contains("xp.h5"))
    }
}
