import ArgumentParser
import Foundation
import StarReading
import Support
import Tables

/// Where the rows of every result go as they come: to a file, through its journal; to the partitions of a catalogue; or to
/// standard output.
///
/// A file appears whole, in the end; until then its rows lie in a journal beside it, so that an interrupted run, even a
/// killed one, goes on where it was, and memory does not grow with the rows. A catalogue in HATS that is made from another
/// needs no journal: each finished partition is there, whole.
///
/// Rows are written on a thread of their own while the next are made; what is counted as done is on disk.
final class RowOutput {
    /// What has one user at a time: the writing thread while something is on its way, this one when all is settled.
    private enum Sink: @unchecked Sendable {
        case printed
        case file(RowJournal)
        case partitions(HATSPartitions)

        func take(_ piece: Piece) throws {
            switch (self, piece) {
            case (.printed, _): break
            case (.file(let journal), .rows(let rows, let positions)): try journal.append(rows, at: positions)
            case (.file(let journal), .failure(let position)): try journal.append(failureAt: position)
            case (.partitions(let partitions), .rows(let rows, let positions)):
                try partitions.append(rows, inputs: Set(positions).count)
            case (.partitions(let partitions), .failure): partitions.noteFailure()
            }
        }

        /// Writes on another thread; nil for what is printed.
        var behind: WorkBehind<Piece>? {
            if case .printed = self { nil } else { WorkBehind(most: 2) { piece in try take(piece) } }
        }

        /// What an interrupted run has done of a file.
        var earlier: (last: RowPosition?, inputs: Int, failures: Int) {
            if case .file(let journal) = self {
                (journal.last, journal.inputCount, journal.failures)
            } else {
                (nil, 0, 0)
            }
        }

        /// Inputs whose rows are on disk.
        var inputs: Int {
            switch self {
            case .printed: 0
            case .file(let journal): journal.inputCount
            case .partitions(let partitions): partitions.inputs
            }
        }
    }

    /// What is on its way to the disk.
    private enum Piece: Sendable {
        case rows(Table, [RowPosition])
        case failure(RowPosition)
    }

    private let sink: Sink
    /// Where rows wait for the disk, a few batches at most.
    private let behind: WorkBehind<Piece>?
    private let url: URL?
    private let print: TextFormat
    private let file: RowJournal.Format
    private let run: CatalogueRun?
    private let places: RowPlaces?
    private let completion: (any RowCompletion)?
    /// What is printed at the end, since columns can be aligned only when all rows are known.
    private var held: Table
    private var isFirst = true
    /// Whether any row has a place.
    private var hasRows: Bool
    /// Rows that were lost for want of a place on the sky.
    private var lost = 0
    /// Partitions that cannot be read.
    private var failedUnits = 0
    /// What was seen of the stars that shards share, each of which has its number as the row of its place in the input.
    var stars: ShardRecord.Stars?
    /// What of the run's result these rows are, beside its own.
    private let part: String?
    /// Told of each row that was lost.
    var onLostRow: () -> Void = {}

    /// Where the last row of an interrupted run stood in the input.
    let last: RowPosition?
    /// Inputs that an interrupted run has done, and those of them that failed.
    let inputCount: Int, failures: Int
    /// This worker's share of the input.
    var shard: Shard? { run?.shard }

    /// A file of its own, or standard output.
    /// - Parameters:
    ///   - columns: of the result, without rows.
    ///   - url: the file; nil prints.
    ///   - settings: what decides the rows; an interrupted run goes on only under the same.
    ///   - restart: begin anew.
    ///   - format: how the file is written.
    ///   - print: how rows are printed.
    ///   - beside: the run of whose result these rows are a part, and what they are: if it is a shard, so is the file.
    init(
        _ columns: Table, to url: URL?, settings: @autoclosure () -> [String], restart: Bool,
        as format: @escaping RowJournal.Format = TableFile.create, print: TextFormat = .table,
        beside: (run: CatalogueRun, part: String)? = nil
    ) throws {
        sink =
            try url.map {
                let settings = ContentHash.of(
                    (settings() + [beside?.run.shard?.description ?? ""]).joined(separator: "\n"))
                return .file(try RowJournal(for: $0, columns: columns, settings: settings, restart: restart))
            } ?? .printed
        (file, self.print, held, self.url) = (format, print, columns, url)
        (run, part, places, completion) = (beside?.run, beside?.part, nil, nil)
        (last, inputCount, failures) = sink.earlier
        hasRows = inputCount > 0
        behind = sink.behind
        // Ctrl-C ends the work between two batches: what is done stays.
        if url != nil { Interruption.listen() }
    }

    /// What may be a part of a catalogue.
    /// - Parameters:
    ///   - columns: of the result, without rows.
    ///   - run: what is run, and where its rows go.
    ///   - format: how the file, or each file of a HATS catalogue, is written.
    ///   - print: how rows are printed.
    ///   - completion: what is known of rows when all are there.
    /// - Throws: `Diagnostic` where another run with other settings has begun there.
    init(
        _ columns: Table, of run: CatalogueRun, as format: @escaping RowJournal.Format = TableFile.create,
        print: TextFormat = .table, completing completion: (any RowCompletion)? = nil
    ) throws {
        places = try run.places()
        let placed = places?.adding(to: columns) ?? columns
        (self.run, url, self.print, self.completion, held) = (run, run.url, print, completion, placed)
        part = nil
        if let url = run.url {
            (sink, file) = try Self.opened(url, placed, of: run, as: format)
            Interruption.listen()
        } else {
            (sink, file) = (.printed, format)
        }
        (last, inputCount, failures) = sink.earlier
        hasRows = inputCount > 0
        behind = sink.behind
    }

    /// Where the rows of a run go, and how its file is written.
    private static func opened(
        _ url: URL, _ columns: Table, of run: CatalogueRun, as format: @escaping RowJournal.Format
    ) throws -> (Sink, RowJournal.Format) {
        if run.keepsPartitions {
            let record = run.record
            let restart = run.results.restart || run.results.output.force
            if !restart, let earlier = try RunRecord.read(in: url), let what = earlier.difference(from: record) {
                throw Diagnostic(
                    url, problem: "was begun with \(what)",
                    remedy: "name another folder, or give --restart to begin anew")
            }
            let partitions = try HATSPartitions(
                url, columns: columns, settings: record.settings,
                restart: restart ? (run.shard == nil ? .all : .own) : .none, as: format)
            try record.write(in: url)
            return (.partitions(partitions), format)
        }
        let settings = run.record.settings + (run.shard.map { " \($0)" } ?? "") + (run.beside.map { " \($0)" } ?? "")
        let journal = try RowJournal(for: url, columns: columns, settings: settings, restart: run.results.restart)
        guard run.isHATS else { return (.file(journal), format) }
        return (
            .file(journal),
            { url, columns, _ in
                try HATSWriter(
                    url, columns, most: run.options.partitionRows ?? HATSWriter.usualRows, facts: run.record.facts,
                    partition: format)
            }
        )
    }

    /// Takes rows in, at their places in the input.
    /// - Parameters:
    ///   - rows: of the columns.
    ///   - positions: where in the input each row stood.
    ///   - observations: that each row is of, for where it stands on the sky.
    /// - Throws: `RowsInterrupted` when Ctrl-C was pressed, the rows are kept; what earlier rows could not be written for.
    func append(
        _ rows: Table, at positions: [RowPosition], of observations: @autoclosure () -> [Observation] = []
    ) throws {
        var (rows, positions) = (rows, positions)
        if let places { (rows, positions) = try placed(rows, positions, observations(), places) }
        guard let behind else {
            guard print == .csv, completion == nil else { return held.append(rows) }
            Swift.print(rows.csv(withHeader: isFirst), terminator: "")
            isFirst = false
            return
        }
        try behind.give(.rows(rows, positions))
        guard Interruption.isRequested else { return }
        try settle()
        throw RowsInterrupted(inputs: sink.inputs)
    }

    /// Waits until all rows that were taken in are on disk.
    func settle() throws { try behind?.settle() }

    /// Rows with their places; in HATS those that have none are told and left out.
    private func placed(
        _ rows: Table, _ positions: [RowPosition], _ observations: [Observation], _ places: RowPlaces
    ) throws -> (Table, [RowPosition]) {
        let found = observations.map { places.of($0) }
        defer { hasRows = true }
        guard places.areNeeded, let first = found.firstIndex(where: { $0 == nil }) else {
            return (places.adding(found, to: rows), positions)
        }
        let problem = Diagnostic(
            observations[first].name, field: "ra, dec",
            problem: "says no place on the sky, by which HATS sorts its rows",
            remedy: "add columns ra and dec to the input, or name a .parquet or .fits file")
        let kept = found.indices.filter { found[$0] != nil }
        // Nothing at all would be written, after all the work.
        if kept.isEmpty, !hasRows { throw problem }
        if lost == 0 { Program.report(problem) }
        var last: RowPosition?
        for row in found.indices where found[row] == nil {
            lost += 1
            guard positions[row] != last else { continue }
            last = positions[row]
            try append(failureAt: positions[row])
            onLostRow()
        }
        return (places.adding(kept.map { found[$0] }, to: rows.rows(kept)), kept.map { positions[$0] })
    }

    /// Notes an input that failed.
    func append(failureAt position: RowPosition) throws {
        try behind?.give(.failure(position))
    }

    /// What is asked and told of the input's partitions where those of the result are the same; nil elsewhere.
    /// - Parameter isDone: told of the spectra of a partition that an earlier run has done, and those of them that failed.
    func unitEvents(_ isDone: @escaping (Int, Int) -> Void) -> ObservationStream.UnitEvents? {
        guard case .partitions(let partitions) = sink, let run else { return nil }
        let units = run.ownUnits
        return ObservationStream.UnitEvents(
            begins: { [unowned self] number in
                try settle()
                guard let cell = units[number].cell else { return false }
                let files = units[number].paths.map { URL(fileURLWithPath: $0) }
                guard let outcome = try partitions.begin(cell, from: files) else { return true }
                isDone(outcome.inputs, outcome.failures)
                return false
            },
            ends: { [unowned self] number, problem in
                try settle()
                guard problem != nil else { return try partitions.end() }
                failedUnits += 1
                partitions.abandon()
                Program.note(
                    "specclip: \(units[number].name): is left out; the same command does it alone once it is mended")
            })
    }

    /// Forgets the rows: those to come will never follow them.
    func discard() {
        try? settle()
        if case .file(let journal) = sink { journal.discard() }
    }

    /// Puts the file in place, or prints what was held back.
    /// - Parameters:
    ///   - isEmpty: whether nothing was read: then nothing is written.
    ///   - text: how rows are printed for people; aligned columns by default.
    func finish(isEmpty: Bool, text: (Table) -> String = { $0.text(.table) }) throws {
        if lost > 1 { Program.note("specclip: \(lost - 1) more rows have no place on the sky and are left out") }
        try settle()
        switch sink {
        case .printed:
            completion?.add(held)
            completion?.finish()
            if isEmpty || (print == .csv && completion == nil) { return }
            let table = completion?.completed(held, from: 0) ?? held
            Swift.print(print == .table ? text(table) : table.text(print), terminator: "")
        case .file(let journal):
            if isEmpty, shard == nil { return journal.discard() }
            if let completion {
                try journal.eachTable { rows, _ in completion.add(rows) }
                completion.finish()
            }
            let record = try shardRecord(journal)
            try journal.finish { [file, completion] url, columns, widths in
                let writer = try file(url, columns, widths)
                return completion.map { CompletedRows(writer, $0) } ?? writer
            }
            if let url, var record {
                record.columns = try ShardRecord.columns(of: url, written: held)
                try record.write(for: url)
            }
        case .partitions:
            guard let url, let run, !isEmpty else { return }
            guard run.shard == nil else {
                return Program.note(
                    "specclip: when all shards are done: specclip catalog merge \(url.relativePath)")
            }
            try completion.map { try $0.complete(url) }
            try HATSMetadata.write(in: url, facts: run.record.facts)
        }
    }

    /// What this shard has done.
    private func shardRecord(_ journal: RowJournal) throws -> ShardRecord? {
        guard let run, let shard else { return nil }
        var record = run.record
        if let part { record.command += " (\(part))" }
        let columns = held.columns.map { ColumnDescription($0) }
        if var stars {
            var (number, rows) = (-1, 0)
            try journal.eachTable { _, positions in
                for position in positions {
                    if position.row != number, rows > 0 {
                        stars.turns.append(number, rows: rows)
                        rows = 0
                    }
                    number = position.row
                    rows += 1
                }
            }
            if rows > 0 { stars.turns.append(number, rows: rows) }
            let unit = ShardRecord.Unit(
                name: "stars of shard \(shard)", spectra: stars.own, failures: 0, rows: journal.rowCount)
            return ShardRecord(run: record, shard: shard, columns: columns, units: [unit], stars: stars)
        }
        var (units, part) = ([ShardRecord.Unit](), 0)
        // A data set is one unit, whose parts are instruments.
        let isDataSet = run.ownUnits.count == 1 && run.ownUnits[0].paths.contains(where: ObservationStream.isDataSet)
        for unit in run.ownUnits {
            let parts = isDataSet ? 0..<Int.max : part..<part + unit.paths.count
            part += unit.paths.count
            let own = journal.parts.filter { parts.contains($0.key) }.map(\.value)
            units.append(
                ShardRecord.Unit(
                    name: unit.name, spectra: own.reduce(0) { $0 + $1.inputs },
                    failures: own.reduce(0) { $0 + $1.failures }, rows: own.reduce(0) { $0 + $1.rows }))
        }
        return ShardRecord(run: record, shard: shard, columns: columns, units: units)
    }
}

/// What is known of rows only when all are there.
protocol RowCompletion: AnyObject {
    /// Looks at rows, in their order.
    func add(_ table: Table)
    /// All rows were there.
    func finish()
    /// Rows with what is known now.
    /// - Parameter start: rows before them.
    func completed(_ table: Table, from start: Int) -> Table
}

extension RowCompletion {
    /// Completes the rows of a HATS catalogue, partition by partition.
    func complete(_ url: URL) throws {
        try HATSPartitions.eachTable(in: url) { _, table in add(table) }
        finish()
        var count = 0
        try HATSPartitions.rewrite(url) { table in
            defer { count += table.rowCount }
            return completed(table, from: count)
        }
    }
}

/// Completes rows on their way to a file.
final class CompletedRows: TableWriter {
    private let writer: any TableWriter
    private let completion: any RowCompletion
    private var count = 0

    init(_ writer: any TableWriter, _ completion: any RowCompletion) {
        (self.writer, self.completion) = (writer, completion)
    }

    func append(_ rows: Table) throws {
        try writer.append(completion.completed(rows, from: count))
        count += rows.rowCount
    }

    func finish() throws { try writer.finish() }
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
