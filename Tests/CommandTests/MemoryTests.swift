import Datasets
import Instruments
import Spectra
import TestFiles

#if os(Linux)
    import Foundation
    import Spectra
    import Testing

    /// Memory must not grow with the number of spectra that are read, only with the answers.
    struct MemoryTests {
        @Test func aLargeSplitIsReadInPieces() throws {
            let fixture = try Fixture.shared.get()
            let folder = try TemporaryFolder()
            let data = folder.path("many.h5")
            let (few, many) = (500, 40_000)
            let writer = try PairedDataSetWriter(
                creating: URL(fileURLWithPath: data), instruments: [.gaiaXP], labels: [], tier: "test")
            let flux = (0..<Instrument.gaiaXP.grid.count).map { 1 + 0.1 * sin(Float($0)) }
            for (split, count) in [(Split.test, few), (.train, many)] {
                try writer.append(
                    split: split, rows: (0..<count).map { PairedRow(sourceID: "\($0)", flux: ["gaia": flux]) })
            }
            try writer.finish()

            func peak(_ split: Split) throws -> Int {
                let tool = try Tool.start([
                    "predict", "-m", fixture.model, data, "--split", split.rawValue, "--threads", "1", "-o",
                    folder.path("\(split.rawValue).csv"),
                ])
                var peak = 0
                while tool.isRunning {
                    peak = max(peak, tool.peakMemory ?? 0)
                    usleep(2000)
                }
                #expect(try tool.outcome().code == 0)
                return peak
            }
            let growth = try peak(.train) - peak(.test)
            // The spectra with their inverse variances take 110 MB; the answers 10 to 20.
            #expect(growth < 45_000_000, "\(growth) bytes more for \(many - few) more spectra")
        }
    }

    extension Tool.Running {
        /// The most memory the process has held so far, bytes.
        fileprivate var peakMemory: Int? {
            let status = try? String(contentsOfFile: "/proc/\(identifier)/status", encoding: .utf8)
            let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
        }
    }
#endif
