import TestFiles
import Foundation
import Testing

/// Help, versions, exit codes.
struct FrameTests {
    @Test func versionIsANumber() throws {
        let outcome = try Tool.run(["--version"])
        #expect(outcome.code == 0)
        #expect(outcome.output.wholeMatch(of: /[0-9]+\.[0-9]+\.[0-9]+\n/) != nil)
    }

    @Test(arguments: [
        ["nonsense"], ["predict"], ["predict", "--nonsense"], ["predict", "-m", "x", "y", "--format", "xml"],
        ["predict", "-m", "x", "y", "--device", "gpu"], ["predict", "-m", "x", "y", "--threads", "0"],
        ["embed", "-m", "x", "y"], ["search", "-m", "x", "y", "--in", "z", "--top", "0"],
        ["data", "pairs", "imaginary"],
        ["data", "pairs", "procedural", "-o", "x.h5", "--test", "0.9", "--validation", "0.2"],
    ])
    func wrongUsageIsCode2(arguments: [String]) throws {
        let outcome = try Tool.run(arguments)
        #expect(outcome.code == 2)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("specclip: "))
        #expect(outcome.errors.contains("Usage:") || outcome.errors.contains("help"))
    }

    @Test func doctorKnowsTheMachine() throws {
        let outcome = try Tool.run(["doctor", "--json"])
        #expect(outcome.code == 0)
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
        let versions = try #require(report["versions"] as? [String: Any])
        for name in ["specclip", "swift", "libtorch", "cfitsio", "hdf5"] {
            #expect((versions[name] as? String)?.contains { $0.isNumber } == true, "\(name)")
        }
        #expect((report["memoryBytes"] as? Int ?? 0) > 1 << 20)
        #expect((report["threads"] as? Int ?? 0) >= 1)
    }

    @Test func doctorSpeaksToPeople() throws {
        let outcome = try Tool.run(
            ["doctor"], environment: ["SPECCLIP_GNUPLOT": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent"])
        #expect(outcome.code == 0)
        #expect(outcome.output.contains("gnuplot"))
        #expect(outcome.output.contains("specclip data fetch"))
    }
}
