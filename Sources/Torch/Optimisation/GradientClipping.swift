/// Scales all gradients down together so that their common Euclidean norm is at most `max`.
///
/// The factor is min(1, max / (norm + 1e-6)). If the norm is not finite the gradients are left as they are.
/// - Returns: the norm before; 0 if there are no gradients.
@discardableResult
public func clipGradientNorm(_ parameters: [Parameter], max: Double) -> Double {
    let gradients = parameters.compactMap(\.gradient)
    guard !gradients.isEmpty else { return 0 }
    return withoutGradient {
        // A sum of millions of squares in float32 is off by 1e-4 on the CPU: it is added up in float64 there.
        let isCPU = gradients.allSatisfy { $0.device == .cpu }
        let norms = ATen.foreachNorm.many(
            gradients.count, .tensors(gradients), 2, isCPU ? .dtype(.float64) : nil)
        let norm = Tensor.stack(norms).norm()
        let value = norm.item()
        if value.isFinite {
            let factor = (max / (norm + 1e-6)).clamp(max: 1)
            ATen.foreachMultiply.perform(.tensors(gradients), .tensor(factor))
        }
        return value
    }
}
