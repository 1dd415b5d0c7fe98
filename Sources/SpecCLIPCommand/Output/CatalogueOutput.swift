import Foundation
import Training

/// Where the rows of a catalogue go as they come: to a file, through its journal, or to standard output.
struct CatalogueOutput {
    private let journal: Journal?
    private let format: TextFormat
    /// What is printed at the end, since columns can be aligned only when all rows are known.
    private var held: OutputTable
    private var isFirst = true

    /// - Parameters:
    ///   - columns: of the catalogue, without rows.
    ///   - url: the file; nil prints in `format`.
    ///   - settings: what decides the rows; an interrupted run goes on only under the same.
    ///   - restart: begin anew.
    init(
        _ columns: [OutputTable.Column], to url: URL?, format: TextFormat, settings: String, restart: Bool
    ) throws {
        journal = try url.map { try Journal(for: $0, columns: columns, settings: settings, restart: restart) }
        self.format = format
        held = OutputTable(columns: columns)
        // Ctrl-C ends the work between two batches: what is done stays.
        if journal != nil { Interruption.listen() }
    }

    /// Makes the input leave out what an interrupted run has done.
    func resume(_ stars: StarInput) {
        guard let journal else { return }
        stars.onFailure = { try journal.append(failureAt: $0) }
        guard let last = journal.last else { return }
        stars.done = last
        (stars.count, stars.failures) = (journal.rowCount, journal.failures)
        Program.note("specclip: goes on after the \(journal.rowCount) stars that are done")
    }

    /// Takes rows in, at their places in the input.
    /// - Throws: `TrainingError.interrupted` when Ctrl-C was pressed; the rows are kept.
    mutating func append(_ table: OutputTable, at positions: [InputPosition]) throws {
        guard let journal else {
            guard format == .csv else { return held.append(table) }
            print(table.csv(withHeader: isFirst), terminator: "")
            isFirst = false
            return
        }
        try journal.append(table, at: positions)
        if Interruption.isRequested {
            throw CatalogueInterrupted(rows: journal.rowCount)
        }
    }

    /// Puts the file in place, or prints what was held back.
    /// - Parameter isEmpty: whether no star was read: then nothing is written.
    func finish(isEmpty: Bool) throws {
        guard let journal else {
            if !isEmpty, format != .csv { print(held.text(format), terminator: "") }
            return
        }
        if isEmpty { journal.discard() } else { try journal.finish() }
    }
}

/// Ctrl-C while a catalogue was being made.
struct CatalogueInterrupted: Error, CustomStringConvertible {
    let rows: Int

    var description: String { "interrupted: \(rows) stars are kept; the same command goes on from there" }
}
