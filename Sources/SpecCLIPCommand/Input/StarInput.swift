import ArgumentParser
import Foundation
import Spectra
import StarReading
import Support

/// The input of a command: observations with progress, notes and failures told on standard error.
final class StarInput {
    private let input: ObservationInput
    private let stream: ObservationStream
    private let what: String
    private var progress: ProgressLine
    private var notes = PreparationNotes()
    /// Whether other workers read other parts of the input: there may be nothing left for this one.
    private var isShare = false

    /// - Parameters:
    ///   - known: instruments that the model reads.
    ///   - what: what is done with the stars, for the progress line.
    ///   - rowsComeWhole: rows of a data set come with the spectra of all instruments at once.
    ///   - drawn: instruments of which a missing band is drawn.
    ///   - rows: where results go; what it has from an interrupted run is left out of the input, and of a shard what is not its
    ///     own.
    /// - Throws: `Diagnostic` for input that makes no sense as a whole.
    convenience init(
        _ options: InputOptions, among known: [Instrument], doing what: String, rowsComeWhole: Bool = false,
        drawingBandsOf drawn: [Instrument] = [], into rows: RowOutput? = nil
    ) throws {
        try self.init(
            options.observations(among: known, shard: rows?.shard), among: known, doing: what,
            rowsComeWhole: rowsComeWhole, drawingBandsOf: drawn, into: rows)
    }

    /// As above, of an input that no options describe.
    init(
        _ input: ObservationInput, among known: [Instrument], doing what: String, rowsComeWhole: Bool = false,
        drawingBandsOf drawn: [Instrument] = [], into rows: RowOutput? = nil
    ) throws {
        self.input = input
        self.what = what
        progress = ProgressLine(what)
        stream = try ObservationStream(input, among: known)
        stream.rowsComeWhole = rowsComeWhole
        stream.instrumentsWithDrawnBands = drawn
        stream.onProgress = { [unowned self] in progress.update($0, of: $1) }
        stream.onNotes = { [unowned self] in notes.add($0, about: $1) }
        stream.onFailure = { [unowned self] position, error in
            progress.finish()
            Program.report(error)
            try rows?.append(failureAt: position)
        }
        rows?.onLostRow = { [unowned self] in
            stream.count -= 1
            stream.failures += 1
        }
        stream.unitEvents = rows?.unitEvents { [unowned self] inputs, failures in
            stream.count += inputs
            stream.failures += failures
        }
        isShare = rows?.shard != nil
        guard let rows, let last = rows.last else { return }
        stream.done = last
        (stream.count, stream.failures) = (rows.inputCount, rows.failures)
        Program.note("specclip: goes on after the \(rows.inputCount) stars that are done")
    }

    /// Observations handed over so far.
    var count: Int { stream.count }

    /// Spectra that failed so far.
    var failures: Int { stream.failures }

    /// Whether rows of a data set are read.
    var isDataSet: Bool { stream.dataSet != nil }

    /// Hands batches of at most `size` observations to `body`.
    func forEachBatch(of size: Int = 256, _ body: ([Observation]) throws -> Void) throws {
        // The clock starts with the work, not with its preparation.
        progress = ProgressLine(what)
        defer { progress.finish() }
        try stream.forEachBatch(of: size, body)
    }

    /// Says how often what was noted of one spectrum holds of others, and fails the command if any spectrum failed.
    func finish() throws {
        notes.finish()
        let (count, failures) = (stream.count, stream.failures)
        if count == 0 && failures == 0 && !isShare {
            throw Diagnostic(
                input.paths.joined(separator: " "), problem: "holds no spectra",
                remedy: input.conditions.isEmpty
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
}

/// What was assumed or left out of spectra: said once with the first of them that it concerns, and counted for the others,
/// so that a survey's files do not bury it.
struct PreparationNotes {
    private var counts: [(note: String, spectra: Int)] = []

    /// Says what is new of a spectrum's notes.
    mutating func add(_ notes: [String], about name: String) {
        for note in notes {
            if let known = counts.firstIndex(where: { $0.note == note }) {
                counts[known].spectra += 1
            } else {
                counts.append((note, 1))
                Program.note("specclip: \(name): \(note)")
            }
        }
    }

    /// Says how many more spectra each note concerned.
    func finish() {
        for (note, spectra) in counts where spectra > 1 {
            Program.note("specclip: \(spectra - 1) more of the spectra: \(note)")
        }
    }
}
