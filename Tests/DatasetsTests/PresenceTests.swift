import Datasets
import Foundation
import Instruments
import Spectra
import Support
import TestFiles
import Testing

/// Stars need not have been seen by every instrument.
struct PresenceTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func row(_ id: Int, lamost: Bool, gaia: Bool) -> PairedRow {
        func flux(_ instrument: Instrument) -> [Float] {
            (0..<instrument.grid.count).map { 1 + Float(($0 + id) % 7) / 10 }
        }
        var row = PairedRow(sourceID: "\(id)", flux: [:])
        if lamost { row.flux["lamost"] = flux(.lamostLRS) }
        if gaia { row.flux["gaia"] = flux(.gaiaXP) }
        return row
    }

    @Test func whatWasSeenIsKept() throws {
        let url = folder.file("pairs.h5")
        let writer = try PairedDataSetWriter(
            creating: url, instruments: [.lamostLRS, .gaiaXP], labels: [], tier: "test")
        let seen = [(true, true), (true, false), (false, true), (true, true)]
        try writer.append(split: .train, rows: seen.enumerated().map { row($0, lamost: $1.0, gaia: $1.1) })
        try writer.append(split: .test, rows: [row(9, lamost: true, gaia: true)])
        try writer.finish()
        let data = try PairedDataSet(opening: url)
        #expect(try data.presence(.lamostLRS, split: .train) == [true, true, false, true])
        #expect(try data.presence(.gaiaXP, split: .train) == [true, false, true, true])
        #expect(try data.presence(.gaiaXP, split: .test) == nil)
        #expect(try data.rows(seenBy: [.lamostLRS], split: .train) == [0, 1, 3])
        #expect(try data.rows(seenBy: [.lamostLRS, .gaiaXP], split: .train) == [0, 3])
        #expect(try data.rows(seenBy: [.lamostLRS, .gaiaXP], split: .test) == [0])
        let spectra = try data.spectra(.gaiaXP, split: .train, indices: [2, 0])
        #expect(Array(spectra.flux(ofRow: 0)) == row(2, lamost: false, gaia: true).flux["gaia"])
        // A file in which all have seen all is that of before.
        let plain = folder.file("plain.h5")
        let second = try PairedDataSetWriter(
            creating: plain, instruments: [.lamostLRS, .gaiaXP], labels: [], tier: "test")
        try second.append(split: .train, rows: [row(0, lamost: true, gaia: true)])
        try second.finish()
        #expect(try PairedDataSet(opening: plain).presence(.gaiaXP, split: .train) == nil)
    }
}
