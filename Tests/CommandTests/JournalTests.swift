import Foundation
import Spectra
import Testing

@testable import SpecCLIPCommand

/// A catalogue is the same whether it was made in one go or after any interruption.
@Suite struct JournalTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private let columns: [OutputTable.Column] = [
        .init(name: "file", values: .text([])), .init(name: "teff", unit: "K", values: .numbers([], digits: 0)),
        .init(name: "flag", values: .integers([])),
    ]

    /// Row `i` of the table that all tests make; each third spectrum of the input fails.
    private func table(_ rows: [Int]) -> OutputTable {
        OutputTable(columns: [
            .init(name: "file", values: .text(rows.map { "a\t \($0),\n\"b\".fits" })),
            .init(
                name: "teff", unit: "K",
                values: .numbers(rows.map { $0 % 7 == 0 ? .nan : 5000 + Double($0) / 3 }, digits: 0)),
            .init(name: "flag", values: .integers(rows)),
        ])
    }

    private func write(_ rows: Range<Int>, to journal: Journal) throws {
        for row in rows {
            let position = InputPosition(part: row / 10, row: row % 10)
            if row % 3 == 2 {
                try journal.append(failureAt: position)
            } else {
                try journal.append(table([row]), at: [position])
            }
        }
    }

    private func journal(_ name: String, settings: String = "s", restart: Bool = false) throws -> Journal {
        try Journal(for: folder.url.appending(path: name), columns: columns, settings: settings, restart: restart)
    }

    @Test func anyCutIsMended() throws {
        try write(0..<60, to: journal("whole.csv"))
        let bytes = try Data(contentsOf: Journal.file(for: folder.url.appending(path: "whole.csv")))
        let whole = try journal("whole.csv")
        #expect(whole.rowCount == 40 && whole.failures == 19)
        try whole.finish()
        let wanted = try Data(contentsOf: folder.url.appending(path: "whole.csv"))
        #expect(String(decoding: wanted, as: UTF8.self).contains("5000"))
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<100 {
            let url = folder.url.appending(path: "cut.csv")
            try bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)).write(to: Journal.file(for: url))
            let cut = try journal("cut.csv")
            let next = cut.last.map { $0.part * 10 + $0.row + 1 } ?? 0
            try write(next..<60, to: cut)
            cut.close()
            let resumed = try journal("cut.csv")
            #expect(resumed.rowCount == 40 && resumed.failures == 19)
            try resumed.finish()
            #expect(try Data(contentsOf: url) == wanted)
            #expect(!FileManager.default.fileExists(atPath: Journal.file(for: url).path))
        }
    }

    @Test func otherSettingsAndOtherWritersAreRefused() throws {
        let first = try journal("a.csv")
        try write(0..<5, to: first)
        #expect(throws: CommandError.self) { try journal("a.csv", settings: "s") }
        first.close()
        #expect(throws: CommandError.self) { try journal("a.csv", settings: "other") }
        #expect(try journal("a.csv", settings: "other", restart: true).rowCount == 0)
    }

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
        let journal = Journal.file(for: folder.url.appending(path: "cut.csv"))
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
