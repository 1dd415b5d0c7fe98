import ArgumentParser
import Foundation
import Support
import Tables

/// Where the rows of every result go as they come: to a file, through its journal, or to standard output.
///
/// A file appears whole, in the end; until then its rows lie in a journal beside it, so that an interrupted run, even a
/// killed one, goes on where it was, and memory does not grow with the rows.
final class RowOutput {
    private let journal: RowJournal?
    private let print: TextFormat
    private let file: RowJournal.Format
    /// What is printed at the end, since columns can be aligned only when all rows are known.
    private var held: Table
    private var isFirst = true

    /// Where the last row of an interrupted run stood in the input.
    var last: RowPosition? { journal?.last }
    /// Inputs that an interrupted run has done, and those of them that failed.
    var inputCount: Int { journal?.inputCount ?? 0 }
    var failures: Int { journal?.failures ?? 0 }

    /// - Parameters:
    ///   - columns: of the result, without rows.
    ///   - url: the file; nil prints.
    ///   - settings: what decides the rows; an interrupted run goes on only under the same.
    ///   - restart: begin anew.
    ///   - format: how the file is written.
    ///   - print: how rows are printed.
    init(
        _ columns: Table, to url: URL?, settings: @autoclosure () -> [String], restart: Bool,
        as format: @escaping RowJournal.Format = TableFile.create, print: TextFormat = .table
    ) throws {
        journal = try url.map {
            let settings = ContentHash.of(settings().joined(separator: "\n"))
            return try RowJournal(for: $0, columns: columns, settings: settings, restart: restart)
        }
        (file, self.print, held) = (format, print, columns)
        // Ctrl-C ends the work between two batches: what is done stays.
        if journal != nil { Interruption.listen() }
    }

    /// Takes rows in, at their places in the input.
    /// - Throws: `RowsInterrupted` when Ctrl-C was pressed; the rows are kept.
    func append(_ rows: Table, at positions: [RowPosition]) throws {
        guard let journal else {
            guard print == .csv else { return held.append(rows) }
            Swift.print(rows.csv(withHeader: isFirst), terminator: "")
            isFirst = false
            return
        }
        try journal.append(rows, at: positions)
        if Interruption.isRequested { throw RowsInterrupted(inputs: journal.inputCount) }
    }

    /// Notes an input that failed.
    func append(failureAt position: RowPosition) throws { try journal?.append(failureAt: position) }

    /// Looks at all rows before they are written, also at those of an interrupted run.
    func eachTable(_ body: (Table) throws -> Void) throws {
        if let journal { try journal.eachTable(body) } else { try body(held) }
    }

    /// Forgets the rows: those to come will never follow them.
    func discard() { journal?.discard() }

    /// Puts the file in place, or prints what was held back.
    /// - Parameters:
    ///   - isEmpty: whether nothing was read: then nothing is written.
    ///   - text: how rows are printed for people; aligned columns by default.
    func finish(isEmpty: Bool, text: (Table) -> String = { $0.text(.table) }) throws {
        guard let journal else {
            if isEmpty || print == .csv { return }
            return Swift.print(print == .table ? text(held) : held.text(print), terminator: "")
        }
        if isEmpty { journal.discard() } else { try journal.finish(as: file) }
    }
}

/// Ctrl-C while a result was being made.
struct RowsInterrupted: Error, CustomStringConvertible {
    let inputs: Int

    var description: String { "interrupted: \(inputs) stars are kept; the same command goes on from there" }
}

/// Where a result goes that is written row by row.
struct ResultOptions: ParsableArguments {
    @OptionGroup var output: OutputOptions
    @Flag(help: "Begin anew instead of going on with an interrupted run.") var restart = false
}
