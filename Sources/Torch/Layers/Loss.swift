import Support

/// Losses; all are means over the elements.
public enum Loss {
    /// The mean over rows of -log softmax(logits)[target].
    /// - Parameters:
    ///   - logits: (batch, classes)
    ///   - targets: (batch), int64
    public static func crossEntropy(logits: Tensor, targets: Tensor) -> Tensor {
        ATen.crossEntropy(.tensor(logits), .tensor(targets))
    }
    /// mean (x - target)²
    public static func mse(_ x: Tensor, _ target: Tensor) -> Tensor {
        sameShape("mse", x, target) ?? ATen.mseLoss(.tensor(x), .tensor(target))
    }
    /// mean |x - target|
    public static func l1(_ x: Tensor, _ target: Tensor) -> Tensor {
        sameShape("l1", x, target) ?? ATen.l1Loss(.tensor(x), .tensor(target))
    }
    /// mean of d²/(2β) where d = |x - target| < β, of d - β/2 elsewhere
    public static func smoothL1(_ x: Tensor, _ target: Tensor, beta: Double = 1) -> Tensor {
        sameShape("smoothL1", x, target) ?? ATen.smoothL1Loss(.tensor(x), .tensor(target), 1, .double(beta))
    }

    /// libtorch would broadcast one against the other, which is hardly ever meant.
    private static func sameShape(_ name: String, _ x: Tensor, _ target: Tensor) -> Tensor? {
        guard x.isDefined, target.isDefined, x.shape != target.shape else { return nil }
        Failure.report(
            Diagnostic(operation: name, shapes: [x.shape, target.shape], reason: "the shapes must be equal"))
        return .undefined
    }
}
