import Foundation
import TestFiles
import Testing
@testable import Support
@testable import Tables

/// A table is the same whether it was made in one go or after any interruption.
@Suite struct RowJournalTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private let columns = Table([
        .init("file", .text([])), .init("teff", unit: "K", .numbers([]), digits: 0),
        .init("flag", .integers([])),
    ])

    /// Row `i` of the table that all tests make; each third spectrum of the input fails.
    private func table(_ rows: [Int]) -> Table {
        Table([
            .init("file", .text(rows.map { "a\t \($0),\n\"b\".fits" })),
            .init(
                "teff", unit: "K",
                .numbers(rows.map { $0 % 7 == 0 ? .nan : 5000 + Double($0) / 3 }), digits: 0),
            .init("flag", .integers(rows)),
        ])
    }

    private func write(_ rows: Range<Int>, to journal: RowJournal) throws {
        for row in rows {
            let position = RowPosition(part: row / 10, row: row % 10)
            if row % 3 == 2 {
                try journal.append(failureAt: position)
            } else {
                try journal.append(table([row]), at: [position])
            }
        }
    }

    private func journal(_ name: String, settings: String = "s", restart: Bool = false) throws -> RowJournal {
        try RowJournal(for: folder.file(name), columns: columns, settings: settings, restart: restart)
    }

    @Test func anyCutIsMended() throws {
        try write(0..<60, to: journal("whole.csv"))
        let bytes = try Data(contentsOf: RowJournal.file(for: folder.file("whole.csv")))
        let whole = try journal("whole.csv")
        #expect(whole.rowCount == 40 && whole.failures == 19)
        try whole.finish()
        let wanted = try Data(contentsOf: folder.file("whole.csv"))
        #expect(String(decoding: wanted, as: UTF8.self).contains("5000"))
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<100 {
            let url = folder.file("cut.csv")
            try bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)).write(to: RowJournal.file(for: url))
            let cut = try journal("cut.csv")
            let next = cut.last.map { $0.part * 10 + $0.row + 1 } ?? 0
            try write(next..<60, to: cut)
            cut.close()
            let resumed = try journal("cut.csv")
            #expect(resumed.rowCount == 40 && resumed.failures == 19)
            try resumed.finish()
            #expect(try Data(contentsOf: url) == wanted)
            #expect(!FileManager.default.fileExists(atPath: RowJournal.file(for: url).path))
        }
    }

    @Test func otherSettingsAndOtherWritersAreRefused() throws {
        let first = try journal("a.csv")
        try write(0..<5, to: first)
        #expect(throws: Diagnostic.self) { try journal("a.csv", settings: "s") }
        first.close()
        #expect(throws: Diagnostic.self) { try journal("a.csv", settings: "other") }
        #expect(try journal("a.csv", settings: "other", restart: true).rowCount == 0)
    }
}
