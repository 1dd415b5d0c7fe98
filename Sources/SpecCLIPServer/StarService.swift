import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Spectra
import StarReading
import Support
import Synchronization

/// Answers questions about stars: what all requests share.
final class StarService: Sendable {
    let options: ServerOptions
    let reader: StarReader
    let known: KnownParts
    let engine: Engine
    let workers: Workers
    let receiver: UploadReceiver
    let metrics = ServerMetrics()
    let connections = Connections()
    let hostNames: HostNames
    let rate: RateLimit
    let sessions: SessionStore
    let modelAnswer: JSON
    /// Read from the model's file once, not with each request.
    private let drawnBands: [Instrument]
    private let labelRows: Result<LabelRows, any Error>
    private let stopping = Mutex(false)

    /// - Parameters:
    ///   - reader: of the model.
    ///   - options: what may be asked, and by whom.
    /// - Throws: `Diagnostic` where no folder can be made for what clients send, or the model cannot be told of.
    init(_ reader: StarReader, _ options: ServerOptions) throws {
        (self.reader, self.options) = (reader, options)
        known = KnownParts(reader)
        engine = Engine(
            reader, waiting: options.batchMilliseconds, mostSpectra: options.batchSpectra, onPass: metrics.passed)
        workers = Workers(mostWaiting: options.waiting, mostSeconds: options.waitingSeconds)
        receiver = UploadReceiver(
            options: options, folder: try ServerFolder(), budget: MemoryBudget(options.bytesInFlight))
        hostNames = HostNames(options)
        rate = RateLimit(options.rate)
        sessions = SessionStore(options)
        modelAnswer = try ModelAnswer(reader, known, options).json.ready
        drawnBands = reader.instrumentsWithDrawnBands
        labelRows = Result { try LabelRows(reader) }
        // Made now, not while somebody waits.
        if reader.hasAtlas { _ = try reader.lookAlikes() }
    }

    /// Starts the threads.
    func start() {
        engine.start()
        workers.start()
    }

    /// Ends them once nothing waits, and forgets what clients sent.
    func stop() {
        workers.stop()
        engine.stop()
        receiver.folder.remove()
    }

    /// Whether the server was told to stop.
    var isStopping: Bool {
        get { stopping.withLock(\.self) }
        set { stopping.withLock { $0 = newValue } }
    }

    /// What is so now, for `/metrics`.
    var metricsText: String {
        metrics.text(now: [
            ("specclip_waiting_requests", workers.waiting), ("specclip_engine_queue", engine.queueLength),
            ("specclip_bytes_in_flight", receiver.budget.used), ("specclip_connections", connections.count),
            ("specclip_sessions", sessions.count), ("specclip_session_bytes", sessions.bytes),
        ])
    }

    // MARK: - Questions

    /// Rows of labels as `predict` has them.
    /// - Throws: `Diagnostic` where the model reads none.
    func catalogue() throws -> LabelRows { try labelRows.get() }

    /// The stars that a request brings, asked a question.
    func answer(_ question: StarQuestion, to request: Request, _ context: ServiceContext) async throws -> Response {
        let stars = try await uploaded(request, question)
        if request.headers[.accept]?.lowercased().contains("application/x-ndjson") == true {
            return try await lines(question, stars, context.ticket)
        }
        let answer = try await workers.run(context.ticket) { () throws -> JSON in
            let stars = try stars()
            var rows: [[(String, JSON)]] = []
            try stars.forEachBatch(of: question.size, context.ticket) { batch in
                rows += try question.rows(batch, context.ticket)
            }
            return try Self.whole(question.head, question.completed(rows), stars).ready
        }
        return .json(answer)
    }

    /// Takes a request in.
    /// - Returns: what reads its stars, on the thread that asks.
    func uploaded(
        _ request: Request, _ question: StarQuestion
    ) async throws -> @Sendable () throws -> UploadedStars {
        let upload = try await receiver.receive(request)
        let drawn = question.drawsBands ? drawnBands : []
        return { [reader, options] in
            try UploadedStars(
                upload, among: reader.instruments, drawingBandsOf: drawn, mostSpectra: options.spectra,
                unpackedBytes: options.unpackedBytes)
        }
    }

    /// An answer of all rows.
    /// - Throws: `Refusal` where nothing could be read.
    static func whole(
        _ head: [(String, JSON)], _ rows: [[(String, JSON)]], _ stars: UploadedStars
    ) throws -> JSON {
        guard !rows.isEmpty || stars.failures.isEmpty else {
            let more = stars.failures.count > 1 ? " (and \(stars.failures.count - 1) more)" : ""
            throw Unreadable(line: stars.failures[0].error + more, failures: stars.failures)
        }
        return .object(
            head + [
                ("stars", .array(rows.map(JSON.object))), ("failures", .array(stars.failures.map(\.json))),
                ("notes", .texts(stars.notes)),
            ])
    }

    /// Nothing of a request could be read.
    struct Unreadable: Error {
        var line: String
        var failures: [UploadedStars.Failure]

        var json: JSON {
            .object([("error", .text(line)), ("failures", .array(failures.map(\.json)))])
        }
    }

    /// An answer a line at a time, as stars are done.
    private func lines(
        _ question: StarQuestion, _ stars: @escaping @Sendable () throws -> UploadedStars, _ ticket: Ticket
    ) async throws -> Response {
        let (lines, continuation) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
        continuation.onTermination = { _ in ticket.cancel() }
        @Sendable func write(_ fields: [(String, JSON)]) {
            continuation.yield(ByteBuffer(string: JSON.object(fields).string + "\n"))
        }
        let work = Task { [workers] in
            do {
                try await workers.run(ticket) {
                    let stars = try stars()
                    stars.onFailure = { write([("failure", $0.json)]) }
                    if !question.head.isEmpty { write(question.head) }
                    try stars.forEachBatch(of: question.size, ticket) { batch in
                        for row in try question.rows(batch, ticket) { write(row) }
                    }
                    for note in stars.notes { write([("note", .text(note))]) }
                }
                continuation.finish()
            } catch {
                continuation.finish(throwing: error)
            }
        }
        // What is wrong before the first line has a status of its own.
        var iterator = UncheckedIterator(lines.makeAsyncIterator())
        let first = try await withTaskCancellationHandler {
            try await iterator.next()
        } onCancel: {
            work.cancel()
        }
        let body = ResponseBody { [iterator] writer in
            var iterator = iterator
            if let first { try await writer.write(first) }
            do {
                while let line = try await iterator.next() { try await writer.write(line) }
            } catch let error where error is Refusal || error is Diagnostic {
                let line = JSON.object([("error", .text(AnswerText.line(of: error)))]).string
                try await writer.write(ByteBuffer(string: line + "\n"))
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "application/x-ndjson"], body: body)
    }
}

/// An iterator that is handed from the task that makes an answer to the one that writes it: never both at once.
private struct UncheckedIterator: @unchecked Sendable {
    private var iterator: AsyncThrowingStream<ByteBuffer, any Error>.Iterator

    init(_ iterator: AsyncThrowingStream<ByteBuffer, any Error>.Iterator) { self.iterator = iterator }

    mutating func next() async throws -> ByteBuffer? { try await iterator.next() }
}
