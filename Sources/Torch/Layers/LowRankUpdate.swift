/// A change of a linear map that has few parameters: x (U D)ᵀ with D (rank, in) and U (out, rank), added to what the map gives.
///
/// U is 0 at first, so that training begins at the map as it was (LoRA, Hu et al. 2021, https://arxiv.org/abs/2106.09685).
public final class LowRankUpdate: Module, Layer {
    /// (rank, in)
    public let down: Parameter
    /// (out, rank), initially 0
    public let up: Parameter

    /// Draws `down` from N(0, 1/in).
    public init(_ inputs: Int, _ outputs: Int, rank: Int) {
        down = Parameter(.empty([rank, inputs]))
        Initializer.normal(std: 1 / Double(max(1, inputs)).squareRoot()).apply(to: down)
        up = Parameter(.zeros([outputs, rank]))
        super.init()
    }

    /// (…, in) → (…, out)
    public func callAsFunction(_ x: Tensor) -> Tensor { linear(linear(x, down.value), up.value) }

    /// The change of the map's weight, (out, in).
    public var weight: Tensor { up.value.matmul(down.value) }
}

extension Module {
    /// Freezes this module but for low-rank updates of its linear maps, and for what is kept beside.
    /// - Parameter rank: of each update, at most a quarter of the smaller side of its map.
    public func addLowRankUpdates(rank: Int) {
        freeze()
        for case let map as Linear in modules() {
            let (outputs, inputs) = (map.weight.shape[0], map.weight.shape[1])
            map.update = LowRankUpdate(inputs, outputs, rank: max(1, min(rank, min(inputs, outputs) / 4)))
        }
    }

    /// Adds low-rank updates to the weights that they change, and forgets them.
    public func mergeLowRankUpdates() {
        for case let map as Linear in modules() {
            guard let update = map.update else { continue }
            map.weight.value = withoutGradient { map.weight.value + update.weight }
            map.update = nil
        }
    }
}
