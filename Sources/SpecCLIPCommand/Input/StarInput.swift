import ArgumentParser
import Foundation
import Spectra
import Support

/// The stars a command reads, one batch at a time in the order of the input, so that memory does not grow with their
/// number. What fails is reported at once on standard error and left out; the others go on.
final class StarInput {
    /// Spectra that failed so far.
    var failures = 0
    /// Spectra handed over so far.
    var count = 0
    /// The data set, if that is what was given.
    let dataSet: PairedDataSet?
    /// The last spectrum that an earlier, interrupted run is done with: what stands up to it is left out.
    var done: InputPosition?
    /// Whether a data set's rows come with the spectra of all instruments at once, instead of instrument by instrument.
    var rowsComeWhole = false
    /// Told of each spectrum that failed, beside the report on standard error.
    var onFailure: (InputPosition) throws -> Void = { _ in }

    private let options: InputOptions
    /// The instruments the model reads.
    private let known: [Instrument]
    /// The one instrument asked for.
    private let chosen: Instrument?
    private var progress: ProgressLine
    private var notes = PreparationNotes()
    private let what: String

    /// - Parameters:
    ///   - known: instruments that the model reads.
    ///   - what: what is done with the stars, for the progress line.
    /// - Throws: `CommandError` for input that makes no sense as a whole.
    init(_ options: InputOptions, among known: [Instrument], doing what: String) throws {
        self.options = options
        self.known = known
        self.what = what
        progress = ProgressLine(what)
        chosen = try options.instrument.map { try Self.instrument(named: $0, among: known) }
        let dataSets = options.inputs.filter(Self.isHDF5)
        guard dataSets.isEmpty || options.inputs.count == 1 else {
            throw CommandError(
                subject: dataSets[0], problem: "is a data set among other inputs", remedy: "give it alone")
        }
        dataSet = try dataSets.first.map { try PairedDataSet(opening: URL(fileURLWithPath: $0)) }
        guard dataSet != nil || (options.conditions.isEmpty && options.limit == nil) else {
            throw CommandError(
                subject: options.limit == nil ? "--where" : "--limit", problem: "chooses among the stars of a data set",
                remedy: "give an HDF5 data set")
        }
        if let dataSet { try check(dataSet) }
    }

    /// Hands batches of at most `size` stars to `body`. Files may mix instruments, so may a batch; a data set comes
    /// instrument by instrument.
    func forEachBatch(of size: Int = 256, _ body: ([Star]) throws -> Void) throws {
        // The clock starts with the work, not with its preparation.
        progress = ProgressLine(what)
        defer { progress.finish() }
        if let dataSet {
            try readRows(of: dataSet, size, body)
        } else {
            try readFiles(size, body)
        }
    }

    /// Says how often what was noted of one spectrum holds of others, and fails the command if any spectrum failed.
    func finish() throws {
        notes.finish()
        if count == 0 && failures == 0 {
            throw CommandError(
                subject: options.inputs.joined(separator: " "), problem: "holds no spectra",
                remedy: options.conditions.isEmpty
                    ? "give files with spectra, or another --split" : "give another --where or --split")
        }
        if failures > 0 {
            if failures + count > 1 {
                let others = count > 0 ? "; the others are done" : ""
                Program.note("specclip: \(failures) of \(failures + count) spectra failed (see above)\(others)")
            }
            throw ExitCode(Program.Code.failed)
        }
    }

    /// Whether a file is HDF5, by its first bytes.
    static func isHDF5(_ path: String) -> Bool {
        guard let handle = FileHandle(forReadingAtPath: path) else { return false }
        defer { try? handle.close() }
        return (try? handle.read(upToCount: 8)) == Data([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A])
    }

    /// The instrument called `name` among those known.
    static func instrument(named name: String, among known: [Instrument]) throws -> Instrument {
        if let found = known.first(where: { $0.name == name.lowercased() || $0.embeddingKey == name }) { return found }
        throw CommandError(
            subject: "--instrument \(name)", problem: "is not known here",
            remedy: "known are " + known.map(\.name).joined(separator: ", "))
    }

    // MARK: - Data sets

    private func check(_ data: PairedDataSet) throws {
        let read = (chosen.map { [$0] } ?? known).filter { data.has($0) }
        for instrument in read { try data.check(against: instrument) }
        guard !read.isEmpty else {
            throw CommandError(
                subject: options.inputs[0], field: "instruments",
                problem: "holds \(data.instruments.map(\.name).joined(separator: ", "))"
                    + ", of which none is asked for and known",
                remedy: "known are " + known.map(\.name).joined(separator: ", "))
        }
        guard data.count(options.split) > 0 else {
            let filled = Split.allCases.filter { data.count($0) > 0 }.map(\.rawValue)
            throw CommandError(
                subject: options.inputs[0], field: options.split.rawValue, problem: "the split is empty",
                remedy: "give --split " + filled.joined(separator: " or "))
        }
    }

    private func readRows(of data: PairedDataSet, _ size: Int, _ body: ([Star]) throws -> Void) throws {
        let ids = try data.sourceIDs(options.split)
        let chosenRows = try chosenRows(of: data)
        let read = (chosen.map { [$0] } ?? known).filter { data.has($0) }
        for (part, instruments) in (rowsComeWhole ? [read] : read.map { [$0] }).enumerated() {
            let first = firstRow(of: part)
            for start in stride(from: min(first, chosenRows.count), to: chosenRows.count, by: size) {
                let block = Array(chosenRows[start..<min(start + size, chosenRows.count)])
                let stars = try instruments.flatMap { instrument in
                    try self.stars(of: data, instrument, block, ids, from: InputPosition(part: part, row: start))
                }
                if !stars.isEmpty { try body(stars) }
                count += stars.count
                progress.update(count + failures, of: chosenRows.count * read.count)
            }
        }
    }

    /// Rows of a data set as one instrument saw them; what fails is left out.
    private func stars(
        of data: PairedDataSet, _ instrument: Instrument, _ block: [Int], _ ids: [String], from first: InputPosition
    ) throws -> [Star] {
        let spectra = try data.spectra(instrument, split: options.split, indices: block)
        return try block.enumerated().compactMap { place, row -> Star? in
            let position = InputPosition(part: first.part, row: first.row + place)
            let (flux, weights) = (spectra.flux(ofRow: place), spectra.ivar(ofRow: place).map(Array.init))
            let name = "\(options.inputs[0])#\(row)"
            do {
                try RowCheck.check(flux, of: instrument, name: name)
            } catch {
                try fail(error, at: position)
                return nil
            }
            let prepared = PreparedSpectrum(
                flux: Array(flux), ivar: weights, mask: weights?.map { $0 <= 0 } ?? [],
                snr: spectra.signalToNoise(ofRow: place), origin: name,
                sourceID: ids[row])
            return Star(
                name: name, sourceID: ids[row], instrument: instrument, prepared: prepared, position: position)
        }
    }

    /// The rows that meet all conditions, evenly sampled up to the limit.
    private func chosenRows(of data: PairedDataSet) throws -> [Int] {
        let rows = try data.rows(where: options.conditions, split: options.split)
        return options.limit.map { rows.evenlySampled($0) } ?? rows
    }

    // MARK: - Files

    private func readFiles(_ size: Int, _ body: ([Star]) throws -> Void) throws {
        var waiting: [Star] = []
        func hand(over all: Bool) throws {
            while waiting.count >= size || (all && !waiting.isEmpty) {
                let batch = Array(waiting.prefix(size))
                waiting.removeFirst(batch.count)
                try body(batch)
                count += batch.count
                progress.update(count)
            }
        }
        func take(_ results: [Result<Star, any Error>], part: Int, first: Int) throws {
            for (row, result) in results.enumerated() {
                let position = InputPosition(part: part, row: first + row)
                switch result {
                case .success(var star):
                    star.position = position
                    notes.add(star.prepared.notes, about: star.name)
                    waiting.append(star)
                case .failure(let error): try fail(error, at: position)
                }
            }
            try hand(over: false)
        }
        let preparation = preparation
        var part = 0
        while part < options.inputs.count {
            let small = smallFiles(from: part)
            if small.count > 1 {
                let paths = Array(options.inputs[small])
                for (file, results) in zip(small, parallelMap(paths) { preparation.everything(in: $0) }) {
                    try take(results, part: file, first: 0)
                }
            } else if case let next = firstRow(of: part), next < Int.max {
                let path = options.inputs[part]
                do {
                    try SpectrumReader.stream(
                        URL(fileURLWithPath: path), as: chosen, rows: next..<Int.max, batch: size
                    ) { spectra, first in
                        let results = parallelMap(spectra) { preparation(of: $0, in: path) }
                        do { try take(results, part: part, first: first) } catch { throw BodyFailure(error: error) }
                    }
                } catch let failure as BodyFailure {
                    throw failure.error
                } catch {
                    try fail(error, at: InputPosition(part: part, row: next))
                }
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

    private func fail(_ error: any Error, at position: InputPosition) throws {
        progress.finish()
        Program.report(error)
        failures += 1
        try onFailure(position)
    }

    /// Files that follow each other from `part` on, so small that several may be in memory at once; they are read side by
    /// side. None where an earlier, interrupted run has done some of the first.
    private func smallFiles(from part: Int) -> Range<Int> {
        var end = part
        while end < min(part + 64, options.inputs.count), firstRow(of: end) == 0,
            let size = (try? FileManager.default.attributesOfItem(atPath: options.inputs[end]))?[.size] as? Int,
            size < 1 << 20
        {
            end += 1
        }
        return part..<end
    }

    private var preparation: Preparation {
        Preparation(known: known, chosen: chosen, options: options.prepareOptions)
    }
}

/// How spectra of files become stars.
private struct Preparation: Sendable {
    let known: [Instrument]
    let chosen: Instrument?
    let options: PrepareOptions

    /// A spectrum of the file at `path`, which the user wrote so, whatever the system resolves it to.
    func callAsFunction(of spectrum: Spectrum, in path: String) -> Result<Star, any Error> {
        Result {
            var spectrum = spectrum
            spectrum.origin = path + (spectrum.origin.lastIndex(of: "#").map { spectrum.origin[$0...] } ?? "")
            guard let instrument = chosen ?? InstrumentGuess.instrument(of: spectrum, among: known) else {
                throw CommandError(subject: spectrum.origin, problem: "the model knows no instrument", remedy: "")
            }
            return Star(
                name: spectrum.origin, sourceID: spectrum.sourceID ?? "", instrument: instrument,
                prepared: try instrument.prepare(spectrum, options: options), raw: spectrum)
        }
    }

    /// All spectra of a file; the reason why it cannot be read stands for its first.
    func everything(in path: String) -> [Result<Star, any Error>] {
        do {
            return try SpectrumReader.read(URL(fileURLWithPath: path), as: chosen).map { self(of: $0, in: path) }
        } catch {
            return [.failure(error)]
        }
    }
}

/// `transform` of every element, in order, computed on all cores.
func parallelMap<Element: Sendable, Value: Sendable>(
    _ elements: [Element], _ transform: @Sendable (Element) -> Value
) -> [Value] {
    guard elements.count > 1 else { return elements.map(transform) }
    var values = [Value?](repeating: nil, count: elements.count)
    values.withUnsafeMutableBufferPointer { buffer in
        // Each iteration writes its own element.
        nonisolated(unsafe) let out = buffer
        DispatchQueue.concurrentPerform(iterations: elements.count) { out[$0] = transform(elements[$0]) }
    }
    return values.compactMap { $0 }
}
