import Foundation
import StarReading
import Support
import Synchronization

/// The one thread that computes with the model. Spectra of requests that come at the same time go through it together: the
/// first waits some milliseconds for others, those that come while it computes are next.
final class Engine: @unchecked Sendable {
    /// What is asked of the thread. Written by it alone until it signals that it is done.
    private final class Job: @unchecked Sendable {
        enum Question {
            /// Labels of spectra, which may be read with those of others.
            case labels([Observation])
            /// Anything else.
            case other((StarReader) throws -> Any)
        }

        let question: Question
        let ticket: Ticket
        let arrival = DispatchTime.now()
        let isDone = DispatchSemaphore(value: 0)
        var answer: Result<Any, any Error> = .failure(CancellationError())

        init(_ question: Question, _ ticket: Ticket) { (self.question, self.ticket) = (question, ticket) }

        var spectra: [Observation]? {
            if case .labels(let spectra) = question { return spectra }
            return nil
        }

        func finish(_ answer: Result<Any, any Error>) {
            self.answer = answer
            isDone.signal()
        }
    }

    /// Told of each pass: its spectra, and from how many requests.
    private let onPass: @Sendable (_ spectra: Int, _ requests: Int) -> Void
    private let reader: StarReader
    private let (wait, mostSpectra): (TimeInterval, Int)
    private let news = NSCondition()
    // Both are touched with `news` locked.
    private var waiting: [Job] = []
    private var isStopped = false

    /// - Parameters:
    ///   - reader: of the model.
    ///   - milliseconds: the first of some spectra waits for others.
    ///   - mostSpectra: that are read at once.
    init(
        _ reader: StarReader, waiting milliseconds: Int, mostSpectra: Int,
        onPass: @escaping @Sendable (_ spectra: Int, _ requests: Int) -> Void = { _, _ in }
    ) {
        (self.reader, self.mostSpectra, self.onPass) = (reader, mostSpectra, onPass)
        wait = Double(milliseconds) / 1000
    }

    /// Starts the thread.
    func start() {
        let thread = Thread { [self] in loop() }
        thread.name = "specclip-engine"
        thread.stackSize = 16 << 20
        thread.start()
    }

    /// Ends the thread once nothing waits.
    func stop() {
        news.withLock {
            isStopped = true
            news.broadcast()
        }
    }

    /// Questions that wait.
    var queueLength: Int { news.withLock { waiting.count } }

    /// Labels of spectra, one star each. Blocks: a ``Workers`` thread's to call.
    func labels(of observations: [Observation], _ ticket: Ticket) throws -> [StarLabels] {
        guard let labels = try answer(.labels(observations), ticket) as? [StarLabels] else { return [] }
        return labels
    }

    /// What `body` finds with the reader. Blocks: a ``Workers`` thread's to call.
    func perform<Value>(_ ticket: Ticket, _ body: @escaping (StarReader) throws -> Value) throws -> Value {
        guard let value = try answer(.other(body), ticket) as? Value else { throw CancellationError() }
        return value
    }

    private func answer(_ question: Job.Question, _ ticket: Ticket) throws -> Any {
        let job = Job(question, ticket)
        try news.withLock {
            if isStopped { throw Refusal(.serviceUnavailable, Diagnostic("server", problem: "is shutting down")) }
            waiting.append(job)
            news.broadcast()
        }
        job.isDone.wait()
        return try job.answer.get()
    }

    private func loop() {
        while let jobs = next() {
            if case .other(let body) = jobs[0].question {
                jobs[0].finish(Result { try body(reader) })
            } else {
                read(jobs)
            }
        }
    }

    /// Waits for work: one question, or all that ask for labels up to a number of spectra; nil at the end.
    private func next() -> [Job]? {
        news.lock()
        defer { news.unlock() }
        while true {
            waiting.removeAll { job in
                do {
                    try job.ticket.check()
                    return false
                } catch {
                    job.finish(.failure(error))
                    return true
                }
            }
            guard let first = waiting.first else {
                if isStopped { return nil }
                news.wait()
                continue
            }
            guard first.spectra != nil else { return [waiting.removeFirst()] }
            let left = wait - Double(DispatchTime.now().uptimeNanoseconds - first.arrival.uptimeNanoseconds) / 1e9
            let spectra = waiting.reduce(0) { $0 + ($1.spectra?.count ?? 0) }
            if left > 0, spectra < mostSpectra, !isStopped {
                _ = news.wait(until: Date(timeIntervalSinceNow: left))
                continue
            }
            return taken()
        }
    }

    /// Takes questions for labels, in their order, until there are enough spectra.
    private func taken() -> [Job] {
        var (jobs, spectra) = ([Job](), 0)
        waiting.removeAll { job in
            guard let own = job.spectra, jobs.isEmpty || spectra + own.count <= mostSpectra else { return false }
            jobs.append(job)
            spectra += own.count
            return true
        }
        return jobs
    }

    private func read(_ jobs: [Job]) {
        let all = jobs.flatMap { $0.spectra ?? [] }
        onPass(all.count, jobs.count)
        do {
            let found = try reader.read(ObservedStar.apart(all))
            var first = 0
            for job in jobs {
                let count = job.spectra?.count ?? 0
                job.finish(.success(Array(found[first..<first + count])))
                first += count
            }
        } catch {
            guard jobs.count > 1 else { return jobs[0].finish(.failure(error)) }
            // What spoils one request must not spoil those that happened to come with it.
            for job in jobs { read([job]) }
        }
    }
}
