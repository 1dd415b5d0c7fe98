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
}

/// Observations of an input, one batch at a time in its order, so that memory does not grow with their number. What fails is
/// told and left out; the others go on.
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
    /// instrument by instrument.
    public func forEachBatch(of size: Int = 256, _ body: ([Observation]) throws -> Void) throws {
        if let dataSet {
            try readRows(of: dataSet, size, body)
        } else {
            try readFiles(size, body)
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

    private static func isRegular(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    // MARK: - Data sets

    /// The instruments whose rows are read.
    private func read(of data: PairedDataSet) -> [Instrument] {
        (input.instrument.map { [$0] } ?? known).filter { data.has($0) }
    }

    private func check(_ data: PairedDataSet) throws {
        let read = read(of: data)
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

    private func readRows(of data: PairedDataSet, _ size: Int, _ body: ([Observation]) throws -> Void) throws {
        let ids = try data.sourceIDs(input.split)
        let chosenRows = try chosenRows(of: data)
        let read = read(of: data)
        let presence = try read.reduce(into: [:]) { $0[$1.name] = try data.presence($1, split: input.split) }
        for (part, instruments) in (rowsComeWhole ? [read] : read.map { [$0] }).enumerated() {
            let first = firstRow(of: part)
            for start in stride(from: min(first, chosenRows.count), to: chosenRows.count, by: size) {
                let block = Array(chosenRows[start..<min(start + size, chosenRows.count)])
                let observations = try instruments.flatMap { instrument in
                    try self.rows(
                        block, of: data, instrument, ids, from: RowPosition(part: part, row: start),
                        presence[instrument.name])
                }
                if !observations.isEmpty { try body(observations) }
                count += observations.count
                onProgress(count + failures, chosenRows.count * read.count)
            }
        }
    }

    /// Rows of a data set as one instrument saw them; what fails is left out.
    private func rows(
        _ block: [Int], of data: PairedDataSet, _ instrument: Instrument, _ ids: [String], from first: RowPosition,
        _ seen: [Bool]?
    ) throws -> [Observation] {
        let spectra = try data.spectra(instrument, split: input.split, indices: block)
        return try block.enumerated().compactMap { place, row -> Observation? in
            guard seen?[row] != false else { return nil }
            let position = RowPosition(part: first.part, row: first.row + place)
            do {
                var observation = try Observation(
                    row: place, of: spectra, instrument, name: "\(input.paths[0])#\(row)", sourceID: ids[row])
                observation.position = position
                return observation
            } catch {
                try fail(error, at: position)
                return nil
            }
        }
    }

    /// The rows that meet all conditions, evenly sampled up to the limit.
    private func chosenRows(of data: PairedDataSet) throws -> [Int] {
        let rows = try data.rows(where: input.conditions, split: input.split)
        return input.limit.map { rows.evenlySampled($0) } ?? rows
    }

    // MARK: - Files

    private func readFiles(_ size: Int, _ body: ([Observation]) throws -> Void) throws {
        var waiting: [Observation] = []
        func hand(over all: Bool) throws {
            while waiting.count >= size || (all && !waiting.isEmpty) {
                let batch = Array(waiting.prefix(size))
                waiting.removeFirst(batch.count)
                try body(batch)
                count += batch.count
                onProgress(count, nil)
            }
        }
        func take(_ results: [Result<Observation, any Error>], part: Int, first: Int) throws {
            for (row, result) in results.enumerated() {
                let position = RowPosition(part: part, row: first + row)
                switch result {
                case .success(var observation):
                    observation.position = position
                    if !observation.prepared.notes.isEmpty { onNotes(observation.prepared.notes, observation.name) }
                    waiting.append(observation)
                case .failure(let error): try fail(error, at: position)
                }
            }
            try hand(over: false)
        }
        let preparation = Preparation(
            known: known, chosen: input.instrument, options: input.options, reading: input.reading,
            drawn: instrumentsWithDrawnBands)
        /// - Returns: why the file cannot be read further.
        func stream(_ part: Int, from next: Int) throws -> (any Error)? {
            let path = input.paths[part]
            do {
                let (url, reading) = input.reading.resolving(path)
                try SpectrumReader.stream(url, options: reading, rows: next..<Int.max, batch: size) { spectra, first in
                    let results = concurrentMap(spectra) { preparation(of: $0, in: path) }
                    do { try take(results, part: part, first: first) } catch { throw BodyFailure(error: error) }
                }
                return nil
            } catch let failure as BodyFailure {
                throw failure.error
            } catch {
                try fail(error, at: RowPosition(part: part, row: next))
                return error
            }
        }
        var part = 0
        if let events = unitEvents {
            for (number, unit) in input.units.enumerated() {
                defer { part += unit.paths.count }
                guard try events.begins(number) else { continue }
                var problem: (any Error)?
                for place in unit.paths.indices where problem == nil { problem = try stream(part + place, from: 0) }
                try hand(over: true)
                try events.ends(number, problem)
            }
            return
        }
        while part < input.paths.count {
            let small = smallFiles(from: part)
            if small.count > 1 {
                let paths = Array(input.paths[small])
                for (file, results) in zip(small, concurrentMap(paths) { preparation.everything(in: $0) }) {
                    try take(results, part: file, first: 0)
                }
            } else if case let next = firstRow(of: part), next < Int.max {
                _ = try stream(part, from: next)
            }
            part += max(1, small.count)
        }
        try hand(over: true)
    }

    /// The first row of a part of the input that is left to do; beyond all rows for a part that is done.
    private func firstRow(of part: Int) -> Int {
        guard let done, part <= done.part else { return 0 }
        return part < done.part ? Int.max : done.row + 1
    }

    /// Tells a failure of the work from one of the file.
    private struct BodyFailure: Error { let error: any Error }

    private func fail(_ error: any Error, at position: RowPosition) throws {
        failures += 1
        try onFailure(position, error)
    }

    /// Files that follow each other from `part` on, so small that several may be in memory at once; they are read side by
    /// side. None where earlier, interrupted work has done some of the first.
    private func smallFiles(from part: Int) -> Range<Int> {
        var end = part
        while end < min(part + 64, input.paths.count), firstRow(of: end) == 0, Self.isRegular(input.paths[end]),
            let size = (try? FileManager.default.attributesOfItem(atPath: input.paths[end]))?[.size] as? Int,
            size < 1 << 20
        {
            end += 1
        }
        return part..<end
    }
}

/// How spectra of files become observations.
private struct Preparation: Sendable {
    let known: [Instrument]
    let chosen: Instrument?
    let options: PrepareOptions
    let reading: ReadingOptions
    let drawn: [Instrument]

    /// A spectrum of the file at `path`, which the user wrote so, whatever the system resolves it to.
    func callAsFunction(of spectrum: Spectrum, in path: String) -> Result<Observation, any Error> {
        Result {
            var spectrum = spectrum
            let number = path.contains("#") ? nil : spectrum.origin.lastIndex(of: "#")
            spectrum.origin = path + (number.map { spectrum.origin[$0...] } ?? "")
            return try Observation(
                spectrum, of: chosen, among: known, options: options, drawingBandsOf: drawn)
        }
    }

    /// All spectra of a file; the reason why it cannot be read stands for its first.
    func everything(in path: String) -> [Result<Observation, any Error>] {
        do {
            let (url, reading) = reading.resolving(path)
            return try SpectrumReader.read(url, options: reading).map { self(of: $0, in: path) }
        } catch {
            return [.failure(error)]
        }
    }
}
