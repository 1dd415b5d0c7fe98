// The only operations that change a tensor. Every view of the memory sees the change. A leaf that requires a gradient can
// be changed inside `withoutGradient` only.
extension Tensor {
    /// self += scale · other; between integer tensors the scale must be whole.
    public func addInPlace(_ other: Tensor, scale: Double = 1) {
        // libtorch takes no floating-point scale, not even 1.0, between integers.
        let factor = Int(exactly: scale).map(Argument.int) ?? .double(scale)
        ATen.addInPlace.perform(.tensor(self), .tensor(other), factor)
    }
    /// self *= other
    public func multiplyInPlace(_ other: Tensor) { ATen.mulInPlace.perform(.tensor(self), .tensor(other)) }
    /// self *= factor
    public func multiplyInPlace(_ factor: Double) { ATen.mulScalarInPlace.perform(.tensor(self), .double(factor)) }
    /// Overwrites the elements with those of `other`, broadcast and converted to this tensor's type and device.
    public func copyInPlace(from other: Tensor) { ATen.copyInPlace.perform(.tensor(self), .tensor(other)) }
    /// Overwrites the elements with 0.
    public func zeroInPlace() { ATen.zeroInPlace.perform(.tensor(self)) }
    /// Overwrites the elements with a number.
    public func fillInPlace(_ value: Double) { ATen.fillInPlace.perform(.tensor(self), .double(value)) }
    /// Overwrites the elements with draws from the uniform distribution on [low, high).
    public func uniformInPlace(_ low: Double, _ high: Double) {
        ATen.uniformInPlace.perform(.tensor(self), .double(low), .double(high))
    }
    /// Overwrites the elements with draws from a normal distribution.
    public func normalInPlace(mean: Double = 0, std: Double = 1) {
        ATen.normalInPlace.perform(.tensor(self), .double(mean), .double(std))
    }
    /// Overwrites every element outside the bounds with the nearer bound.
    public func clampInPlace(min: Double, max: Double) {
        ATen.clampInPlace.perform(.tensor(self), .double(min), .double(max))
    }
    /// Overwrites the elements with their inverse error function.
    public func erfinvInPlace() { ATen.erfinvInPlace.perform(.tensor(self)) }
}
