import Datasets
import Foundation
import Instruments
import Spectra
import Support
import Tables

/// What is read: spectrum files, or rows of a data set.
public struct ObservationInput: Sendable {
    /// What is read, piece by piece.
    public let units: [InputUnit]
    /// The files of all units.
    public let paths: [String]
    /// The split of a data set.
    public var split: Split
    /// Conditions on labels of a data set.
    public var conditions: [LabelCondition]
    /// At most so many stars of a data set, evenly sampled.
    public var limit: Int?
    /// Whose spectra they are; nil deduces it from each spectrum.
    public var instrument: Instrument?
    /// How spectra of files are prepared.
    public var options: PrepareOptions
    /// What files do not say themselves.
    public var reading: ReadingOptions

    /// An input; nothing is read yet.
    /// - Parameters:
    ///   - paths: files as the user wrote them.
    ///   - split: of a data set.
    ///   - conditions: on labels of a data set.
    ///   - limit: stars of a data set at the most, evenly sampled.
    ///   - instrument: whose spectra they are; nil deduces it from each spectrum.
    ///   - options: how spectra of files are prepared.
    ///   - reading: what files do not say themselves.
    public init(
        _ paths: [String], split: Split = .test, conditions: [LabelCondition] = [], limit: Int? = nil,
        instrument: Instrument? = nil, options: PrepareOptions = PrepareOptions(),
        reading: ReadingOptions = ReadingOptions()
    ) {
        self.init(
            units: paths.map { InputUnit($0) }, split: split, conditions: conditions, limit: limit,
            instrument: instrument, options: options, reading: reading)
    }

    /// As ``init(_:split:conditions:limit:instrument:options:reading:)``, of files and partitions of catalogues.
    public init(
        units: [InputUnit], split: Split = .test, conditions: [LabelCondition] = [], limit: Int? = nil,
        instrument: Instrument? = nil, options: PrepareOptions = PrepareOptions(),
        reading: ReadingOptions = ReadingOptions()
    ) {
        self.units = units
        paths = units.flatMap(\.paths)
        self.split = split
        self.conditions = conditions
        self.limit = limit
        self.instrument = instrument
        self.options = options
        self.reading = reading
        if let instrument { self.reading.instrument = instrument }
    }

    /// The instruments whose rows are read of a data set.
    func instruments(of data: PairedDataSet, among known: [Instrument]) -> [Instrument] {
        (instrument.map { [$0] } ?? known).filter { data.has($0) }
    }
}

/// Observations of an input, one batch at a time in its order, so that memory does not grow with their number. What fails is
/// told and left out; the others go on. The next ones are read while a batch is worked on.
public final class ObservationStream {
    /// Observations handed over so far; with `failures` set anew where work goes on.
    public var count = 0
    /// Spectra that failed so far.
    public var failures = 0
    /// The data set, if that is what was given.
    public let dataSet: PairedDataSet?
    /// The last spectrum that earlier, interrupted work is done with: what stands up to it is left out.
    public var done: RowPosition?
    /// Whether a data set's rows come with the spectra of all instruments at once, instead of instrument by instrument.
    public var rowsComeWhole = false
    /// The instruments of which a missing band is drawn; spectra of others are left out where they lack one that is needed.
    public var instrumentsWithDrawnBands: [Instrument] = []
    /// Told of each spectrum that failed.
    public var onFailure: (RowPosition, any Error) throws -> Void = { _, _ in }
    /// Told what was assumed or left out of a spectrum, by its name.
    public var onNotes: ([String], String) -> Void = { _, _ in }
    /// Told how many spectra are done, and of how many where that is known.
    public var onProgress: (Int, Int?) -> Void = { _, _ in }

    /// Where units are kept apart: no batch holds spectra of two.
    public struct UnitEvents {
        /// Asked before a unit is read, by its number; false leaves it out.
        var begins: (Int) throws -> Bool
        /// Told that a unit was read, or why it cannot be.
        var ends: (Int, (any Error)?) throws -> Void

        /// What to ask and tell.
        /// - Parameters:
        ///   - begins: asked before a unit is read, by its number; false leaves it out.
        ///   - ends: told that a unit was read, or why it cannot be.
        public init(begins: @escaping (Int) throws -> Bool, ends: @escaping (Int, (any Error)?) throws -> Void) {
            (self.begins, self.ends) = (begins, ends)
        }
    }

    /// Keeps units apart.
    public var unitEvents: UnitEvents?

    private let input: ObservationInput
    /// The instruments that are read.
    private let known: [Instrument]

    /// - Parameters:
    ///   - input: what is read.
    ///   - known: instruments that the model reads.
    /// - Throws: `Diagnostic` for input that makes no sense as a whole.
    public init(_ input: ObservationInput, among known: [Instrument]) throws {
        self.input = input
        self.known = known
        let dataSets = input.paths.filter(Self.isDataSet)
        guard dataSets.isEmpty || input.paths.count == 1 else {
            throw Diagnostic(
                dataSets[0], problem: "is a data set among other inputs", remedy: "give it alone")
        }
        dataSet = try dataSets.first.map { try PairedDataSet(opening: URL(fileURLWithPath: $0)) }
        guard dataSet != nil || (input.conditions.isEmpty && input.limit == nil) else {
            throw Diagnostic(
                input.limit == nil ? "--where" : "--limit", problem: "chooses among the stars of a data set",
                remedy: "give an HDF5 data set")
        }
        if let dataSet { try check(dataSet) }
    }

    /// Hands batches of at most `size` observations to `body`. Files may mix instruments, so may a batch; a data set comes
    /// instrument by instrument. All that is told is told on the caller's thread, in the order of the input.
    public func forEachBatch(of size: Int = 256, _ body: ([Observation]) throws -> Void) throws {
        let source = ObservationSource(
            input: input, known: known, dataSet: dataSet, done: done, rowsComeWhole: rowsComeWhole,
            drawn: instrumentsWithDrawnBands, keepsUnitsApart: unitEvents != nil, size: size)
        try readingAhead(most: 2, mayBeLeft: input.paths.contains(where: Self.isPipe)) { told in
            try source.read(telling: told)
        } taking: { event in
            switch event {
            case .begins(let unit): return try unitEvents?.begins(unit) ?? true
            case .ends(let unit, let problem): try unitEvents?.ends(unit, problem)
            case .notes(let notes, let name): onNotes(notes, name)
            case .failed(let position, let error):
                failures += 1
                try onFailure(position, error)
            case .batch(let observations, let total):
                if !observations.isEmpty { try body(observations) }
                count += observations.count
                // Of files nobody knows how many spectra there will be.
                onProgress(total == nil ? count : count + failures, total)
            }
            return true
        }
    }

    /// Whether a file is a data set of split stars: HDF5 by its first bytes, and not of spectra alone. (Pipes are not asked: what
    /// is read of them is gone.)
    public static func isDataSet(_ path: String) -> Bool {
        guard isRegular(path), let handle = FileHandle(forReadingAtPath: path) else { return false }
        defer { try? handle.close() }
        guard let head = try? handle.read(upToCount: 8), HDF5File.recognises(head) else { return false }
        return PairedDataSet.mayBe(at: URL(fileURLWithPath: path))
    }

    /// Whether a path can be read only once: a pipe, or standard input.
    public static func isPipe(_ path: String) -> Bool {
        var status = stat()
        return path == "-"
            || (stat(path, &status) == 0 && [S_IFIFO, S_IFCHR, S_IFSOCK].contains(status.st_mode & S_IFMT))
    }

    static func isRegular(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    private func check(_ data: PairedDataSet) throws {
        let read = input.instruments(of: data, among: known)
        for instrument in read { try data.check(against: instrument) }
        guard !read.isEmpty else {
            throw Diagnostic(
                input.paths[0], field: "instruments",
                problem: "holds \(data.instruments.map(\.name).joined(separator: ", "))"
                    + ", of which none is asked for and known",
                remedy: "known are " + known.map(\.name).joined(separator: ", "))
        }
        try data.requireStars(input.split, of: input.paths[0], option: "--split")
    }
}
