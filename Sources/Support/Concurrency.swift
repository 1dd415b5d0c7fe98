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

/// Reads the next piece of something while the last one is worked on; `read` never runs twice at once, and has ended when
/// this is let go. Not for use by several threads at once.
package final class ReadAhead<Piece> {
    private final class Reading: @unchecked Sendable {
        let read: () throws -> Piece
        var next: Result<Piece, any Error>?

        init(_ read: @escaping () throws -> Piece) { self.read = read }
    }

    private let reading: Reading
    private let queue = DispatchQueue(label: "ReadAhead", qos: .userInitiated)
    private var count = 0

    package init(_ read: @escaping () throws -> Piece) { reading = Reading(read) }

    deinit { queue.sync {} }

    /// The next piece.
    package func next() throws -> Piece {
        let reading = reading
        let piece = queue.sync { reading.next } ?? Result { try reading.read() }
        reading.next = nil
        count += 1
        // Most files end with their first piece: threads are for the others.
        if count > 1, case .success = piece { queue.async { reading.next = Result { try reading.read() } } }
        return try piece.get()
    }
}
