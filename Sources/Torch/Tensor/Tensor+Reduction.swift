import Statistics

// With `dims` given, those dimensions go away, or stay with size 1 if `keepDims`.
extension Tensor {
    /// The sum of all elements.
    public func sum() -> Tensor { ATen.sum(.tensor(self)) }
    /// The sum over some dimensions.
    public func sum(dims: [Int], keepDims: Bool = false) -> Tensor {
        ATen.sumDims(.tensor(self), .ints(dims), .bool(keepDims))
    }
    /// The mean of all elements.
    public func mean() -> Tensor { ATen.mean(.tensor(self)) }
    /// The mean over some dimensions.
    public func mean(dims: [Int], keepDims: Bool = false) -> Tensor {
        ATen.meanDims(.tensor(self), .ints(dims), .bool(keepDims))
    }
    /// The smallest element.
    public func min() -> Tensor { ATen.min(.tensor(self)) }
    /// The smallest over some dimensions.
    public func min(dims: [Int], keepDims: Bool = false) -> Tensor {
        ATen.amin(.tensor(self), .ints(dims), .bool(keepDims))
    }
    /// The largest element.
    public func max() -> Tensor { ATen.max(.tensor(self)) }
    /// The largest over some dimensions.
    public func max(dims: [Int], keepDims: Bool = false) -> Tensor {
        ATen.amax(.tensor(self), .ints(dims), .bool(keepDims))
    }
    /// The standard deviation of all elements; divided by N - 1 if `unbiased`, else by N.
    public func std(unbiased: Bool = true) -> Tensor { ATen.std(.tensor(self), nil, .int(unbiased ? 1 : 0)) }
    /// The standard deviation over one dimension.
    public func std(dim: Int, unbiased: Bool = true, keepDims: Bool = false) -> Tensor {
        ATen.std(.tensor(self), .ints([dim]), .int(unbiased ? 1 : 0), .bool(keepDims))
    }
    /// The variance of all elements; divided by N - 1 if `unbiased`, else by N.
    public func variance(unbiased: Bool = true) -> Tensor { ATen.variance(.tensor(self), nil, .int(unbiased ? 1 : 0)) }
    /// The variance over one dimension.
    public func variance(dim: Int, unbiased: Bool = true, keepDims: Bool = false) -> Tensor {
        ATen.variance(.tensor(self), .ints([dim]), .int(unbiased ? 1 : 0), .bool(keepDims))
    }
    /// The Euclidean norm of all elements.
    public func norm() -> Tensor { ATen.vectorNorm(.tensor(self)) }
    /// The Euclidean norm over one dimension.
    public func norm(dim: Int, keepDims: Bool = false) -> Tensor {
        ATen.vectorNorm(.tensor(self), 2, .ints([dim]), .bool(keepDims))
    }
    /// The product of all elements.
    public func product() -> Tensor { ATen.prod(.tensor(self)) }
    /// log Σ eˣ over one dimension, computed without overflow.
    public func logSumExp(dim: Int, keepDims: Bool = false) -> Tensor {
        ATen.logsumexp(.tensor(self), .ints([dim]), .bool(keepDims))
    }
}

// Order.
extension Tensor {
    /// The index of the largest element along a dimension, int64.
    public func argmax(dim: Int, keepDims: Bool = false) -> Tensor {
        ATen.argmax(.tensor(self), .int(dim), .bool(keepDims))
    }
    /// The index of the smallest element along a dimension, int64.
    public func argmin(dim: Int, keepDims: Bool = false) -> Tensor {
        ATen.argmin(.tensor(self), .int(dim), .bool(keepDims))
    }
    /// The `k` largest (or smallest) elements along a dimension in order, and their indices (int64).
    public func topk(_ k: Int, dim: Int = -1, largest: Bool = true) -> (values: Tensor, indices: Tensor) {
        let results = ATen.topk.many(2, .tensor(self), .int(k), .int(dim), .bool(largest), true)
        return (results[0], results[1])
    }
    /// The elements along a dimension in order, and their former indices (int64).
    public func sort(dim: Int = -1, descending: Bool = false) -> (values: Tensor, indices: Tensor) {
        let results = ATen.sort.many(2, .tensor(self), .bool(true), .int(dim), .bool(descending))
        return (results[0], results[1])
    }
    /// The indices (int64) that would sort along a dimension; equal elements keep their order.
    public func argsort(dim: Int = -1, descending: Bool = false) -> Tensor {
        sort(dim: dim, descending: descending).indices
    }
    /// Running sums along a dimension.
    public func cumsum(_ dimension: Int) -> Tensor { ATen.cumsum(.tensor(self), .int(dimension)) }
    /// The middle element in order, the lower of the two for an even number.
    public func median() -> Tensor { ATen.median(.tensor(self)) }
    /// The middle element along a dimension, the lower of the two for an even number.
    public func median(dim: Int, keepDims: Bool = false) -> Tensor {
        ATen.medianDim.many(2, .tensor(self), .int(dim), .bool(keepDims))[0]
    }
}
