import Support

// Negative dimensions count from the end. Views share memory with the tensor they were taken from.
extension Tensor {
    /// A view with two dimensions exchanged; of a matrix, its transpose.
    public func transposed(_ a: Int = -2, _ b: Int = -1) -> Tensor {
        ATen.transpose(.tensor(self), .int(a), .int(b))
    }
    /// A view whose dimension `i` is dimension `order[i]` of this tensor.
    public func permuted(_ order: [Int]) -> Tensor { ATen.permute(.tensor(self), .ints(order)) }
    /// The same elements in another shape; one dimension may be -1 and is worked out. A view where memory allows.
    public func reshaped(_ shape: [Int]) -> Tensor { ATen.reshape(.tensor(self), .ints(shape)) }
    /// The dimensions `first ... last` joined to one.
    public func flattened(from first: Int = 0, to last: Int = -1) -> Tensor {
        ATen.flatten(.tensor(self), .int(first), .int(last))
    }
    /// A view without dimension `dimension` if its size is 1.
    public func squeezed(_ dimension: Int) -> Tensor { ATen.squeeze(.tensor(self), .int(dimension)) }
    /// A view with a dimension of size 1 put in.
    public func unsqueezed(_ dimension: Int) -> Tensor { ATen.unsqueeze(.tensor(self), .int(dimension)) }
    /// A view in which dimensions of size 1 appear as large as asked, without a copy; -1 keeps a size.
    public func expanded(_ shape: [Int]) -> Tensor { ATen.expand(.tensor(self), .ints(shape)) }
    /// Copies of the tensor laid side by side along every dimension.
    public func repeated(_ counts: [Int]) -> Tensor { ATen.repeat(.tensor(self), .ints(counts)) }
    /// The tensor in reverse along some dimensions.
    public func flipped(_ dimensions: [Int]) -> Tensor { ATen.flip(.tensor(self), .ints(dimensions)) }
}

// Parts of a tensor.
extension Tensor {
    /// A view of `length` entries of one dimension.
    public func narrow(_ dimension: Int, start: Int, length: Int) -> Tensor {
        ATen.narrow(.tensor(self), .int(dimension), .int(start), .int(length))
    }
    /// A view of one entry of a dimension, which goes away.
    public func select(_ dimension: Int, _ index: Int) -> Tensor {
        ATen.select(.tensor(self), .int(dimension), .int(index))
    }
    /// A view of every `step`-th entry from `start` to before `end` (the dimension's end when `nil`).
    public func sliced(_ dimension: Int, start: Int = 0, end: Int? = nil, step: Int = 1) -> Tensor {
        ATen.slice(.tensor(self), .int(dimension), .int(start), .optional(end), .int(step))
    }
    /// Some of the entries of the first dimension, in this order; on the CPU.
    package func rows(_ rows: some Collection<Int>) -> Tensor {
        indexSelect(0, Tensor(rows.map { Int64($0) }, shape: [rows.count]))
    }
    /// The entries of one dimension named by `indices` (int64, one dimension), in that order.
    public func indexSelect(_ dimension: Int, _ indices: Tensor) -> Tensor {
        ATen.indexSelect(.tensor(self), .int(dimension), .tensor(indices))
    }
    /// For every place in `indices` (int64) the element at that place with one coordinate replaced by the index.
    public func gather(_ dimension: Int, _ indices: Tensor) -> Tensor {
        ATen.gather(.tensor(self), .int(dimension), .tensor(indices))
    }
    /// Adds rows of `source` to the rows that `indices` name, each as often as it is named.
    public func indexAdd(_ dimension: Int, _ indices: Tensor, _ source: Tensor) -> Tensor {
        ATen.indexAdd(.tensor(self), .int(dimension), .tensor(indices), .tensor(source), .double(1))
    }
    /// A view of windows of `size` entries every `step` entries of a dimension; the windows become a last dimension.
    public func unfold(_ dimension: Int, size: Int, step: Int) -> Tensor {
        ATen.unfold(.tensor(self), .int(dimension), .int(size), .int(step))
    }
    /// The tensor with a border of `value`. `widths` are before and after for the last dimension, then for the one before
    /// it, and so on.
    public func padded(_ widths: [Int], value: Double = 0) -> Tensor {
        ATen.pad(.tensor(self), .ints(widths), .double(value))
    }
    /// Views of `count` equal parts of a dimension; the last is smaller if it does not divide evenly, and there may be
    /// fewer.
    public func chunk(_ count: Int, _ dimension: Int = 0) -> [Tensor] {
        let size = self.size(dimension)
        guard count > 0, size > 0 else {
            return count > 0 && isDefined && size == 0 ? [self] : chunkFailed(count, dimension)
        }
        let step = (size + count - 1) / count
        return stride(from: 0, to: size, by: step).map {
            narrow(dimension, start: $0, length: Swift.min(step, size - $0))
        }
    }
    /// Views of parts of the given sizes along a dimension.
    public func split(_ sizes: [Int], _ dimension: Int = 0) -> [Tensor] {
        ATen.split.many(sizes.count, .tensor(self), .ints(sizes), .int(dimension))
    }
    /// Tensors joined along an existing dimension.
    public static func cat(_ tensors: [Tensor], dim: Int = 0) -> Tensor { ATen.cat(.tensors(tensors), .int(dim)) }
    /// Tensors of one shape joined along a new dimension.
    public static func stack(_ tensors: [Tensor], dim: Int = 0) -> Tensor {
        ATen.stack(.tensors(tensors), .int(dim))
    }
}

extension Tensor {
    private func chunkFailed(_ count: Int, _ dimension: Int) -> [Tensor] {
        if isDefined || !Failure.isCaught {
            let reason = "cannot be cut into \(count) parts along dimension \(dimension)"
            Failure.report(Diagnostic(operation: "chunk", shapes: [shape], reason: reason))
        }
        return Array(repeating: .undefined, count: Swift.max(count, 1))
    }
}
