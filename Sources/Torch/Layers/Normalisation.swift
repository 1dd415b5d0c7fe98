import Support

/// Mean 0 and variance 1 over the last dimension, then scale and shift: (…, n) → (…, n).
public final class LayerNorm: Module, Layer {
    /// (n), initially 1
    public let weight: Parameter
    /// (n), initially 0
    public let bias: Parameter
    private let size: Int
    private let eps: Double

    /// - Parameters:
    ///   - size: the size of the last dimension.
    ///   - eps: added to the variance.
    public init(_ size: Int, eps: Double = 1e-5) {
        weight = Parameter(.ones([size]))
        bias = Parameter(.zeros([size]))
        self.size = size
        self.eps = eps
        super.init()
    }

    /// (…, n) → (…, n)
    public func callAsFunction(_ x: Tensor) -> Tensor {
        ATen.layerNorm(.tensor(x), .ints([size]), .tensor(weight.value), .tensor(bias.value), .double(eps))
    }
}

/// Mean 0 and variance 1 of every feature over the batch, then scale and shift: (batch, n) → (batch, n), or
/// (batch, n, length).
///
/// In training the statistics are those of the batch, and running ones are kept; in evaluation the running ones are used.
public final class BatchNorm1d: Module, Layer {
    /// (n), initially 1
    public let weight: Parameter
    /// (n), initially 0
    public let bias: Parameter
    /// (n), initially 0
    public let runningMean: Buffer
    /// (n), unbiased, initially 1
    public let runningVar: Buffer
    /// How many batches were seen in training; an int64 scalar.
    public let numBatchesTracked: Buffer
    private let eps: Double
    private let momentum: Double

    /// - Parameters:
    ///   - size: the number of features.
    ///   - eps: added to the variance.
    ///   - momentum: the weight of a new batch in the running statistics.
    public init(_ size: Int, eps: Double = 1e-5, momentum: Double = 0.1) {
        weight = Parameter(.ones([size]))
        bias = Parameter(.zeros([size]))
        runningMean = Buffer(.zeros([size]))
        runningVar = Buffer(.ones([size]))
        numBatchesTracked = Buffer(.zeros([], dtype: .int64))
        self.eps = eps
        self.momentum = momentum
        super.init()
    }

    /// (batch, n) or (batch, n, length), returned in the same shape
    public func callAsFunction(_ x: Tensor) -> Tensor {
        if isTraining {
            guard !x.isDefined || x.count > x.size(1) else {
                let reason = "training needs more than one value per feature; use a larger batch"
                Failure.report(Diagnostic(operation: "BatchNorm1d", shapes: [x.shape], reason: reason))
                return .undefined
            }
            withoutGradient { numBatchesTracked.value.addInPlace(.ones(like: numBatchesTracked.value)) }
        }
        return ATen.batchNorm(
            .tensor(x), .tensor(weight.value), .tensor(bias.value), .tensor(runningMean.value),
            .tensor(runningVar.value), .bool(isTraining), .double(momentum), .double(eps), .bool(true))
    }
}
