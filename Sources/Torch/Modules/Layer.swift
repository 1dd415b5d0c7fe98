/// A module that maps one tensor to one tensor.
public protocol Layer: Module {
    /// The output for the input `x`.
    func callAsFunction(_ x: Tensor) -> Tensor
}
