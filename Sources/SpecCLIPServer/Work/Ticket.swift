import Synchronization

/// Whether somebody still waits for the answer to a request. Work that has not begun is left out where nobody does.
final class Ticket: Sendable {
    private let state = Mutex(false)

    /// Nobody waits any longer.
    func cancel() { state.withLock { $0 = true } }

    /// - Throws: `CancellationError` where nobody waits.
    func check() throws { if state.withLock(\.self) { throw CancellationError() } }
}
