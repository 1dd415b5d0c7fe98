import Foundation
import Simulation
import TestFiles
import Testing
@testable import Tables

/// A result is the same whether it was made in one go or after any interruption.
@Suite struct ResumedResultTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    /// `predict` to a file goes on after Ctrl-C or a kill; each star is there once, in its place.
    @Test(.timeLimit(.minutes(3)), arguments: [SIGKILL, SIGINT]) func predictGoesOn(after signal: Int32) throws {
        let fixture = try Fixture.shared.get()
        let pairs = folder.path("pairs.h5")
        try PairMaker(.procedural, options: PairOptions(validation: 0, test: 0.9, limit: 1500))
            .write(to: URL(fileURLWithPath: pairs))
        func arguments(_ output: String) -> [String] {
            ["predict", "-m", fixture.model, pairs, "-o", folder.path(output), "--threads", "1"]
        }
        #expect(try Tool.run(arguments("whole.csv")).code == 0)
        let journal = RowJournal.file(for: folder.url.appending(path: "cut.csv"))
        let tool = try Tool.start(arguments("cut.csv"))
        while tool.isRunning, ((try? Data(contentsOf: journal))?.count ?? 0) < 1000 { usleep(500) }
        tool.signal(signal)
        let stopped = try tool.outcome()
        #expect(stopped.code == (signal == SIGKILL ? -SIGKILL : 1), "\(stopped.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("cut.csv")))
        let resumed = try Tool.run(arguments("cut.csv"))
        #expect(resumed.code == 0 && resumed.errors.contains("goes on after the"), "\(resumed.errors)")
        let files = try ["whole.csv", "cut.csv"].map { try Data(contentsOf: folder.url.appending(path: $0)) }
        #expect(files[0] == files[1] && files[0].count > 10_000)
    }
}
