import Foundation
import TestFiles
import Testing

/// `scripts/step.sh`, which `make` runs everything long with.
struct StepTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// What the script says of a command that prints `log` and ends with `code`.
    private func step(
        _ log: Data, code: Int, options: [String] = [], seconds: Int = 0, environment: [String: String] = [:]
    ) throws -> Tool.Outcome {
        let file = folder.url.appending(path: "printed")
        try log.write(to: file)
        let script = #filePath.replacing("Tests/CommandTests/StepTests.swift", with: "scripts/step.sh")
        let command = ["sh", "-c", "cat '\(file.path)'; sleep \(seconds); exit \(code)"]
        let settings = ["SPECCLIP_LOGS": folder.path("logs"), "PATH": "/usr/bin:/bin"].merging(environment) { $1 }
        return try Tool.Running(
            URL(fileURLWithPath: script), options + ["Testing"] + command, environment: settings
        ).outcome()
    }

    /// Two issues early in a long log, among the bytes of no text that tests of damaged files print.
    private let failing: Data = {
        let before = """
            ◇ Test run started.
            ◇ Test reads() started.
            ✔ Test reads() passed after 0.1 seconds.
            ◇ Test learns(kind:) started.
            ◇ Test case passing 1 argument kind → "maf" to learns(kind:) started.
            ✘ Test learns(kind:) recorded an issue with 1 argument kind → "maf" at Flow.swift:12:9: Expectation failed: (a → 0.1) > 0.2
            ↳ log density
              of the second flow
            ✘ Test learns(kind:) failed after 0.1 seconds with 1 issue.
            ✘ Test writes() recorded an issue at Files.swift:3:13: Caught error: no space
            ✘ Test writes() failed after 0.1 seconds with 1 issue.

            """
        let noise = (0..<60).map { "✔ Test passes\($0)() passed after 0.1 seconds.\n" }.joined()
        let after = "✘ Test run with 63 tests in 4 suites failed after 9 seconds with 2 issues.\nnoise of the end\n"
        return Data(before.utf8) + Data([0, 0xFF, 0x0A]) + Data((noise + after).utf8)
    }()

    @Test func issuesAreShownWithTheirPlaces() throws {
        let outcome = try step(failing, code: 1)
        #expect(outcome.code == 1 && outcome.errors.isEmpty)
        let lines = outcome.output.split(separator: "\n").map(String.init)
        let shown = [
            #"✘ Test learns(kind:) recorded an issue with 1 argument kind → "maf" at Flow.swift:12:9: "#
                + "Expectation failed: (a → 0.1) > 0.2",
            "↳ log density", "  of the second flow",
            "✘ Test writes() recorded an issue at Files.swift:3:13: Caught error: no space",
            "✘ Test run with 63 tests in 4 suites failed after 9 seconds with 2 issues.",
        ]
        #expect(Array(lines.dropFirst().dropLast()) == shown.map { "  | " + $0 })
        #expect(lines.last?.contains("Testing failed") == true && lines.last?.contains("testing.log") == true)
    }

    /// A run that ends without a summary has died: its last words count too.
    @Test func lastWordsOfAProcessThatDied() throws {
        let died = Data("◇ Test reads() started.\nFatal error: index out of range\nerror: unexpected signal 5\n".utf8)
        let outcome = try step(died, code: 1)
        #expect(outcome.output.contains("  | Fatal error: index") && outcome.output.contains("  | error: unexpected"))
        let compiler = Data("a.swift:1:2: error: no such module\n".utf8) + Data(repeating: 0x0A, count: 50)
        #expect(try step(compiler, code: 1).output.contains("  | a.swift:1:2: error: no such module"))
    }

    @Test func summariesAreFoundAmongBytes() throws {
        let passed = Data([0, 0xFF, 0x0A]) + Data("✔ Test run with 3 tests in 1 suite passed after 1 seconds.\n".utf8)
        let outcome = try step(passed, code: 0, options: ["--show", "Test run with "])
        #expect(outcome.code == 0 && outcome.output.contains("\n✔ Test run with 3 tests in 1 suite passed"))
    }

    @Test func progressNamesTheTestAtWork() throws {
        let started = """
            ✔ Test reads() passed after 0.1 seconds.
            ✔ Test writes() passed after 0.1 seconds.
            ✘ Test counts() failed after 0.1 seconds with 1 issue.
            ◇ Test learns(kind:) started.
            ◇ Test case passing 1 argument kind → "maf" to learns(kind:) started.

            """
        let outcome = try step(Data(started.utf8), code: 0, seconds: 2, environment: ["SPECCLIP_STEP_SECONDS": "1"])
        #expect(outcome.output.contains("  1 s: 2 passed, 1 failed; Test learns(kind:) started.\n"), "\(outcome)")
    }
}
