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
}
