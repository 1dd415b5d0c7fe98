import Foundation
import Synchronization

/// `items.map(transform)` on all cores; the order of the results is that of the items.
package func concurrentMap<Item: Sendable, Result: Sendable>(
    _ items: [Item], _ transform: @Sendable (Item) -> Result
) -> [Result] {
    let pieces = min(items.count, 4 * ProcessInfo.processInfo.activeProcessorCount)
    guard pieces > 1 else { return items.map(transform) }
    let done = Mutex<[Int: [Result]]>([:])
    DispatchQueue.concurrentPerform(iterations: pieces) { piece in
        let range = items.count * piece / pieces..<items.count * (piece + 1) / pieces
        let results = items[range].map(transform)
        done.withLock { $0[piece] = results }
    }
    return done.withLock { done in (0..<pieces).flatMap { done[$0] ?? [] } }
}

/// A few recent values that are expensive to compute, shared by all threads; the least recently used one is dropped.
package final class SharedCache<Key: Equatable & Sendable, Value: Sendable>: Sendable {
    private let entries = Mutex<[(key: Key, value: Value)]>([])
    private let capacity: Int

    package init(capacity: Int) { self.capacity = capacity }

    /// The value for `key`, computed by `make` unless a recent call had the same key. Two threads may compute the same
    /// value at once; neither waits for the other.
    package func value(for key: Key, make: () throws -> Value) rethrows -> Value {
        let found = entries.withLock { entries -> Value? in
            guard let index = entries.firstIndex(where: { $0.key == key }) else { return nil }
            if index > 0 { entries.insert(entries.remove(at: index), at: 0) }
            return entries[0].value
        }
        if let found { return found }
        let value = try make()
        entries.withLock { entries in
            entries.insert((key, value), at: 0)
            if entries.count > capacity { entries.removeLast() }
        }
        return value
    }
}
