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
