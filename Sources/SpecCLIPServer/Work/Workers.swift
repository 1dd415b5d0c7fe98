import Foundation
import Synchronization

/// Threads on which files are read and spectra prepared: calls that block belong on none of Swift's own. As many work as there
/// are processors; others wait for the engine meanwhile.
final class Workers: Sendable {
    private struct State {
        var waiting: [(arrival: DispatchTime, job: @Sendable () -> Void)] = []
        var isStopped = false
    }

    private let state = Mutex(State())
    private let news = DispatchSemaphore(value: 0)
    /// One for each that may work.
    private let permits: DispatchSemaphore
    private let mostWaiting: Int
    private let mostSeconds: Double
    private let count: Int

    /// - Parameters:
    ///   - mostWaiting: requests that no thread has begun with.
    ///   - mostSeconds: that the first of them may have waited when another comes.
    ///   - count: threads.
    ///   - working: of them at once.
    init(
        mostWaiting: Int, mostSeconds: Double = 2, count: Int = 48,
        working: Int = max(2, ProcessInfo.processInfo.activeProcessorCount)
    ) {
        (self.mostWaiting, self.mostSeconds, self.count) = (mostWaiting, mostSeconds, count)
        permits = DispatchSemaphore(value: working)
    }

    /// Starts the threads.
    func start() {
        for number in 0..<count {
            let thread = Thread { [self] in loop() }
            thread.name = "specclip-worker-\(number)"
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    /// Ends the threads once nothing waits.
    func stop() {
        state.withLock { $0.isStopped = true }
        for _ in 0..<count { news.signal() }
    }

    /// Requests that no thread has begun with.
    var waiting: Int { state.withLock(\.waiting.count) }

    /// Runs `body` on a thread of its own.
    /// - Parameter ticket: of who waits for it; cancelled with the task.
    /// - Throws: `Refusal` where too many wait, `CancellationError` where the ticket was cancelled before it began, and what `body`
    ///   throws.
    func run<Value: Sendable>(_ ticket: Ticket, _ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let now = DispatchTime.now()
                let waiting = state.withLock { state -> Int? in
                    let age = state.waiting.first.map { Double(now.uptimeNanoseconds - $0.arrival.uptimeNanoseconds) }
                    guard !state.isStopped, state.waiting.count < mostWaiting, (age ?? 0) <= 1e9 * mostSeconds else {
                        return state.waiting.count
                    }
                    let job: @Sendable () -> Void = {
                        continuation.resume(
                            with: Result {
                                try ticket.check()
                                return try body()
                            })
                    }
                    state.waiting.append((now, job))
                    return nil
                }
                if let waiting {
                    continuation.resume(throwing: Refusal.busy("server", "has \(waiting) requests waiting"))
                } else {
                    news.signal()
                }
            }
        } onCancel: {
            ticket.cancel()
        }
    }

    /// Lets others work while `body`, which one of the threads calls, only waits.
    func waiting<Value>(_ body: () throws -> Value) rethrows -> Value {
        permits.signal()
        defer { permits.wait() }
        return try body()
    }

    private func loop() {
        while true {
            news.wait()
            let (job, isStopped) = state.withLock { state in
                (state.waiting.isEmpty ? nil : state.waiting.removeFirst().job, state.isStopped)
            }
            guard let job else {
                if isStopped { return }
                continue
            }
            permits.wait()
            job()
            permits.signal()
        }
    }
}
