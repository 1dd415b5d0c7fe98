/// A table of vectors looked up by number: int64 (…) → (…, n).
public final class Embedding: Module, Layer {
    /// (entries, n), initially N(0, 1)
    public let weight: Parameter

    /// - Parameters:
    ///   - entries: how many vectors.
    ///   - size: the length of each.
    public init(_ entries: Int, _ size: Int) {
        weight = Parameter(.empty([entries, size]))
        Initializer.normal(std: 1).apply(to: weight)
        super.init()
    }

    /// - Parameter x: indices, int64, of any shape.
    public func callAsFunction(_ x: Tensor) -> Tensor { ATen.embedding(.tensor(weight.value), .tensor(x)) }
}
