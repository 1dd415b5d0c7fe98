import Foundation
import Support
import Torch

/// The two parts of a data set that training looks at. The test split is never opened here.
public enum TrainingSplit: String, Sendable {
    case training, validation
}

/// Where batches come from. Called from the loader's own thread while the previous step computes.
public protocol BatchSource: Sendable {
    /// What one step consumes: tensors, ready for the device.
    associatedtype Batch: Sendable
    /// Rows in a split.
    func count(_ split: TrainingSplit) -> Int
    /// Reads the rows `rows` of a split, in this order.
    /// - Parameter random: the only source of randomness a batch may use (augmentation), so that a resumed run
    ///   sees the same batches.
    func batch(_ split: TrainingSplit, rows: [Int], random: inout StepRandom) throws -> Batch
}

/// What is learned: a model and its losses. The loop in `Trainer` does the rest.
public protocol TrainingTask: AnyObject {
    associatedtype Source: BatchSource
    /// Everything whose parameters learn and whose state is saved.
    var model: Module { get }
    var source: Source { get }
    /// The losses of a batch, each a scalar tensor; the first is the one that is minimised.
    func losses(_ batch: Source.Batch) throws -> [(name: String, value: Tensor)]
    /// Factor on the learning rate of the parameter at this path of the model.
    func rate(of path: String) -> Double
}

extension TrainingTask {
    /// All parameters learn at one rate.
    public func rate(of path: String) -> Double { 1 }
}

/// The order in which an epoch visits the rows: a permutation that depends on seed and epoch only.
struct EpochOrder {
    let rows: Int
    let batch: Int
    let seed: UInt64

    /// Whole batches in an epoch; the rest is dropped, since batch statistics and negatives want a full batch.
    var stepsPerEpoch: Int { max(1, rows / batch) }

    /// The permutation of one epoch.
    func permutation(epoch: Int) -> [Int] {
        var random = StepRandom(seed, UInt64(epoch), 0x0DE5)
        return Array(0..<rows).shuffled(using: &random)
    }

    /// The rows of one batch of a permutation (fewer than `batch` only where the whole set is smaller).
    func rows(of step: Int, in permutation: [Int]) -> [Int] {
        let first = (step % stepsPerEpoch) * batch
        return Array(permutation[first..<min(first + batch, rows)])
    }
}

/// The rows of each step, shuffling once per epoch rather than once per step. Used by one thread.
final class PermutationCache: @unchecked Sendable {
    private let order: EpochOrder
    private var epoch = -1
    private var permutation: [Int] = []

    init(_ order: EpochOrder) { self.order = order }

    func rows(of step: Int) -> [Int] {
        let wanted = step / order.stepsPerEpoch
        if wanted != epoch {
            epoch = wanted
            permutation = order.permutation(epoch: epoch)
        }
        return order.rows(of: step, in: permutation)
    }
}

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
