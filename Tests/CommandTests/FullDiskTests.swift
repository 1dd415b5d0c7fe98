import Foundation
import TestFiles
import Testing

/// A disk without space, as a limit on the size of files: the failure is named, and nothing half-written stays.
struct FullDiskTests {
    private let fixture: TrainingFixture
    private var folder: TemporaryFolder { fixture.folder }

    init() throws { fixture = try TrainingFixture() }

    /// Runs the tool where no file may grow beyond `blocks` of 512 bytes (1024 in some shells).
    private func run(_ arguments: [String], blocks: Int, redirect: String = "") throws -> Tool.Outcome {
        let errors = try TemporaryFolder()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let log = errors.path("err")
        process.arguments =
            ["-c", "ulimit -f \(blocks); exec \"$@\" 2>'\(log)' \(redirect)", "sh", Tool.executable.path] + arguments
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit)
        let text = try String(contentsOfFile: log, encoding: .utf8)
        return Tool.Outcome(code: process.terminationStatus, output: "", errors: text)
    }

    @Test func resultsAreWholeOrAbsent() throws {
        let model = try Fixture.shared.get().model
        let before = folder.contents
        let commands = [
            ["data", "pairs", "procedural", "--count", "40", "-o", folder.path("x.h5")],
            ["embed", "-m", model, fixture.data, "--split", "train", "-o", folder.path("x.npz")],
            ["embed", "-m", model, fixture.data, "--split", "train", "-o", folder.path("x.fits")],
            ["embed", "-m", model, fixture.data, "--split", "train", "-o", folder.path("x.csv")],
            ["prepare", fixture.data, "--split", "train", "--instrument", "gaia-xp", "-o", folder.path("x.npz")],
        ]
        for command in commands {
            let outcome = try run(command, blocks: 40)
            #expect(outcome.code == 1)
            let line = try #require(outcome.errorLines.first)
            #expect(line.hasPrefix("specclip: " + folder.path("x.")) && line.contains("cannot be written"), "\(line)")
            #expect(line.contains("space") && outcome.errorLines.count == 1, "\(outcome.errors)")
            #expect(folder.contents == before)
        }
    }

    @Test func theLastGoodCheckpointStays() throws {
        let arguments = fixture.arguments("pretrain", run: "run")
        #expect(try Tool.run(arguments).code == 0)
        let last = fixture.file("run", "gaia-xp/last.safetensors")
        let before = try Data(contentsOf: last)
        let outcome = try run(arguments + ["--restart", "--instrument", "lamost-lrs"], blocks: 40)
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("last.safetensors: cannot be written (File too large); free some space"))
        #expect(try Data(contentsOf: last) == before)
        let left = try FileManager.default.contentsOfDirectory(atPath: fixture.file("run", "lamost-lrs").path)
        #expect(left.allSatisfy { !$0.hasPrefix(".") && $0 != "lock" }, "\(left)")
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "there is no /dev/full here"))
    func standardOutput() throws {
        let model = try Fixture.shared.get().model
        let outcome = try run(["predict", "-m", model, fixture.data], blocks: 1_000_000, redirect: ">/dev/full")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("standard output: cannot be written"))
    }
}
