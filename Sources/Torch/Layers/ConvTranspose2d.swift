/// The transpose of ``Conv2d``, which makes images larger: (batch, in, h, w) → (batch, out, h', w'),
/// h' = (h - 1) stride - 2 padding + kernel + outputPadding.
public final class ConvTranspose2d: Module, Layer {
    /// (in, out, kernel, kernel)
    public let weight: Parameter
    /// (out)
    public let bias: Parameter?
    private let stride: Int
    private let padding: Int
    private let outputPadding: Int

    /// - Parameters:
    ///   - inputs: channels of the input.
    ///   - outputs: channels of the output.
    ///   - kernel: its side.
    ///   - stride: in both directions.
    ///   - padding: cut off on every side.
    ///   - outputPadding: added at the far sides, to choose among the sizes that the stride makes ambiguous.
    ///   - bias: whether to add a number per output channel.
    public init(
        _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
        bias: Bool = true
    ) {
        (weight, self.bias) = convolutionParameters([inputs, outputs, kernel, kernel], bias: bias ? outputs : nil)
        self.stride = stride
        self.padding = padding
        self.outputPadding = outputPadding
        super.init()
    }

    /// (batch, in, h, w) → (batch, out, h', w')
    public func callAsFunction(_ x: Tensor) -> Tensor {
        ATen.convTranspose2d(
            .tensor(x), .tensor(weight.value.channelsLast()), .optional(bias?.value), .ints([stride, stride]),
            .ints([padding, padding]), .ints([outputPadding, outputPadding]))
    }
}
