import Foundation
import Synchronization

/// Threads on which files are read and spectra prepared: calls that block belong on none of Swift's own. As many work as there
/// are processors; others wait for the engine meanwhile.
final class Workers: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var isStopped = false
    }

    private let state = Mutex(State())
    private let news = DispatchSemaphore(value: 0)
    /// One for each that may work.
    private let permits: DispatchSemaphore
    private let mostWaiting: Int
    private let count: Int

    /// - Parameters:
    ///   - mostWaiting: requests that no thread has begun with.
    ///   - count: threads.
    ///   - working: of them at once.
    init(
        mostWaiting: Int, count: Int = 48, working: Int = max(2, ProcessInfo.processInfo.activeProcessorCount)
    ) {
        (self.mostWaiting, self.count) = (mostWaiting, count)
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
                let isTaken = state.withLock { state in
                    guard !state.isStopped, state.waiting.count < mostWaiting else { return false }
                    state.waiting.append {
                        continuation.resume(
                            with: Result {
                                try ticket.check()
                                return try body()
                            })
                    }
                    return true
                }
                if isTaken {
                    news.signal()
                } else {
                    continuation.resume(throwing: Refusal.busy("server", "has \(mostWaiting) requests waiting"))
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
                (state.waiting.isEmpty ? nil : state.waiting.removeFirst(), state.isStopped)
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
