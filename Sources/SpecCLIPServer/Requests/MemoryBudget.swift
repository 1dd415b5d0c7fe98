import Synchronization

/// Bytes of requests that are being taken in or worked on: what does not fit is refused, not waited for.
final class MemoryBudget: Sendable {
    private let capacity: Int
    private let taken = Mutex(0)

    init(_ capacity: Int) { self.capacity = capacity }

    /// Bytes in use.
    var used: Int { taken.withLock(\.self) }

    /// A part of it, given back with the last who holds it.
    final class Share: Sendable {
        private let budget: MemoryBudget
        private let own = Mutex(0)

        fileprivate init(_ budget: MemoryBudget) { self.budget = budget }

        deinit { budget.taken.withLock { $0 -= own.withLock(\.self) } }

        /// Takes some bytes more.
        /// - Throws: `Refusal` where too many are in use.
        func grow(by bytes: Int) throws {
            let fits = budget.taken.withLock { taken in
                guard taken + bytes <= budget.capacity else { return false }
                taken += bytes
                return true
            }
            guard fits else { throw Refusal.busy("server", "has no room for more requests now") }
            own.withLock { $0 += bytes }
        }
    }

    func share() -> Share { Share(self) }
}
