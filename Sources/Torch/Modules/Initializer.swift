import Foundation
import Support

/// How a parameter gets its first values. The same seed gives the same values as PyTorch's `torch.nn.init`.
public enum Initializer: Sendable, Equatable {
    /// A normal distribution of width `std`, cut at ±`cut` (an absolute value, not in units of `std`): inverse cumulative
    /// distribution of a uniform draw, then clamped, as `trunc_normal_` with a = -cut, b = cut.
    case truncatedNormal(std: Double, cut: Double)
    /// U(±√(6 / (fan_in + fan_out)))
    case xavierUniform
    /// N(0, √(2 / fan_in)): for layers followed by ReLU.
    case kaimingNormal
    /// U(±√(6 / ((1 + a²) fan_in))); with a = √5, PyTorch's default for weights, this is U(±1/√fan_in).
    case kaimingUniform(a: Double = 5.0.squareRoot())
    /// N(0, std)
    case normal(std: Double)
    /// U(±bound)
    case uniform(bound: Double)
    /// All 0
    case zeros
    /// All 1
    case ones

    /// Whether `apply` leaves parameters as they are: for modules whose weights are about to be loaded.
    @TaskLocal public static var isSkipped = false

    /// Overwrites the parameter's values, unless initialisation is skipped.
    public func apply(to parameter: Parameter) {
        guard !Self.isSkipped else { return }
        withoutGradient { fill(parameter.value) }
    }

    private func fill(_ tensor: Tensor) {
        switch self {
        case .zeros: tensor.zeroInPlace()
        case .ones: tensor.fillInPlace(1)
        case .uniform(let bound): tensor.uniformInPlace(-bound, bound)
        case .normal(let std): tensor.normalInPlace(std: std)
        case .kaimingNormal: tensor.normalInPlace(std: (2 / fans(of: tensor).input).squareRoot())
        case .kaimingUniform(let a):
            let gain = (2 / (1 + a * a)).squareRoot()
            let bound = 3.0.squareRoot() * gain / fans(of: tensor).input.squareRoot()
            tensor.uniformInPlace(-bound, bound)
        case .xavierUniform:
            let fans = fans(of: tensor)
            let bound = (6 / (fans.input + fans.output)).squareRoot()
            tensor.uniformInPlace(-bound, bound)
        case .truncatedNormal(let std, let cut):
            let edge = erf(cut / std / 2.0.squareRoot())
            tensor.uniformInPlace(-edge, edge)
            tensor.erfinvInPlace()
            tensor.multiplyInPlace(std * 2.0.squareRoot())
            tensor.clampInPlace(min: -cut, max: cut)
        }
    }

    /// How many inputs feed an output and how many outputs an input feeds, for a weight (out, in, kernel…).
    private func fans(of tensor: Tensor) -> (input: Double, output: Double) {
        let shape = tensor.shape
        guard shape.count >= 2 else {
            let reason = "fans are defined for two or more dimensions"
            Failure.report(Diagnostic(operation: "Initializer", shapes: [shape], reason: reason))
            return (1, 1)
        }
        let kernel = shape.dropFirst(2).reduce(1, *)
        return (Double(shape[1] * kernel), Double(shape[0] * kernel))
    }
}
