/// Two-dimensional convolution: (batch, in, h, w) → (batch, out, h', w'), h' = ⌊(h + 2 padding - kernel) / stride⌋ + 1.
public final class Conv2d: Module, Layer {
    /// (out, in, kernel, kernel)
    public let weight: Parameter
    /// (out)
    public let bias: Parameter?
    private let stride: Int
    private let padding: Int

    /// - Parameters:
    ///   - inputs: channels of the input.
    ///   - outputs: channels of the output.
    ///   - kernel: its side.
    ///   - stride: in both directions.
    ///   - padding: zeros added on every side.
    ///   - bias: whether to add a number per output channel.
    public init(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, bias: Bool = true) {
        (weight, self.bias) = convolutionParameters([outputs, inputs, kernel, kernel], bias: bias ? outputs : nil)
        self.stride = stride
        self.padding = padding
        super.init()
    }

    /// (batch, in, h, w) → (batch, out, h', w')
    public func callAsFunction(_ x: Tensor) -> Tensor {
        ATen.conv2d(
            .tensor(x), .tensor(weight.value.channelsLast()), .optional(bias?.value), .ints([stride, stride]),
            .ints([padding, padding]))
    }
}

/// Weight and bias as PyTorch draws them: U(±1/√fan_in) with the fan counted over the weight's second dimension.
func convolutionParameters(_ shape: [Int], bias outputs: Int?) -> (Parameter, Parameter?) {
    let weight = Parameter(.empty(shape))
    Initializer.kaimingUniform().apply(to: weight)
    guard let outputs else { return (weight, nil) }
    let bias = Parameter(.empty([outputs]))
    Initializer.uniform(bound: 1 / Double(shape.dropFirst().reduce(1, *)).squareRoot()).apply(to: bias)
    return (weight, bias)
}

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
