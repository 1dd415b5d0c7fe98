/// A module that maps one tensor to one tensor.
public protocol Layer: Module {
    /// The output for the input `x`.
    func callAsFunction(_ x: Tensor) -> Tensor
}

/// Layers one after the other. Their paths are `0`, `1`, ….
public final class Sequential: Module, Layer {
    /// In order of use.
    public let layers: [any Layer]

    /// The number of a layer stands in its path without `layers` before it.
    public override class var keyOverrides: [String: String] { ["layers": ""] }

    /// - Parameter layers: in order of use.
    public init(_ layers: [any Layer]) {
        self.layers = layers
        super.init()
    }

    /// - Parameter layers: in order of use.
    public convenience init(_ layers: any Layer...) { self.init(layers) }

    /// What the layers make of `x`, one after the other.
    public func callAsFunction(_ x: Tensor) -> Tensor { layers.reduce(x) { $1($0) } }
}
