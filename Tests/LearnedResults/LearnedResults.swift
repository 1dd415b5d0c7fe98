import Foundation
import Testing

extension Tag {
    /// The outcome is the end of a training, or of a fit to drawn data. It differs between processors, whose sums round
    /// differently, and a training multiplies the difference: `make test` runs these under two sets of instructions
    /// (scripts/learned.sh finds them).
    @Tag public static var learned: Self
}

/// Tests of learned results: their seeds can be moved, and the figures they judge are written down, so that bounds can be
/// set from measured runs (scripts/margins.sh does both).
///
/// A bound lies where no run is expected: three standard deviations from the mean of at least eight seeds under several
/// sets of instructions. The figures stand beside it as `mean ± s (n)`.
public enum LearnedResults {
    /// How far `$SPECCLIP_TEST_SEED` moves all seeds; 0 by default.
    public static let offset = ProcessInfo.processInfo.environment["SPECCLIP_TEST_SEED"].flatMap(UInt64.init) ?? 0

    /// The seed to use where a test names `base`. Seeds of one run stay apart, and none is another run's.
    public static func seed(_ base: UInt64) -> UInt64 { base &+ 1000 &* offset }

    fileprivate enum Side: String {
        case above, below
        case exactly
    }

    /// Appends `side,bound,value,what` to the file that `$SPECCLIP_TEST_FIGURES` names.
    fileprivate static func record(_ value: Double, _ side: Side, _ bound: Double, _ what: String) {
        guard let path = ProcessInfo.processInfo.environment["SPECCLIP_TEST_FIGURES"] else { return }
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let file = FileHandle(forWritingAtPath: path) else { return }
        defer { try? file.close() }
        _ = try? file.seekToEnd()
        try? file.write(contentsOf: Data("\(side.rawValue),\(bound),\(value),\(what)\n".utf8))
    }
}

/// Expects a learned figure above a bound.
/// - Parameter what: names the figure among all tests, for the table of margins.
public func expectLearned(
    _ value: Double, above bound: Double, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
) {
    LearnedResults.record(value, .above, bound, what)
    #expect(value > bound, "\(what)", sourceLocation: sourceLocation)
}

/// Expects a learned figure below a bound.
/// - Parameter what: names the figure among all tests, for the table of margins.
public func expectLearned(
    _ value: Double, below bound: Double, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
) {
    LearnedResults.record(value, .below, bound, what)
    #expect(value < bound, "\(what)", sourceLocation: sourceLocation)
}

/// Expects a learned number that every run must find, such as a dimension.
/// - Parameter what: names the figure among all tests, for the table of margins.
public func expectLearned(
    _ value: Int?, exactly expected: Int, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
) {
    LearnedResults.record(value.map(Double.init) ?? .nan, .exactly, Double(expected), what)
    #expect(value == expected, "\(what)", sourceLocation: sourceLocation)
}
