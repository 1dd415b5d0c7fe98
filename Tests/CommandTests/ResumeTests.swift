import TestFiles
import Foundation
import Testing

/// Runs that are killed or interrupted from outside, and go on: the result is that of an uninterrupted run, to the bit.
@Suite(.serialized) struct ResumeTests {
    private let fixture: TrainingFixture
    private static let stages = ["pretrain", "align", "labels fit"]
    /// What each stage leaves.
    private static let results = [
        "gaia-xp/encoder.safetensors", "lamost-lrs/encoder.safetensors", "align/model.safetensors", "model.safetensors",
    ]

    init() throws { fixture = try TrainingFixture() }

    private func finish(_ stage: String, run: String) throws -> Tool.Outcome {
        let outcome = try Tool.run(fixture.arguments(stage, run: run))
        #expect(outcome.code == 0, "\(stage): \(outcome.errors)")
        return outcome
    }

    /// Starts a stage and sends `signal` once `checkpoint` has been written; the process is still at work then.
    private func stop(_ stage: String, run: String, with signal: Int32, after checkpoint: String) throws -> Tool.Outcome
    {
        let tool = try Tool.start(fixture.arguments(stage, run: run))
        let file = fixture.file(run, checkpoint)
        while tool.isRunning, !FileManager.default.fileExists(atPath: file.path) { usleep(2000) }
        // Twice at once, as it comes from `timeout` and the like: only the first counts.
        for _ in 0..<2 { tool.signal(signal) }
        return try tool.outcome()
    }

    @Test(.timeLimit(.minutes(5)))
    func killedAtEveryStage() throws {
        for stage in Self.stages { _ = try finish(stage, run: "whole") }
        // In the second of the two encoders and heads, so that a finished first one has to be found again.
        let kills = [
            ("pretrain", "lamost-lrs/last.safetensors"), ("align", "align/last.safetensors"),
            ("labels fit", "labels-lamost-lrs/last.safetensors"),
        ]
        for (index, (stage, checkpoint)) in kills.enumerated() {
            let killed = try stop(stage, run: "killed", with: SIGKILL, after: checkpoint)
            #expect(killed.code == -SIGKILL, "\(stage) was at work: \(killed.errors)")
            let result = fixture.file("killed", Self.results[index + 1])
            #expect(!FileManager.default.fileExists(atPath: result.path))
            let resumed = try finish(stage, run: "killed")
            #expect(resumed.errors.contains("resumed at step"), "\(resumed.errors)")
        }
        for name in Self.results {
            let (whole, killed) = (fixture.file("whole", name), fixture.file("killed", name))
            #expect(try Data(contentsOf: whole) == Data(contentsOf: killed), "\(name) differs")
        }
        // Nothing half-written, no lock.
        let left = FileManager.default.enumerator(atPath: fixture.folder.path("killed"))?.allObjects as? [String] ?? []
        #expect(!left.isEmpty && left.allSatisfy { !$0.contains("/.") && !$0.hasSuffix("lock") }, "\(left)")
    }

    @Test(.timeLimit(.minutes(5)), arguments: [SIGINT, SIGTERM])
    func interrupted(by signal: Int32) throws {
        _ = try finish("pretrain", run: "whole")
        let stopped = try stop("pretrain", run: "stopped", with: signal, after: "gaia-xp/last.safetensors")
        #expect(stopped.code == 0)
        #expect(stopped.errors.contains("interrupted: step") && stopped.errors.contains("goes on from there"))
        #expect(!FileManager.default.fileExists(atPath: fixture.file("stopped", "gaia-xp/encoder.safetensors").path))
        _ = try finish("pretrain", run: "stopped")
        for name in Self.results.prefix(2) {
            let files = (fixture.file("whole", name), fixture.file("stopped", name))
            #expect(try Data(contentsOf: files.0) == Data(contentsOf: files.1), "\(name) differs")
        }
    }
}
