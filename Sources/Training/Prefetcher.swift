import Foundation

/// Makes batches ahead of their use on a thread of its own, so that the step does not wait for the disk.
///
/// Batches come out in step order whatever the timing. `waited` is the time the consumer spent without a batch.
final class Prefetcher<Batch: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private var ready: [Result<Batch, any Error>] = []
    private var finished = false
    private var cancelled = false
    private let depth: Int
    /// Seconds for which `next()` had nothing to give.
    private(set) var waited: Double = 0

    /// - Parameters:
    ///   - steps: the steps to make batches for, in order.
    ///   - depth: batches that may wait at once; two hide the reading without holding much memory.
    init(steps: Range<Int>, depth: Int = 2, make: @escaping @Sendable (Int) throws -> Batch) {
        self.depth = depth
        let thread = Thread { [self] in
            for step in steps {
                guard waitForRoom() else { return }
                let result = Result { try make(step) }
                put(result)
                if case .failure = result { return }
            }
            condition.withLock {
                finished = true; condition.broadcast()
            }
        }
        thread.name = "specclip.prefetch"
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// The next batch; `nil` after the last.
    func next() throws -> Batch? {
        condition.lock()
        defer { condition.unlock() }
        let start = Date()
        var hadToWait = false
        while ready.isEmpty && !finished {
            hadToWait = true
            condition.wait()
        }
        if hadToWait { waited += Date().timeIntervalSince(start) }
        guard !ready.isEmpty else { return nil }
        let result = ready.removeFirst()
        condition.broadcast()
        return try result.get()
    }

    /// Stops making batches. Safe to call twice.
    func cancel() {
        condition.withLock {
            cancelled = true; condition.broadcast()
        }
    }

    private func waitForRoom() -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while ready.count >= depth && !cancelled { condition.wait() }
        return !cancelled
    }

    private func put(_ result: Result<Batch, any Error>) {
        condition.withLock {
            ready.append(result); condition.broadcast()
        }
    }
}
