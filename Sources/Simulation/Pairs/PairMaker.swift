import Datasets
import Foundation
import Spectra
import Support

/// Makes paired data sets, one tier a file. Rows are streamed: memory does not grow with their number.
public struct PairMaker: Sendable {
    /// What to make.
    public let tier: PairTier
    /// How.
    public let options: PairOptions
    /// Where the libraries are.
    public let store: LibraryStore

    /// How far the work has come: rows read of rows there are. What it throws ends the work.
    public typealias Progress = (_ done: Int, _ total: Int) throws -> Void

    /// A maker of one tier.
    public init(_ tier: PairTier, options: PairOptions = PairOptions(), store: LibraryStore = LibraryStore()) {
        self.tier = tier
        self.options = options
        self.store = store
    }

    /// Makes the file.
    ///
    /// - Parameters:
    ///   - url: the file to make.
    ///   - force: replace an existing file.
    ///   - progress: called on the calling thread after each batch.
    /// - Throws: `Diagnostic` when a library is missing, the options make no sense or the file cannot be written;
    ///   nothing half-written stays behind.
    public func write(to url: URL, force: Bool = false, progress: Progress = { _, _ in }) throws {
        try check()
        let source = try makeSource()
        let writer = try PairedDataSetWriter(
            creating: url, instruments: source.instruments, labels: source.labelNames, tier: tier.rawValue, force: force
        )
        var tally = PairTally()
        let wanted = (0..<source.count).evenlySampled(options.limit ?? .max)
        for start in stride(from: 0, to: wanted.count, by: Self.batch) {
            let end = min(wanted.count, start + Self.batch)
            let results = try source.rows(Array(wanted[start..<end]))
            // The order of rows is that of the source, whatever thread made them.
            for split in Split.allCases {
                let rows = results.compactMap { if case .row(let row, split) = $0 { row } else { nil } }
                try writer.append(split: split, rows: rows)
                tally.written[split.rawValue, default: 0] += rows.count
            }
            for case .skipped(let reason) in results { tally.skipped[reason, default: 0] += 1 }
            try progress(end, wanted.count)
        }
        writer.provenance = try settingsText(
            PairProvenance(
                tier: tier, options: options, notes: source.notes, rows: tally.written, skipped: tally.skipped))
        try writer.finish()
    }

    private static let batch = 1024

    private func makeSource() throws -> any PairSource {
        switch tier {
        case .realXP: try RealXPSource(store, options)
        case .realMILES: try RealMILESSource(store, options)
        case .semiSynthetic: try SemiSyntheticSource(store, options)
        case .opticalPairs: try SemiSyntheticSource(optical: store, options)
        case .fourInstruments: try SharedStarsSource(store, options)
        case .sameSpectrum: try SameSpectrumSource(store, options)
        case .milesMixtures: try MILESMixtureSource(store, options)
        case .opticalMixtures: try MILESMixtureSource(store, options, of: .optical)
        case .procedural: ProceduralSource(options)
        }
    }

    private func check() throws {
        let shares = [options.validation, options.test, options.calibration]
        guard shares.allSatisfy({ $0 >= 0 && $0 < 1 }), shares.reduce(0, +) < 1 else {
            throw Diagnostic(
                "pairs", field: "validation, test, calibration", problem: "shares \(shares) leave nothing to train on",
                remedy: "give shares that sum to less than 1")
        }
        guard options.limit ?? 1 > 0, options.realisations > 0 else {
            throw Diagnostic(
                "pairs", field: "limit, realisations", problem: "are not positive", remedy: "give 1 or more")
        }
    }
}

/// Where the rows of a tier come from.
protocol PairSource {
    /// Instruments of each row.
    var instruments: [Instrument] { get }
    /// Labels of the rows.
    var labelNames: [String] { get }
    /// What a reader of the file must know of its making.
    var notes: [String] { get }
    /// Number of candidates, those that will be left out included.
    var count: Int { get }
    /// The rows of the candidates `wanted`, in this order.
    func rows(_ wanted: [Int]) throws -> [PairCandidate]
}

/// What became of a candidate.
enum PairCandidate: Sendable {
    case row(PairedRow, Split)
    case skipped(String)
}

private struct PairTally {
    var written: [String: Int] = [:]
    var skipped: [String: Int] = [:]
}
