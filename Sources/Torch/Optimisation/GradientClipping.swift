/// Scales all gradients down together so that their common Euclidean norm is at most `max`.
///
/// The factor is min(1, max / (norm + 1e-6)). If the norm is not finite the gradients are left as they are.
/// - Returns: the norm before; 0 if there are no gradients.
@discardableResult
public func clipGradientNorm(_ parameters: [Parameter], max: Double) -> Double {
    let gradients = parameters.compactMap(\.gradient)
    guard !gradients.isEmpty else { return 0 }
    return withoutGradient {
        let norms = ATen.foreachNorm.many(gradients.count, .tensors(gradients), 2)
        let norm = Tensor.stack(norms).norm()
        let value = norm.item()
        // In float32 on the device, as torch.nn.utils.clip_grad_norm_ does, so that both agree to the last bit.
        if value.isFinite {
            let factor = (max / (norm + 1e-6)).clamp(max: 1)
            ATen.foreachMultiply.perform(.tensors(gradients), .tensor(factor))
        }
        return value
    }
}
