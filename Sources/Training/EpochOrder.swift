import Support

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
