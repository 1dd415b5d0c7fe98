extension Tensor {
    /// eˣ
    public func exp() -> Tensor { ATen.exp(.tensor(self)) }
    /// eˣ - 1, exact for small x
    public func expm1() -> Tensor { ATen.expm1(.tensor(self)) }
    /// Natural logarithm.
    public func log() -> Tensor { ATen.log(.tensor(self)) }
    /// Logarithm to base 10.
    public func log10() -> Tensor { ATen.log10(.tensor(self)) }
    /// Natural logarithm of 1 + x, exact for small x.
    public func log1p() -> Tensor { ATen.log1p(.tensor(self)) }
    /// Square root.
    public func sqrt() -> Tensor { ATen.sqrt(.tensor(self)) }
    /// 1 / √x
    public func rsqrt() -> Tensor { ATen.rsqrt(.tensor(self)) }
    /// 1 / x
    public func reciprocal() -> Tensor { ATen.reciprocal(.tensor(self)) }
    /// Absolute value.
    public func abs() -> Tensor { ATen.abs(.tensor(self)) }
    /// x²
    public func square() -> Tensor { ATen.square(.tensor(self)) }
    /// x to a power.
    public func pow(_ exponent: Double) -> Tensor { ATen.powScalar(.tensor(self), .double(exponent)) }
    /// The nearest value between the bounds; a bound left out does not bind.
    public func clamp(min: Double? = nil, max: Double? = nil) -> Tensor {
        ATen.clamp(.tensor(self), .optional(min), .optional(max))
    }
    /// The next whole number below.
    public func floor() -> Tensor { ATen.floor(.tensor(self)) }
    /// The next whole number above.
    public func ceil() -> Tensor { ATen.ceil(.tensor(self)) }
    /// The nearest whole number, halves to even.
    public func round() -> Tensor { ATen.round(.tensor(self)) }
    /// -1, 0 or 1.
    public func sign() -> Tensor { ATen.sign(.tensor(self)) }
    /// Sine, argument in radians.
    public func sin() -> Tensor { ATen.sin(.tensor(self)) }
    /// Cosine, argument in radians.
    public func cos() -> Tensor { ATen.cos(.tensor(self)) }
    /// Inverse hyperbolic sine: linear near 0, logarithmic far from it.
    public func asinh() -> Tensor { ATen.asinh(.tensor(self)) }
    /// The error function.
    public func erf() -> Tensor { ATen.erf(.tensor(self)) }
    /// What lies below, of a standard normal distribution.
    public func normalShare() -> Tensor { ((self * 0.5.squareRoot()).erf() + 1) * 0.5 }
    /// The inverse of the error function.
    public func erfinv() -> Tensor { ATen.erfinv(.tensor(self)) }
    /// True where neither NaN nor infinite.
    public func isfinite() -> Tensor { ATen.isfinite(.tensor(self)) }
    /// True where NaN.
    public func isnan() -> Tensor { ATen.isnan(.tensor(self)) }
}

// Activations.
extension Tensor {
    /// Hyperbolic tangent.
    public func tanh() -> Tensor { ATen.tanh(.tensor(self)) }
    /// 1 / (1 + e⁻ˣ)
    public func sigmoid() -> Tensor { ATen.sigmoid(.tensor(self)) }
    /// max(x, 0)
    public func relu() -> Tensor { ATen.relu(.tensor(self)) }
    /// x · sigmoid(x)
    public func silu() -> Tensor { ATen.silu(.tensor(self)) }
    /// x · Φ(x) with the exact normal distribution function, not the tanh approximation.
    public func gelu() -> Tensor { ATen.gelu(.tensor(self)) }
    /// log(1 + eˣ)
    public func softplus() -> Tensor { ATen.softplus(.tensor(self)) }
    /// eˣ / Σ eˣ over one dimension.
    public func softmax(_ dimension: Int = -1) -> Tensor { ATen.softmax(.tensor(self), .int(dimension)) }
    /// The logarithm of ``softmax(_:)``, computed without overflow.
    public func logSoftmax(_ dimension: Int = -1) -> Tensor { ATen.logSoftmax(.tensor(self), .int(dimension)) }
}

// Choosing by a condition.
extension Tensor {
    /// The elements of `self` where `condition` (bool) is true, of `other` elsewhere.
    public func `where`(_ condition: Tensor, _ other: Tensor) -> Tensor {
        ATen.whereTensor(.tensor(condition), .tensor(self), .tensor(other))
    }
    /// The elements of `self` where `condition` (bool) is true, a number elsewhere.
    public func `where`(_ condition: Tensor, _ other: Double) -> Tensor {
        ATen.whereScalar(.tensor(condition), .tensor(self), .double(other))
    }
    /// A number where `mask` (bool) is true, the elements of `self` elsewhere.
    public func maskedFill(_ mask: Tensor, _ value: Double) -> Tensor {
        ATen.maskedFill(.tensor(self), .tensor(mask), .double(value))
    }
    /// The elements where `mask` (bool) is true, as one dimension.
    public func maskedSelect(_ mask: Tensor) -> Tensor { ATen.maskedSelect(.tensor(self), .tensor(mask)) }
}
