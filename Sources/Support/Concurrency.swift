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

/// Makes pieces on a thread of its own while earlier ones are worked on here: at most `most` of them wait, so that memory has
/// an end. What `take` throws ends the making, and is thrown; what `make` throws is thrown when all that it gave is taken.
/// - Parameters:
///   - most: pieces that wait.
///   - mayBeLeft: whether the making is left to itself where `take` throws, since it may wait for what never comes, as from a pipe.
///   - make: gives pieces, one after another.
///   - take: works on each, on the caller's thread; its answer is for who asked.
package func readingAhead<Piece: Sendable>(
    most: Int, mayBeLeft: Bool = false, _ make: @escaping @Sendable (Handover<Piece>) throws -> Void,
    taking take: (Piece) throws -> Bool
) throws {
    let handover = Handover<Piece>(most: most)
    let thread = Thread { handover.finish(Result { try make(handover) }) }
    // As the main thread has: readers of files are made for it.
    thread.stackSize = 8 << 20
    thread.start()
    defer { handover.stop(waiting: !mayBeLeft) }
    while let (piece, number) = try handover.next() { handover.answer(number, try take(piece)) }
}

/// Where pieces go from who makes them to who takes them.
package final class Handover<Piece: Sendable>: @unchecked Sendable {
    /// Thrown to who makes pieces when nobody takes them any more.
    private struct Stopped: Error {}

    private let condition = NSCondition()
    private let most: Int
    private var waiting: [(piece: Piece, number: Int)] = []
    private var given = 0
    /// The answer to the last piece that was asked about.
    private var answered: (number: Int, answer: Bool)?
    private var outcome: Result<Void, any Error>?
    private var isStopped = false

    fileprivate init(most: Int) { self.most = most }

    /// Gives a piece, as soon as there is room for it.
    package func give(_ piece: Piece) throws { _ = try put(piece) }

    /// Gives a piece and waits for the answer, hence until all that was given before is worked on.
    package func ask(_ piece: Piece) throws -> Bool { try answer(to: try put(piece)) }

    /// Waits until all that was given is worked on.
    fileprivate func settle() throws { if given > 0 { _ = try answer(to: given) } }

    private func answer(to number: Int) throws -> Bool {
        try condition.withLock {
            while true {
                if let answered, answered.number == number { return answered.answer }
                if isStopped { throw Stopped() }
                condition.wait()
            }
        }
    }

    private func put(_ piece: Piece) throws -> Int {
        try condition.withLock {
            while waiting.count >= most, !isStopped { condition.wait() }
            if isStopped { throw Stopped() }
            given += 1
            waiting.append((piece, given))
            condition.broadcast()
            return given
        }
    }

    fileprivate func finish(_ result: Result<Void, any Error>) {
        condition.withLock {
            outcome = result
            condition.broadcast()
        }
    }

    /// - Returns: nil at the end.
    fileprivate func next() throws -> (piece: Piece, number: Int)? {
        try condition.withLock {
            while waiting.isEmpty {
                if let outcome {
                    try outcome.get()
                    return nil
                }
                condition.wait()
            }
            defer { condition.broadcast() }
            return waiting.removeFirst()
        }
    }

    fileprivate func answer(_ number: Int, _ answer: Bool) {
        condition.withLock {
            answered = (number, answer)
            condition.broadcast()
        }
    }

    /// Ends the making.
    /// - Parameter waiting: until it has ended.
    fileprivate func stop(waiting waits: Bool) {
        condition.withLock {
            isStopped = true
            waiting = []
            condition.broadcast()
            while waits, outcome == nil { condition.wait() }
        }
    }
}

/// Works on pieces in their order on a thread of its own, while the next ones are made: at most `most` of them wait, so that memory
/// has an end. The first piece that fails is the last, and its error is thrown to who gives the next one, or waits. For use by one
/// thread at a time.
package final class WorkBehind<Piece: Sendable> {
    private final class State: @unchecked Sendable {
        let handover: Handover<Piece>
        let ended = DispatchSemaphore(value: 0)
        /// Let go by the thread, with all that it holds, before it has ended.
        var work: (@Sendable (Piece) throws -> Void)?
        /// Set by the thread, before nothing is taken any more.
        var failure: (any Error)?

        init(most: Int, _ work: @escaping @Sendable (Piece) throws -> Void) {
            (handover, self.work) = (Handover(most: most), work)
        }
    }

    private let state: State

    /// - Parameters:
    ///   - most: pieces that wait.
    ///   - work: takes them, on a thread that is not the caller's.
    package init(most: Int, _ work: @escaping @Sendable (Piece) throws -> Void) {
        let state = State(most: most, work)
        self.state = state
        let thread = Thread {
            do {
                while let (piece, number) = try state.handover.next() {
                    try state.work?(piece)
                    state.handover.answer(number, true)
                }
            } catch {
                state.failure = error
                state.handover.stop(waiting: false)
            }
            state.work = nil
            state.ended.signal()
        }
        // As the main thread has: libraries that write files are made for it.
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// What was given is worked on, whatever became of who gave it.
    deinit {
        state.handover.finish(.success(()))
        state.ended.wait()
    }

    /// Gives a piece, as soon as there is room for it.
    /// - Throws: what an earlier piece failed with.
    package func give(_ piece: Piece) throws {
        do { try state.handover.give(piece) } catch { throw state.failure ?? error }
    }

    /// Waits until all that was given is worked on.
    /// - Throws: what a piece failed with.
    package func settle() throws {
        do { try state.handover.settle() } catch { throw state.failure ?? error }
    }
}
